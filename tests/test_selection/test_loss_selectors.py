"""Selectors by prediction, loss and similarity."""

import numpy as np
import pytest

from deft_mm.models.losses import SmallLoss
from deft_mm.models.training_context import TrainingContext
from deft_mm.selection import (
    DualPromptSelector,
    Fingerprint,
    GMMSelector,
    LabelMatchSelector,
    SampleTable,
    SmallLossSelector,
    ThresholdSelector,
    build_selector,
)
from golden_utils import load_golden
from tests.test_selection.selection_utils import table

LOSS = np.array([0.1, 2.0, 0.2, 3.0, np.nan])


def losses_of(values) -> SampleTable:
    """Samples that can all be read, of two classes in turn."""
    n = len(values)
    given = np.arange(n) % 2
    return SampleTable(
        fingerprint=Fingerprint.from_parts(['a', 'b'], given, [''] * n),
        class_names=['a', 'b'],
        img_path=[''] * n,
        given_label=given,
        pred_label=np.zeros(n),
        pred_prob=np.full(n, 0.5),
        loss=values,
    )


def kept_by(selector, samples: SampleTable) -> np.ndarray:
    return selector(samples)[0]


def test_label_match_keeps_where_the_prediction_is_the_label():
    selector = build_selector(dict(type='LabelMatchSelector'))
    kept, score = selector(table(loss=LOSS, pred_label=[0, 2, 2, 1, -1]))
    assert kept.tolist() == [True, False, True, False, False]
    np.testing.assert_allclose(score, np.exp(-LOSS), rtol=1e-6)


def test_small_loss_keeps_as_many_as_the_ratio_leaves_of_what_can_be_read():
    kept, score = SmallLossSelector(0.5)(table(loss=LOSS))
    assert kept.tolist() == [True, False, True, False, False]
    np.testing.assert_allclose(score, np.exp(-LOSS), rtol=1e-6)
    assert kept_by(SmallLossSelector(0.0), table(loss=LOSS)).tolist() == [True] * 4 + [False]


def test_small_loss_takes_the_lower_index_of_equal_losses():
    kept = kept_by(SmallLossSelector(0.5), losses_of(np.ones(6)))
    assert kept.tolist() == [True] * 3 + [False] * 3


def test_small_loss_can_keep_the_same_share_of_every_class():
    samples = losses_of(np.array([5.0, 0.1, 6.0, 0.2, 7.0, 0.3, 8.0, 0.4]))
    assert kept_by(SmallLossSelector(0.5), samples)[1::2].all()
    kept = kept_by(SmallLossSelector(0.5, per_class=True), samples)
    assert kept.tolist() == [True, True, True, True, False, False, False, False]


def test_small_loss_counts_a_whole_number_where_the_product_falls_short():
    assert kept_by(SmallLossSelector(0.8), losses_of(np.arange(5.0))).sum() == 1


def test_gmm_selects_what_the_golden_file_selects():
    golden = load_golden('losses')
    kept, posterior = GMMSelector()(losses_of(golden['gmm_losses']))
    np.testing.assert_allclose(posterior, golden['gmm_prob_clean'], atol=1e-4)
    np.testing.assert_array_equal(kept, golden['gmm_selected'])


def test_gmm_leaves_unreadable_samples_out_of_the_fit():
    loss = np.concatenate([np.linspace(0.0, 0.2, 20), np.linspace(3.0, 3.3, 20)])
    whole = GMMSelector()(losses_of(loss))[1]
    kept, score = GMMSelector()(losses_of(np.append(loss, np.nan)))
    assert np.isnan(score[-1])
    np.testing.assert_allclose(score[:-1], whole)
    assert kept.tolist() == [True] * 20 + [False] * 21


def test_gmm_keeps_everything_where_all_losses_are_equal():
    kept, score = GMMSelector()(losses_of(np.full(5, 0.7)))
    assert kept.all() and (score == 1).all()


