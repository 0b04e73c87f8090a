"""The samples that a detector with other classes can score."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmengine.dataset import force_full_init

from deft_mm.datasets import given_labels_of
from deft_mm.datasets.dataset_wrapper import DatasetWrapper


class MatchedSamples(DatasetWrapper):
    """The samples of some classes of a data set, the K classes numbered anew.

    Args:
        dataset (BaseDataset): A classification data set, which may be a wrapper.
        classes (np.ndarray): (K,) int64, labels in the order of the new ones.
    """

    def __init__(self, dataset: Any, classes: np.ndarray) -> None:
        self.classes = classes
        super().__init__(dataset)

    def _load(self) -> None:
        labels = given_labels_of(self.dataset)
        new_label = np.full(max(labels.max(), self.classes.max()) + 1, -1)
        new_label[self.classes] = np.arange(len(self.classes))
        self._indices = np.flatnonzero(new_label[labels] >= 0)
        self._given_labels = new_label[labels[self._indices]]
        # True labels may be of other classes.
        self._clean_labels = None

    @property
    @force_full_init
    def indices(self) -> np.ndarray:
        """np.ndarray: (n,) int64, the indices in the wrapped data set, ascending."""
        return self._indices

    @force_full_init
    def get_data_info(self, idx: int) -> dict:
        """Return the annotation of a sample, with its new label.

        Args:
            idx (int): Index of the sample.

        Returns:
            dict: What the pipeline starts from.
        """
        info = super().get_data_info(idx)
        info['gt_label'] = int(self._given_labels[idx])
        # A soft label has an entry for each class of the wrapped data set.
        info.pop('gt_score', None)
        return info

    def _get_ori_dataset_idx(self, idx: int) -> int:
        return int(self._indices[self._check_index(idx)])

    @force_full_init
    def __len__(self) -> int:
        return len(self._indices)
