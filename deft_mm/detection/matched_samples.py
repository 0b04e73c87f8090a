"""The samples that a detector with other classes can score."""

from __future__ import annotations

from typing import Any

import numpy as np

from deft_mm.datasets import given_labels_of
from deft_mm.datasets.subset_wrapper import SubsetWrapper


class MatchedSamples(SubsetWrapper):
    """The samples of some classes of a data set, the K classes numbered anew.

    Args:
        dataset (BaseDataset): A classification data set, which may be a wrapper.
        classes (np.ndarray): (K,) int64, labels in the order of the new ones.
    """

    relabels = True

    def __init__(self, dataset: Any, classes: np.ndarray) -> None:
        self.classes = classes
        super().__init__(dataset)

    def _load(self) -> None:
        labels = given_labels_of(self.dataset)
        new_label = np.full(max(labels.max(), self.classes.max()) + 1, -1)
        new_label[self.classes] = np.arange(len(self.classes))
        self._take(np.flatnonzero(new_label[labels] >= 0))
        self._given_labels = new_label[self._given_labels]
        # True labels may be of other classes.
        self._clean_labels = None