def test_small_loss_rejects_as_much_over_the_whole_set_as_in_a_batch():
    """The ramp is that of the loss, of which the reference's figures are."""
    loss, selector = SmallLoss(0.4, warmup_epochs=3), SmallLossSelector(0.4, warmup_epochs=3)
    samples = losses_of(np.arange(20.0))
    assert kept_by(selector, samples).sum() == 12  # not in training
    kept = []
    for epoch in range(5):
        loss.enter(TrainingContext(epoch=epoch))
        selector.set_epoch(epoch)
        assert selector.forget_rate == loss.forget_rate
        kept.append(kept_by(selector, samples).sum())
    assert kept == [20, 16, 12, 12, 12]


@pytest.mark.parametrize('loss', [[], [0.3], [np.nan, 0.3]])
def test_gmm_keeps_what_there_is_where_nothing_can_be_told_apart(loss):
    loss = np.array(loss)
    assert kept_by(GMMSelector(), losses_of(loss)).tolist() == np.isfinite(loss).tolist()


def test_gmm_per_class_takes_each_class_by_itself():
    # Where class 1 is hard, its right labels lose as much as the wrong ones of class 0.
    draw = np.random.RandomState(0)
    low, high = draw.rand(60) * 0.1, draw.rand(60) * 0.1
    loss = np.empty(120)
    loss[0::2] = low + np.repeat([0, 1], 30)
    loss[1::2] = high + np.repeat([1, 2], 30)
    samples = losses_of(loss)
    kept = kept_by(GMMSelector(per_class=True), samples)
    np.testing.assert_array_equal(kept[0::2], loss[0::2] < 0.5)
    np.testing.assert_array_equal(kept[1::2], loss[1::2] < 1.5)
    posterior = GMMSelector(per_class=True)(samples)[1]
    np.testing.assert_array_equal(posterior[1::2], GMMSelector().posterior(samples.loss[1::2]))
    assert not np.array_equal(kept, kept_by(GMMSelector(), samples))


def test_gmm_per_class_takes_small_classes_by_the_mixture_of_all():
    loss = np.concatenate([np.linspace(0.0, 0.2, 20), np.linspace(3.0, 3.3, 18), [np.nan]])
    samples = losses_of(loss)  # 19 of each class can be judged
    for one, two in zip(GMMSelector(per_class=True)(samples), GMMSelector()(samples), strict=True):
        np.testing.assert_array_equal(one, two)


def test_posteriors_next_to_nothing_still_rank():
    loss = np.concatenate([np.linspace(0.0, 0.2, 200), np.linspace(3.0, 6.0, 200)])
    samples = losses_of(loss)
    score = GMMSelector()(samples)[1]
    told = samples.with_columns(score=score).score
    assert len(np.unique(told[200:])) > 150
    assert (np.float32(told[200:]) == 0).all()  # where single precision has no ranking left


def test_gmm_never_keeps_a_sample_whose_loss_has_diverged():
    loss = np.concatenate([np.linspace(0.0, 0.2, 20), np.linspace(3.0, 3.3, 20)])
    samples = losses_of(np.append(loss, [np.inf, np.nan]))
    assert kept_by(GMMSelector(), samples).tolist() == [True] * 20 + [False] * 22


def test_gmm_decides_in_double_precision(monkeypatch):
    selector = GMMSelector()
    monkeypatch.setattr(selector, 'posterior', lambda loss, _: np.full(len(loss), 0.5 + 1e-12))
    assert kept_by(selector, losses_of(np.arange(3.0))).all()


def test_threshold_is_on_the_similarity_which_is_the_score():
    similarity = np.array([0.3, 0.25, 0.2, -0.5, np.nan], dtype=np.float32)
    kept, score = ThresholdSelector(0.25)(table(similarity=similarity))
    assert kept.tolist() == [True] + [False] * 4
    # Negative ones, too: it is no probability, and does not become one.
    np.testing.assert_array_equal(score, similarity)
    assert not ThresholdSelector.gives_probability


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


@pytest.mark.parametrize(
    'selector',
    [LabelMatchSelector(), SmallLossSelector(0.4), GMMSelector(), DualPromptSelector()],
)
def test_score_that_gives_a_probability_is_one_and_nan_where_unreadable(selector):
    kept, score = selector(table(loss=LOSS, agreed=[1, 1, 1, 1, 0]))
    assert selector.gives_probability and kept.dtype == bool
    assert np.isnan(score).tolist() == [False] * 4 + [True] and not kept[4]
    assert (score[:4] >= 0).all() and (score[:4] <= 1).all()
