from dataclasses import astuple

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support

from deft_mm.evaluation import DetectionCounts, detection_metrics

RNG = np.random.RandomState(0)
KEPT = RNG.rand(300) < 0.6
GIVEN = RNG.randint(0, 4, 300)
CLEAN = np.where(RNG.rand(300) < 0.7, GIVEN, (GIVEN + 1) % 4)


def test_equals_scikit_learn_with_kept_as_the_positive_class():
    metrics = detection_metrics(KEPT, GIVEN, CLEAN)
    expected = precision_recall_fscore_support(GIVEN == CLEAN, KEPT, average='binary')[:3]
    found = [metrics[name] / 100 for name in ('precision', 'recall', 'f1')]
    assert found == pytest.approx(list(expected))
    assert metrics['n_total'] == 300
    assert metrics['n_kept'] == KEPT.sum()
    assert metrics['n_clean'] == (GIVEN == CLEAN).sum()


def test_counts_of_parts_add_up_to_those_of_the_whole():
    parts = [
        DetectionCounts.from_arrays(KEPT[part], GIVEN[part], CLEAN[part])
        for part in (slice(0, 100), slice(100, 110), slice(110, 300))
    ]
    # The way they are summed over processes.
    summed = np.sum([astuple(part) for part in parts], axis=0)
    total = DetectionCounts(*summed.tolist())
    assert total.metrics() == detection_metrics(KEPT, GIVEN, CLEAN)


@pytest.mark.parametrize(
    'kept, clean, expected',
    [
        ([False, False], [0, 1], (0, 0, 0)),  # nothing kept
        ([True, True], [1, 0], (0, 0, 0)),  # nothing clean
        ([False, False], [1, 0], (0, 0, 0)),  # neither
        ([True, True], [0, 1], (100, 100, 100)),
    ],
)
def test_ratios_without_a_denominator_are_0(kept, clean, expected):
    metrics = detection_metrics(np.array(kept), np.array([0, 1]), np.array(clean))
    assert (metrics['precision'], metrics['recall'], metrics['f1']) == expected


def test_arrays_of_different_length_are_refused():
    with pytest.raises(ValueError, match='shapes'):
        detection_metrics(KEPT, GIVEN, CLEAN[:-1])
