"""LongReMix's rule, against the sets that it is the intersection of."""

import numpy as np
import pytest

from deft_mm.selection import GMMSelector, PersistentSelector, build_selector
from tests.test_selection.loss_utils import losses_of

WRAPPED = dict(type='SmallLossSelector', noise_ratio=0.5)


def epochs(number, num_samples=300):
    draw = np.random.RandomState(1)
    return [losses_of(draw.rand(num_samples) + np.arange(num_samples) / 200) for _ in range(number)]


def test_what_is_kept_was_kept_in_each_of_the_last_selections():
    tables = epochs(8)
    selector = build_selector(dict(type='PersistentSelector', selector=WRAPPED, patience=3))
    sets = []
    for epoch, samples in enumerate(tables):
        selector.set_epoch(epoch)
        kept, score = selector(samples)
        once, expected_score = build_selector(WRAPPED)(samples)
        sets.append(set(np.flatnonzero(once)))
        assert set(np.flatnonzero(kept)) == set.intersection(*sets[-3:])
        np.testing.assert_array_equal(score, expected_score)
    assert 0 < kept.sum() < 150


def test_a_second_selection_of_an_epoch_takes_the_place_of_the_first():
    one, two = epochs(2)
    selector = PersistentSelector(WRAPPED)
    for samples in (one, two):
        selector.set_epoch(4)
        kept = selector(samples)[0]
    np.testing.assert_array_equal(kept, build_selector(WRAPPED)(two)[0])


def test_state_is_that_of_both_selectors():
    tables = epochs(6)
    inner = dict(type='MeanMarginSelector', cut='fixed')
    whole, before, after = (PersistentSelector(inner, 3) for _ in range(3))
    tables = [t.with_columns(margin=1 - t.loss) for t in tables]
    for epoch, samples in enumerate(tables):
        if epoch == 4:
            after.load_state_dict(before.state_dict())
        one = after if epoch >= 4 else before
        for selector in (whole, one):
            selector.set_epoch(epoch)
        for found, expected in zip(one(samples), whole(samples), strict=True):
            np.testing.assert_array_equal(found, expected)


def test_what_it_needs_and_gives_is_what_the_other_does():
    similar = PersistentSelector(dict(type='ThresholdSelector', threshold=0.2))
    assert similar.needs == ('similarity',) and not similar.gives_probability
    ramp = PersistentSelector(dict(WRAPPED, warmup_epochs=4))
    assert ramp.warmup_epochs == 4 and ramp.gives_probability
    ramp.set_epoch(0)
    assert ramp(epochs(1)[0])[0].all()


def test_mistakes_are_named():
    with pytest.raises(ValueError, match='`patience` is 0'):
        PersistentSelector(WRAPPED, patience=0)
    with pytest.raises(ValueError, match='selector'):
        PersistentSelector(dict(type='NoSelector'))


def test_most_selectors_remember_nothing():
    assert GMMSelector().state_dict() == {}


def test_data_that_the_other_selector_does_not_fit():
    samples = losses_of(np.arange(6.0))
    inner = dict(type='OptimalTransportSelector', marginal=[1.0] * 77)
    with pytest.raises(ValueError, match='77'):
        build_selector(dict(type='PersistentSelector', selector=inner)).check(samples)
