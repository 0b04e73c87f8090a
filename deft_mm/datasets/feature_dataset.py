"""A data set whose samples have features in place of images."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from mmpretrain.structures import DataSample

from deft_mm.datasets.chain import clean_labels_of, given_labels_of
from deft_mm.datasets.dataset_wrapper import DatasetWrapper


class FeatureDataset(DatasetWrapper):
    """The labels of a data set, with features of its images; no image is read.

    :class:`~deft_mm.engine.hooks.NoiseFilterHook` makes it; it is not for configs.

    Args:
        dataset (BaseDataset): The data set, of N samples, wrapped or not.
        feature_of (Callable): Takes the index of a sample and returns its feature, float32 of shape
            (E,).
        shown (np.ndarray): (N,) int64, the sample that is trained on in place of each: itself, or
            another one where its image can't be read.
    """

    def __init__(
        self, dataset: Any, feature_of: Callable[[int], np.ndarray], shown: np.ndarray
    ) -> None:
        self._feature_of, self._shown = feature_of, shown
        super().__init__(dataset)

    def _load(self) -> None:
        self._given_labels = given_labels_of(self.dataset)
        self._clean_labels = clean_labels_of(self.dataset)

    def prepare_data(self, idx: int) -> dict:
        """Return a sample.

        Args:
            idx (int): Index of the sample.

        Returns:
            dict: ``inputs``, a float32 tensor of shape (E,), and ``data_samples`` with the given
            label and ``sample_idx``.
        """
        shown = int(self._shown[self._check_index(idx)])
        sample = DataSample(metainfo=dict(sample_idx=shown))
        sample.set_gt_label(int(self._given_labels[shown]))
        return dict(inputs=torch.from_numpy(self._feature_of(shown)), data_samples=sample)
