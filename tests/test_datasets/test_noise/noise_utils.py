"""The golden noisy labels, and what tests of noise models share."""

from __future__ import annotations

import random

import numpy as np
import pytest

from golden_utils import load_golden


def golden(key: str) -> tuple[np.ndarray, int, np.ndarray]:
    """Clean labels, number of classes and noisy labels of one golden entry."""
    i = np.arange(50_000)
    num_classes = 100 if key.startswith('cifar100/') else 10
    return (i * 7919 + i // 13) % num_classes, num_classes, load_golden('noise')[key]


def assert_deterministic(make, labels: np.ndarray, num_classes: int, dataset=None) -> None:
    """Two models of one seed agree, another differs; generators and input are left alone.

    Args:
        make: Takes a seed and returns a noise model.
        labels: Clean labels.
        num_classes: C.
        dataset: The clean data set.
    """
    before = labels.copy()
    states = random.getstate(), np.random.get_state()
    first, again, other = (make(seed)(labels, num_classes, dataset=dataset) for seed in (3, 3, 4))
    assert random.getstate() == states[0]
    np.testing.assert_array_equal(np.random.get_state()[1], states[1][1])
    np.testing.assert_array_equal(labels, before)
    np.testing.assert_array_equal(first, again)
    assert first.dtype == np.int64
    assert (first != other).any()


def refuses_bad_ratios(class_: type) -> None:
    """A ratio outside [0, 1] is an error that names it."""
    for ratio in (-0.1, 1.1, 60, '0.4', None):
        with pytest.raises(ValueError, match=rf'{class_.__name__}.*`ratio`'):
            class_(ratio)
