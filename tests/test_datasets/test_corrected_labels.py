"""What people have decided of samples, in every data set that a selection makes."""

import numpy as np
import pytest

from deft_mm.datasets import (
    CleanProbWeightedDataset,
    CleanSubset,
    FixMatchDataset,
    NoisyLabelDataset,
    RelabelledSubset,
)
from tests.test_datasets.dataset_utils import PACK
from tests.test_datasets.selection_wrapper_utils import KEPT, NOISE, digits, selection_of, write

EXCLUDED, RELABELLED, CONFIRMED = 1, 2, 3  # KEPT has 1, 4, 7 and so on


@pytest.fixture
def noisy():
    return NoisyLabelDataset(digits(), NOISE)


@pytest.fixture(params=['table', 'file'])
def selection(request, noisy, tmp_path):
    corrected = np.full(40, -1)
    corrected[EXCLUDED] = -2
    corrected[RELABELLED] = (noisy.given_labels[RELABELLED] + 1) % 10
    corrected[CONFIRMED] = noisy.given_labels[CONFIRMED]
    options = dict(corrected_label=corrected, pred_label=np.full(40, 9))
    if request.param == 'table':
        return selection_of(noisy, **options)
    return write(tmp_path / 'selection.csv', noisy, **options)


def label_of(dataset, idx: int) -> int:
    """The label of a sample as the pipeline gives it."""
    sample = dataset[list(dataset.indices).index(idx)]
    sample = sample[0] if isinstance(sample, list) else sample
    assert sample['data_samples'].sample_idx == idx
    return int(sample['data_samples'].gt_label)


def test_kept_samples_have_the_corrected_labels(noisy, selection):
    subset = CleanSubset(noisy, selection)
    expected = {*np.flatnonzero(KEPT), RELABELLED, CONFIRMED} - {EXCLUDED}
    assert set(subset.indices) == expected
    assert label_of(subset, RELABELLED) == (noisy.given_labels[RELABELLED] + 1) % 10
    assert label_of(subset, CONFIRMED) == noisy.given_labels[CONFIRMED]
    labels = dict(zip(subset.indices, subset.given_labels, strict=True))
    assert all(labels[i] == noisy.given_labels[i] for i in expected - {RELABELLED})
    np.testing.assert_array_equal(subset.clean_labels, noisy.clean_labels[subset.indices])


def test_what_people_exclude_is_not_among_the_rejected(noisy, selection):
    rejected = CleanSubset(noisy, selection, keep='rejected')
    decided = {EXCLUDED, RELABELLED, CONFIRMED}
    assert set(rejected.indices) == {*np.flatnonzero(~KEPT)} - decided


def test_a_persons_label_goes_before_a_prediction(noisy, selection):
    subset = RelabelledSubset(noisy, selection, threshold=0.5)
    assert set(subset.indices) == set(range(40)) - {EXCLUDED}
    assert label_of(subset, RELABELLED) == (noisy.given_labels[RELABELLED] + 1) % 10
    assert label_of(subset, CONFIRMED) == noisy.given_labels[CONFIRMED]
    assert label_of(subset, 5) == 9


def test_what_people_have_seen_has_the_weight_one(noisy, selection):
    weighted = CleanProbWeightedDataset(noisy, selection)
    assert set(weighted.indices) == set(range(40)) - {EXCLUDED}
    weights = {
        int(sample['data_samples'].sample_idx): float(sample['data_samples'].sample_weight)
        for sample in (weighted[i] for i in range(len(weighted)))
    }
    assert weights[RELABELLED] == weights[CONFIRMED] == 1
    assert weights[4] == pytest.approx(0.9) and weights[5] == pytest.approx(0.1)
    assert label_of(weighted, RELABELLED) == (noisy.given_labels[RELABELLED] + 1) % 10


def test_unlabelled_samples_are_neither_corrected_nor_excluded(noisy, selection):
    dataset = FixMatchDataset(noisy, selection, strong_pipeline=PACK, num_unlabelled=8)
    assert set(dataset.indices) == {*np.flatnonzero(KEPT), RELABELLED, CONFIRMED} - {EXCLUDED}
    assert label_of(dataset, RELABELLED) == (noisy.given_labels[RELABELLED] + 1) % 10
    drawn = {view['data_samples'].sample_idx for i in range(8) for view in dataset[i][1:]}
    assert drawn and not drawn & {EXCLUDED, RELABELLED, CONFIRMED}
