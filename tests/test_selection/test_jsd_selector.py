"""UNICON's rule, against the divergence of whole distributions and loops."""

import math

import numpy as np
import pytest

from deft_mm.selection import JSDSelector
from tests.test_selection.loss_utils import losses_of, probabilities


def divergence(probs_C, label, log):
    """The Jensen-Shannon divergence of a distribution and a one-hot label, as it is defined."""
    total = 0.0
    for c, p in enumerate(probs_C):
        y = 1.0 if c == label else 0.0
        m = (p + y) / 2
        for part in (p, y):
            if part > 0:
                total += part * log(part / m) / 2
    return total


def naive(probs, labels, cutoff, tau, log):
    d = [divergence(row, label, log) for row, label in zip(probs, labels, strict=True)]
    threshold = sum(d) / len(d)
    if threshold > cutoff:
        threshold -= (threshold - min(d)) / tau
    num_below = sum(one < threshold for one in d)
    quota = math.floor(num_below / probs.shape[1])
    kept = set()
    for label in range(probs.shape[1]):
        members = sorted((d[i], i) for i in range(len(d)) if labels[i] == label)
        kept |= {i for _, i in members[:quota]}
    return kept, {i for i, one in enumerate(d) if one < threshold}


@pytest.mark.parametrize(('base', 'log'), [(2, math.log2), (math.e, math.log)])
@pytest.mark.parametrize('cutoff', [0.7, 0.3])
@pytest.mark.parametrize('sharpness', [1, 5])
def test_rule_is_that_of_the_definition(base, log, cutoff, sharpness):
    probs, labels = probabilities(300, 7, sharpness)
    balanced, below = naive(probs, labels, cutoff, 5, log)
    table = losses_of(-np.log(probs[np.arange(300), labels]), labels, 7)
    kept, score = JSDSelector(cutoff=cutoff, log_base=base)(table)
    assert 0 < len(balanced) < 300 and set(np.flatnonzero(kept)) == balanced
    kept = JSDSelector(cutoff=cutoff, log_base=base, balanced=False)(table)[0]
    assert set(np.flatnonzero(kept)) == below
    in_bits = [divergence(row, y, math.log2) for row, y in zip(probs, labels, strict=True)]
    np.testing.assert_allclose(score, 1 - np.array(in_bits), atol=1e-6)


def test_a_mean_above_the_cutoff_is_lowered_in_bits_and_never_in_natural_logarithms():
    bits, natural = JSDSelector(), JSDSelector(log_base=math.e)
    high = np.array([0.6, 0.9, 0.96])
    assert bits.threshold(high) == pytest.approx(0.82 - 0.22 / 5)
    assert bits.threshold(high[:1]) == 0.6
    worst = losses_of(np.full(4, 80.0))
    assert (JSDSelector()(worst)[1] < 1e-30).all()
    assert math.log(2) < natural.cutoff  # the largest divergence that there is


def test_a_class_smaller_than_its_share_gives_no_other_sample_in_its_place():
    labels = np.array([1] * 20 + [0])
    loss = np.append(np.linspace(0.01, 0.02, 12), [3.0] * 8 + [4.0])
    kept = JSDSelector()(losses_of(loss, labels))[0]
    # 12 are below the mean, 6 of each of two classes, of which one has a single sample.
    assert np.flatnonzero(kept).tolist() == [0, 1, 2, 3, 4, 5, 20]


def test_what_has_no_loss_is_left_out():
    probs, labels = probabilities(60, 2)
    loss = -np.log(probs[np.arange(60), labels])
    whole = JSDSelector()(losses_of(loss, labels))
    more = losses_of(np.append(loss, [np.nan, np.inf]), np.append(labels, [0, 1]))
    kept, score = JSDSelector()(more)
    np.testing.assert_array_equal(kept, np.append(whole[0], [False, False]))
    assert np.isnan(score[-2:]).all()
    assert not JSDSelector()(losses_of([np.nan, np.nan]))[0].any()


def test_equal_losses_are_all_kept():
    assert JSDSelector()(losses_of(np.full(8, 0.7)))[0].all()


def test_losses_far_beyond_the_end_of_the_divergence_still_rank():
    loss = np.linspace(30, 80, 100)
    score = JSDSelector()(losses_of(loss))[1]
    assert (np.diff(score) < 0).all() and score[0] < 1e-10


@pytest.mark.parametrize(
    ('options', 'match'),
    [
        (dict(cutoff=1.1), '`cutoff` is a divergence'),
        (dict(tau=0.5), '`tau` is 0.5'),
        (dict(log_base=1), '`log_base` is 1: set it above 1'),
    ],
)
def test_mistakes_are_named(options, match):
    with pytest.raises(ValueError, match=match):
        JSDSelector(**options)
