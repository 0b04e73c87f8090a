import numpy as np
import pytest
import torch
from mmengine.dataset import default_collate, pseudo_collate
from mmpretrain.registry import MODELS
from torch.utils.data import DataLoader

from deft_mm.datasets import (
    KeptFlagDataset,
    NoisyLabelDataset,
    clean_labels_of,
    dataset_fingerprint,
    given_labels_of,
)
from deft_mm.selection import EXCLUDED
from tests.test_datasets.selection_wrapper_utils import KEPT, NOISE, digits, selection_of, write


def flags_of(dataset) -> list[bool]:
    return [bool(dataset[i]['data_samples'].kept) for i in range(len(dataset))]


def test_every_sample_comes_with_whether_it_is_kept():
    noisy = NoisyLabelDataset(digits(), NOISE)
    dataset = KeptFlagDataset(noisy, selection_of(noisy))
    assert len(dataset) == 40 and flags_of(dataset) == KEPT.tolist()
    sample = dataset[-1]['data_samples']
    assert sample.sample_idx == 39 and sample.gt_label == noisy.given_labels[39]
    assert sample.kept.dtype == torch.bool and sample.kept.shape == ()
    np.testing.assert_array_equal(clean_labels_of(dataset), noisy.clean_labels)
    np.testing.assert_array_equal(given_labels_of(dataset), noisy.given_labels)
    assert dataset_fingerprint(dataset) == dataset_fingerprint(noisy)


@pytest.mark.parametrize('collate', [default_collate, pseudo_collate])
@pytest.mark.parametrize('workers', [0, 1])
def test_flags_reach_the_model(collate, workers):
    dataset = KeptFlagDataset(digits(), selection_of(digits()))
    loader = DataLoader(dataset, 16, num_workers=workers, collate_fn=collate)
    preprocessor = MODELS.build(dict(type='ClsDataPreprocessor', num_classes=10))
    found = []
    for batch in loader:
        found += [bool(s.kept) for s in preprocessor(batch, True)['data_samples']]
    assert found == KEPT.tolist()


def test_what_people_exclude_and_what_cannot_be_read_is_left_out():
    corrected, pred_prob = np.full(40, -1), np.ones(40)
    corrected[:3] = [EXCLUDED, 7, 0]  # sample 0 was rejected, 1 kept, 2 rejected
    pred_prob[5] = np.nan
    selection = selection_of(digits(), pred_prob=pred_prob, corrected_label=corrected)
    dataset = KeptFlagDataset(digits(), selection, num_samples=45)
    assert len(dataset) == 45 and set(range(40)) - set(dataset.indices) == {0, 5}
    assert flags_of(dataset) == (KEPT | (corrected >= 0))[dataset.indices].tolist()
    labels = dict(zip(dataset.indices, given_labels_of(dataset), strict=True))
    assert (labels[1], labels[2]) == (7, 0)


def test_selection_is_read_from_a_file_and_must_keep_something(tmp_path):
    path = write(tmp_path / 'selection.csv', digits())
    assert flags_of(KeptFlagDataset(digits(), path)) == KEPT.tolist()
    none = write(tmp_path / 'none.csv', digits(), kept=np.zeros(40, dtype=bool))
    with pytest.raises(ValueError, match='none.csv.*keeps none of the 40 samples'):
        KeptFlagDataset(digits(), none)
