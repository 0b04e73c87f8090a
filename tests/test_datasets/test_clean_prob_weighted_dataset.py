import numpy as np
import pytest
import torch
from mmengine.dataset import default_collate, pseudo_collate
from mmpretrain.registry import MODELS
from torch.utils.data import DataLoader

from deft_mm.datasets import (
    CleanProbWeightedDataset,
    NoisyLabelDataset,
    clean_labels_of,
    dataset_fingerprint,
    given_labels_of,
    img_paths_of,
)
from tests.test_datasets.selection_wrapper_utils import KEPT, NOISE, digits, selection_of, write

CLEAN_PROB = np.linspace(0, 1, 40, dtype=np.float32)


def weights_of(dataset) -> list[float]:
    return [float(dataset[i]['data_samples'].sample_weight) for i in range(len(dataset))]


def test_every_sample_comes_with_its_clean_probability():
    noisy = NoisyLabelDataset(digits(), NOISE)
    dataset = CleanProbWeightedDataset(noisy, selection_of(noisy, clean_prob=CLEAN_PROB))
    assert len(dataset) == 40 and weights_of(dataset) == CLEAN_PROB.tolist()
    sample = dataset[-1]['data_samples']
    assert sample.sample_idx == 39 and sample.gt_label == noisy.given_labels[39]
    assert sample.sample_weight.dtype == torch.float32 and sample.sample_weight.shape == ()
    np.testing.assert_array_equal(clean_labels_of(dataset), noisy.clean_labels)
    np.testing.assert_array_equal(given_labels_of(dataset), noisy.given_labels)
    assert img_paths_of(dataset) == [''] * 40
    assert dataset_fingerprint(dataset) == dataset_fingerprint(noisy)


@pytest.mark.parametrize('collate', [default_collate, pseudo_collate])
@pytest.mark.parametrize('workers', [0, 1])
def test_weights_reach_the_model(collate, workers):
    dataset = CleanProbWeightedDataset(digits(), selection_of(digits(), clean_prob=CLEAN_PROB))
    loader = DataLoader(dataset, 16, num_workers=workers, collate_fn=collate)
    preprocessor = MODELS.build(dict(type='ClsDataPreprocessor', num_classes=10, to_onehot=True))
    found = []
    for batch in loader:
        found += [float(s.sample_weight) for s in preprocessor(batch, True)['data_samples']]
    assert found == CLEAN_PROB.tolist()


def test_least_weight_raises_lower_ones_only():
    selection = selection_of(digits(), clean_prob=CLEAN_PROB)
    found = weights_of(CleanProbWeightedDataset(digits(), selection, min_weight=0.25))
    assert found == np.maximum(CLEAN_PROB, 0.25).tolist()
    with pytest.raises(ValueError, match='`min_weight`.*-1'):
        CleanProbWeightedDataset(digits(), selection, min_weight=-1)


def test_samples_that_could_not_be_read_are_left_out():
    clean_prob, pred_prob = CLEAN_PROB.copy(), np.ones(40)
    clean_prob[[3, 7]] = pred_prob[[3, 7]] = np.nan
    selection = selection_of(digits(), clean_prob=clean_prob, pred_prob=pred_prob)
    dataset = CleanProbWeightedDataset(digits(), selection, min_weight=0.5, num_samples=45)
    assert len(dataset) == 45 and set(range(40)) - set(dataset.indices) == {3, 7}
    expected = np.maximum(CLEAN_PROB, 0.5)[dataset.indices]
    assert weights_of(dataset) == expected.tolist()


def test_selection_without_usable_probabilities_is_an_error(tmp_path):
    some = np.where(np.arange(40) < 5, np.nan, 0.5)
    path = write(tmp_path / 'selection.csv', digits(), clean_prob=some)
    with pytest.raises(ValueError, match='selection.csv.*no clean_prob for 5 samples.*first: 0'):
        CleanProbWeightedDataset(digits(), path)
    none = selection_of(digits(), KEPT, clean_prob=np.zeros(40))
    with pytest.raises(ValueError, match='the weight 0'):
        CleanProbWeightedDataset(digits(), none)
    assert weights_of(CleanProbWeightedDataset(digits(), none, min_weight=0.5)) == [0.5] * 40
