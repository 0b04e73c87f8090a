"""Samples with features in place of images."""

import numpy as np
import torch
from mmengine.dataset import default_collate

from deft_mm.datasets import NoisyLabelDataset, given_labels_of
from deft_mm.datasets.feature_dataset import FeatureDataset
from runner_utils import MadeUpImages


def test_samples_are_those_of_the_data_set_with_features_and_no_image_is_read():
    images = MadeUpImages(4, 6, pipeline=[])
    noisy = NoisyLabelDataset(images, noise=dict(type='SymmetricNoise', ratio=0.5, seed=0))
    shown = np.array([0, 1, 2, 4, 4, 5])
    dataset = FeatureDataset(noisy, lambda idx: np.full(3, idx, np.float32), shown)
    assert len(dataset) == 6 and dataset.metainfo == noisy.metainfo
    np.testing.assert_array_equal(given_labels_of(dataset), noisy.given_labels)
    batch = default_collate([dataset[idx] for idx in range(6)])
    assert batch['inputs'].dtype == torch.float32
    np.testing.assert_array_equal(batch['inputs'], shown[:, None].repeat(3, 1))
    assert [sample.sample_idx for sample in batch['data_samples']] == shown.tolist()
    labels = [int(sample.gt_label) for sample in batch['data_samples']]
    assert labels == noisy.given_labels[shown].tolist()
