"""ProMix's rules in SmallLossSelector, against loops; the others are in test_loss_selectors.py."""

import math

import numpy as np
import pytest

from deft_mm.selection import SmallLossSelector
from tests.test_selection.loss_utils import losses_of, probabilities

PROMIX = dict(per_class=True, equal_quota=True)


def naive(p, labels, num_classes, rho, tau):
    kept = set()
    for label in range(num_classes):
        members = sorted((-math.log(p[i]), i) for i in range(len(p)) if labels[i] == label)
        quota = max(min(math.ceil(rho * len(p) / num_classes), len(members)), 1)
        kept |= {i for _, i in members[:quota]}
    return kept | {i for i in range(len(p)) if p[i] > tau}


@pytest.mark.parametrize('rho', [0.2, 0.5, 0.7])
@pytest.mark.parametrize('tau', [0.5, 0.95])
def test_rules_are_those_of_the_formula(rho, tau):
    probs, labels = probabilities(300, 7)
    p = probs[np.arange(300), labels]
    selector = SmallLossSelector(1 - rho, confidence=tau, **PROMIX)
    kept = selector(losses_of(-np.log(p), labels, 7))[0]
    expected = naive(p, labels, 7, rho, tau)
    assert set(np.flatnonzero(kept)) == expected and 0 < len(expected) < 300


def test_a_small_class_is_kept_whole_and_a_large_one_by_the_share_of_all():
    labels = np.array([0] * 3 + [1] * 17)
    selector = SmallLossSelector(0.5, **PROMIX)
    kept = selector(losses_of(np.arange(20.0), labels))[0]
    assert np.flatnonzero(kept).tolist() == [0, 1, 2, 3, 4, 5, 6, 7]  # ceil(.5 * 20 / 2) = 5


def test_every_class_keeps_one_sample_and_no_sample_that_cannot_be_read():
    loss = [5.0, 3.0, 4.0, np.nan]
    kept = SmallLossSelector(0.99, **PROMIX)(losses_of(loss, np.array([0, 0, 1, 1])))[0]
    assert kept.tolist() == [False, True, True, False]


def test_the_share_that_is_kept_grows_over_the_ramp():
    selector = SmallLossSelector(0.4, start_ratio=0.8, warmup_epochs=5, **PROMIX)
    samples = losses_of(np.arange(100.0))
    assert selector(samples)[0].sum() == 60  # not in training
    kept = []
    for epoch in range(7):
        selector.set_epoch(epoch)
        kept.append(int(selector(samples)[0].sum()))
    assert kept == [20, 30, 40, 50, 60, 60, 60]


@pytest.mark.parametrize(
    ('options', 'match'),
    [
        (dict(start_ratio=1.5, warmup_epochs=3), '`start_ratio` is a share'),
        (dict(start_ratio=0.8), '`start_ratio` is 0.8, and there is no warm-up'),
        (dict(start_ratio=1, warmup_epochs=3), 'rejects every sample'),
        (dict(equal_quota=True), 'set `per_class=True`, too'),
        (dict(confidence=1.0), '`confidence` is a probability'),
    ],
)
def test_mistakes_are_named(options, match):
    with pytest.raises(ValueError, match=match):
        SmallLossSelector(0.4, **options)
