"""Any data set, without the samples that a selection rejects."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any

import numpy as np
from mmengine.dataset import force_full_init
from mmpretrain.registry import DATASETS

from deft_mm.datasets.chain import clean_labels_of, given_labels_of
from deft_mm.datasets.dataset_fingerprint import dataset_fingerprint
from deft_mm.datasets.dataset_wrapper import DatasetWrapper
from deft_mm.selection.selection_file import read_selection
from deft_mm.selection.selector import check_selection


@DATASETS.register_module()
class CleanSubset(DatasetWrapper):
    """Filter a data set by a selection file, or by a mask.

    Around the training set of any MMPretrain config, it makes that config train on the cleaned
    data. ``sample_idx`` stays the index in the unfiltered data set.

    Args:
        dataset (dict | BaseDataset): The data set that the selection was made of, noise included.
        selection (str | PathLike | Sequence[bool]): Path of a selection file, or an (N,) mask.
        keep (str): 'kept', or 'rejected' for the other samples. Defaults to 'kept'.
        num_samples (int, optional): Length of this data set: the selected samples are repeated, as
            evenly as it goes, until there are so many. None takes each once. Defaults to None.
        check_class_names (bool): Whether the class names must be those of the selection file. False
            admits another spelling of the same classes in the same order. Defaults to True.
        lazy_init (bool): Whether to put off reading annotations and the selection until they are
            needed. Defaults to False.

    Raises:
        FileNotFoundError: If there is no such selection file.
        ValueError: If the selection belongs to another data set (the message says in what it
            differs), keeps nothing, or is no selection file.
        TypeError: If an argument is of a wrong type.

    Example:

        .. code:: python

            train_dataloader = dict(
                dataset=dict(
                    type='CleanSubset',
                    dataset=dict(type='CIFAR10', data_root='data/cifar10', pipeline=train_pipeline),
                    selection='work_dirs/deft_cifar10/selection.csv'))
    """

    def __init__(
        self,
        dataset: Any,
        selection: str | PathLike | Sequence[bool] | np.ndarray,
        keep: str = 'kept',
        num_samples: int | None = None,
        check_class_names: bool = True,
        lazy_init: bool = False,
    ) -> None:
        if keep not in ('kept', 'rejected'):
            raise ValueError(f"CleanSubset: `keep` is 'kept' or 'rejected', found {keep!r}.")
        self.selection = selection if isinstance(selection, (str, PathLike)) else _mask(selection)
        self.keep = keep
        self.num_samples = num_samples
        self.check_class_names = check_class_names
        super().__init__(dataset, lazy_init)

    def _load(self) -> None:
        mask, source = self._read_mask()
        if self.keep == 'rejected':
            mask, source = ~mask, f"{source} with keep='rejected'"
        check_selection(mask, source)
        self._indices = self._repeat(np.flatnonzero(mask))
        self._given_labels = given_labels_of(self.dataset)[self._indices]
        clean_labels = clean_labels_of(self.dataset)
        self._clean_labels = None if clean_labels is None else clean_labels[self._indices]

    def _repeat(self, indices: np.ndarray) -> np.ndarray:
        if self.num_samples is None:
            return indices
        if self.num_samples < len(indices):
            raise ValueError(
                f'CleanSubset: `num_samples={self.num_samples}` is less than the {len(indices)} '
                'selected samples. Leave it out to have each of them once.'
            )
        # Those that come once more than others are spread over the data set: it may be sorted by
        # class.
        return indices[np.arange(self.num_samples) * len(indices) // self.num_samples]

    def _read_mask(self) -> tuple[np.ndarray, str]:
        """Return the (N,) mask of kept samples and what to call its source."""
        if isinstance(self.selection, np.ndarray):
            if len(self.selection) != len(self.dataset):
                raise ValueError(
                    f'CleanSubset: the mask `selection` has {len(self.selection)} entries, '
                    f'the data set {len(self.dataset)} samples.'
                )
            return self.selection, 'The mask given to CleanSubset'
        selection = read_selection(self.selection)
        source = f"Selection file '{self.selection}'"
        selection.fingerprint.require_same(
            dataset_fingerprint(self.dataset),
            source,
            ignore=() if self.check_class_names else ('class_names',),
        )
        return selection.kept, source

    @property
    @force_full_init
    def indices(self) -> np.ndarray:
        """np.ndarray: (n,) int64, the indices in the wrapped data set, ascending."""
        return self._indices

    @force_full_init
    def get_data_info(self, idx: int) -> dict:
        """Return the annotation of a sample, with its index in the unfiltered data set.

        Args:
            idx (int): Index of the sample among the selected ones.

        Returns:
            dict: What the pipeline starts from.
        """
        info = super().get_data_info(idx)
        # A subset within a subset has already put the index of the whole; other wrappers put
        # an index of a part.
        if not isinstance(self.dataset, CleanSubset):
            info['sample_idx'] = self._get_ori_dataset_idx(idx)
        return info

    def extra_repr(self) -> list[str]:
        """Return lines on the selection."""
        if not self._fully_initialized:
            return ["Haven't been initialized"]
        return [f'Selected: \t{len(self)} of {len(self.dataset)} ({self.keep})']

    def _get_ori_dataset_idx(self, idx: int) -> int:
        return int(self._indices[self._check_index(idx)])

    @force_full_init
    def __len__(self) -> int:
        return len(self._indices)


def _mask(selection: Any) -> np.ndarray:
    mask = np.array(selection)
    if mask.ndim != 1 or mask.dtype != np.bool_:
        raise TypeError(
            'CleanSubset: `selection` is the path of a selection file or a mask of shape (N,) and '
            f'type bool, found {type(selection).__name__} of shape {mask.shape} and {mask.dtype}.'
        )
    return mask
