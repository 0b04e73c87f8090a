"""What the wrappers have in common that consist of some samples of another data set."""

from __future__ import annotations

import numpy as np
from mmengine.dataset import force_full_init

from deft_mm.datasets.chain import clean_labels_of, given_labels_of
from deft_mm.datasets.dataset_wrapper import DatasetWrapper


class SubsetWrapper(DatasetWrapper):
    """Base of the wrappers around a data set that leave samples out, or repeat some.

    A subclass says in ``_load`` with :meth:`_take` which samples it consists of. Its arguments and
    errors are those of :class:`~deft_mm.datasets.dataset_wrapper.DatasetWrapper`.
    """

    def _take(self, indices: np.ndarray) -> None:
        """Make this the data set of some samples, with their labels.

        Args:
            indices (np.ndarray): (n,) int64, indices in the wrapped data set, ascending.
        """
        self._indices = indices
        self._given_labels = given_labels_of(self.dataset)[indices]
        clean_labels = clean_labels_of(self.dataset)
        self._clean_labels = None if clean_labels is None else clean_labels[indices]

    @property
    @force_full_init
    def indices(self) -> np.ndarray:
        """np.ndarray: (n,) int64, the indices in the wrapped data set, ascending."""
        return self._indices

    def _get_ori_dataset_idx(self, idx: int) -> int:
        return int(self._indices[self._check_index(idx)])

    @force_full_init
    def __len__(self) -> int:
        return len(self._indices)
