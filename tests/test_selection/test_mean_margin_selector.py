"""AUM: margins and their mean, against loops."""

import numpy as np
import pytest

from deft_mm.selection import MeanMarginSelector
from deft_mm.selection.mixture import mixture_posterior
from tests.test_selection.loss_utils import losses_of

LABELS = np.arange(300) % 4


def margins(num_epochs=5, num_samples=300):
    """Margins that grow with the epochs, of every fifth sample late."""
    draw = np.random.RandomState(2)
    late = np.arange(num_samples) % 5 == 0
    return [
        draw.randn(num_samples) + (1 + epoch) * np.where(late, -1, 1) for epoch in range(num_epochs)
    ]


def run(selector, columns):
    for epoch, margin in enumerate(columns):
        selector.set_epoch(epoch)
        found = selector(losses_of(np.ones(len(margin)), LABELS, 4, margin=np.float32(margin)))
    return found


def test_the_mean_is_over_the_epochs_in_which_there_is_a_margin():
    columns = margins()
    columns[1][7] = columns[3][7] = np.nan
    for column in columns:
        column[9] = np.nan
    kept, score = run(MeanMarginSelector('fixed', threshold=0.5), columns)
    for i in range(300):
        there = [float(np.float32(c[i])) for c in columns if not np.isnan(c[i])]
        if not there:
            assert np.isnan(score[i]) and not kept[i]
            continue
        assert score[i] == pytest.approx(sum(there) / len(there), abs=1e-6)
        assert kept[i] == (score[i] > 0.5)
    assert 0 < kept.sum() < 300


@pytest.mark.parametrize('cut', ['mixture', 'mixture_per_class'])
def test_a_mixture_takes_the_upper_one_for_clean(cut):
    columns = margins()
    kept, score = run(MeanMarginSelector(cut), columns)
    mean = np.float32(columns).astype(float).mean(axis=0)
    expected = mixture_posterior(-mean, LABELS if cut == 'mixture_per_class' else None)
    np.testing.assert_allclose(score, expected, atol=1e-6)
    assert (kept == (np.arange(300) % 5 != 0)).mean() > 0.95


def test_standardized_epochs_weigh_the_same():
    columns = margins()
    expected = np.mean(
        [(c - c.mean()) / c.std() for c in np.float32(columns).astype(float)], axis=0
    )
    selector = MeanMarginSelector('fixed', standardized=True)
    np.testing.assert_allclose(run(selector, columns)[1], expected, atol=1e-9)
    alike = MeanMarginSelector('fixed', standardized=True)
    np.testing.assert_array_equal(run(alike, [np.ones(300)])[1], np.zeros(300))


def test_scores_of_an_epoch_count_once():
    one, two = margins(2)
    selector = MeanMarginSelector('fixed')
    run(selector, [two])
    np.testing.assert_array_equal(run(selector, [one])[1], np.float32(one))
    # Outside of training nothing tells them apart.
    alone = MeanMarginSelector('fixed')
    assert [alone.mean_margin(np.array([v]))[0] for v in (1.0, 2.0)] == [1.0, 1.5]


def test_state_is_all_that_the_mean_depends_on():
    columns = margins(6)
    whole = run(MeanMarginSelector(), columns)
    before, after = MeanMarginSelector(), MeanMarginSelector()
    assert before.state_dict() == {}
    run(before, columns[:3])
    after.load_state_dict(before.state_dict())
    for epoch in (3, 4, 5):
        after.set_epoch(epoch)
        margin = np.float32(columns[epoch])
        resumed = after(losses_of(np.ones(300), LABELS, 4, margin=margin))
    for found, expected in zip(resumed, whole, strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ('options', 'match'),
    [
        (dict(cut='argmax'), '`cut` is one of mixture, '),
        (dict(threshold=2.0), '`threshold` is a probability'),
        (dict(cut='fixed', threshold=float('nan')), '`threshold` is a margin'),
    ],
)
def test_mistakes_are_named(options, match):
    with pytest.raises(ValueError, match=match):
        MeanMarginSelector(**options)
