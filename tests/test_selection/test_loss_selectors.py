"""Selectors by prediction, loss and similarity."""

import numpy as np
import pytest

from deft_mm.models.losses import SmallLoss
from deft_mm.selection import (
    DualPromptSelector,
    GMMSelector,
    LabelMatchSelector,
    SampleScores,
    SmallLossSelector,
    ThresholdSelector,
    build_selector,
)
from golden_utils import load_golden
from tests.test_selection.selection_utils import fingerprint, scores

LOSS = np.array([0.1, 2.0, 0.2, 3.0, np.nan])


def losses_of(values) -> SampleScores:
    """Scores of samples that can all be read."""
    n = len(values)
    return SampleScores(
        given_label=np.arange(n) % 2,
        clean_prob=np.full(n, np.nan),
        pred_label=np.zeros(n),
        pred_prob=np.full(n, 0.5),
        yes_label=np.full(n, -1),
        readable=np.ones(n, bool),
        loss=values,
    )


def test_label_match_keeps_where_the_prediction_is_the_label():
    table = scores(loss=LOSS, pred_label=[0, 2, 2, 1, -1])
    selector = build_selector(dict(type='LabelMatchSelector'))
    assert selector.select(table, fingerprint()).tolist() == [True, False, True, False, False]
    np.testing.assert_allclose(selector.score(table), np.exp(-LOSS), rtol=1e-6)


def test_label_match_never_keeps_an_unreadable_sample():
    table = scores(loss=LOSS, pred_label=[0, 1, 2, 0, 1])
    assert LabelMatchSelector().select(table, fingerprint()).tolist() == [True] * 4 + [False]


def test_small_loss_keeps_as_many_as_the_ratio_leaves_of_what_can_be_read():
    table = scores(loss=LOSS)
    assert SmallLossSelector(0.5).select(table, fingerprint()).tolist() == [True, False, True] + [
        False,
        False,
    ]
    assert SmallLossSelector(0.0).select(table, fingerprint()).sum() == 4


def test_small_loss_takes_the_lower_index_of_equal_losses():
    kept = SmallLossSelector(0.5).select(losses_of(np.ones(6)), None)
    assert kept.tolist() == [True] * 3 + [False] * 3


def test_small_loss_can_keep_the_same_share_of_every_class():
    table = losses_of(np.array([5.0, 0.1, 6.0, 0.2, 7.0, 0.3, 8.0, 0.4]))
    assert SmallLossSelector(0.5).select(table, None)[1::2].all()
    kept = SmallLossSelector(0.5, per_class=True).select(table, None)
    assert kept.tolist() == [True, True, True, True, False, False, False, False]


def test_small_loss_counts_a_whole_number_where_the_product_falls_short():
    assert SmallLossSelector(0.8).select(losses_of(np.arange(5.0)), None).sum() == 1


def test_gmm_selects_what_the_golden_file_selects():
    golden = load_golden('losses')
    table = losses_of(golden['gmm_losses'])
    selector = GMMSelector()
    posterior = selector.posterior(golden['gmm_losses'])
    np.testing.assert_allclose(posterior, golden['gmm_prob_clean'], atol=1e-4)
    kept = selector.select(table, None)
    np.testing.assert_array_equal(kept, golden['gmm_selected'])


def test_gmm_leaves_unreadable_samples_out_of_the_fit():
    loss = np.concatenate([np.linspace(0.0, 0.2, 20), np.linspace(3.0, 3.3, 20)])
    whole = losses_of(loss)
    gap = losses_of(np.append(loss, np.nan))
    gap.readable[-1] = False
    score = GMMSelector().score(gap)
    assert np.isnan(score[-1])
    np.testing.assert_allclose(score[:-1], GMMSelector().score(whole))
    assert GMMSelector().select(gap, None).tolist() == [True] * 20 + [False] * 21


def test_gmm_keeps_everything_where_all_losses_are_equal():
    assert GMMSelector().select(losses_of(np.full(5, 0.7)), None).all()


def test_small_loss_rejects_as_much_over_the_whole_set_as_in_a_batch():
    """The ramp is that of the loss, of which the reference's figures are."""
    loss, selector = SmallLoss(0.4, warmup_epochs=3), SmallLossSelector(0.4, warmup_epochs=3)
    table = losses_of(np.arange(20.0))
    assert selector.select(table, None).sum() == 12  # not in training
    kept = []
    for epoch in range(5):
        loss.set_epoch(epoch)
        selector.set_epoch(epoch)
        assert selector.forget_rate == loss.forget_rate
        kept.append(selector.select(table, None).sum())
    assert kept == [20, 16, 12, 12, 12]


@pytest.mark.parametrize('loss', [[], [0.3], [np.nan, 0.3]])
def test_gmm_keeps_what_there_is_where_nothing_can_be_told_apart(loss):
    loss = np.array(loss)
    assert GMMSelector().select(losses_of(loss), None).tolist() == np.isfinite(loss).tolist()


def test_gmm_never_keeps_a_sample_whose_loss_has_diverged():
    loss = np.concatenate([np.linspace(0.0, 0.2, 20), np.linspace(3.0, 3.3, 20)])
    table = losses_of(np.append(loss, [np.inf, np.nan]))
    assert GMMSelector().select(table, None).tolist() == [True] * 20 + [False] * 22


def test_gmm_decides_in_double_precision(monkeypatch):
    selector = GMMSelector()
    monkeypatch.setattr(selector, 'posterior', lambda loss: np.full(len(loss), 0.5 + 1e-12))
    assert selector.select(losses_of(np.arange(3.0)), None).all()


def test_threshold_is_on_the_similarity():
    table = scores(similarity=[0.3, 0.25, 0.2, -0.5, np.nan])
    selector = ThresholdSelector(0.25)
    assert selector.select(table, fingerprint()).tolist() == [True] + [False] * 4
    np.testing.assert_allclose(selector.score(table)[:4], [0.3, 0.25, 0.2, 0.0], rtol=1e-6)


@pytest.mark.parametrize(
    ('selector', 'options', 'match'),
    [
        (SmallLossSelector, dict(noise_ratio=1.0), r'`noise_ratio` is a share in \[0, 1\)'),
        (SmallLossSelector, dict(noise_ratio=-0.1), 'noise_ratio'),
        (SmallLossSelector, dict(noise_ratio=0.4, warmup_epochs=-1), 'warmup_epochs'),
        (GMMSelector, dict(threshold=1.0), 'threshold'),
        (ThresholdSelector, dict(threshold=-0.1), 'threshold'),
    ],
)
def test_mistakes_are_named(selector, options, match):
    with pytest.raises(ValueError, match=match):
        selector(**options)


SELECTORS = [LabelMatchSelector(), SmallLossSelector(0.4), GMMSelector(), ThresholdSelector(0.2)]


@pytest.mark.parametrize('selector', SELECTORS)
def test_without_the_scores_that_it_needs_there_is_no_selection(selector):
    name = type(selector).__name__
    with pytest.raises(ValueError, match=f'{name} selects by scores'):
        selector.select(None, None)
    with pytest.raises(ValueError, match=f"{name} needs the '{selector.needs[0]}'"):
        selector.select(scores(), None)


@pytest.mark.parametrize('selector', [*SELECTORS, DualPromptSelector()])
def test_score_is_a_float32_share_that_is_nan_where_unreadable(selector):
    score = selector.score(scores(loss=LOSS, similarity=[0.3, -0.2, 1.0001, 0.1, np.nan]))
    assert score.dtype == np.float32 and np.isnan(score).tolist() == [False] * 4 + [True]
    assert (score[:4] >= 0).all() and (score[:4] <= 1).all()
