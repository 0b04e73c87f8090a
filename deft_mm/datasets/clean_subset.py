"""Any data set, without the samples that a selection rejects."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike
from typing import Any

import numpy as np
from mmpretrain.registry import DATASETS

from deft_mm.datasets.selection_wrapper import SelectionWrapper
from deft_mm.selection.sample_table import SampleTable


@DATASETS.register_module()
class CleanSubset(SelectionWrapper):
    """Filter a data set by a selection file, a selection or a mask.

    Around the training set of any MMPretrain config, it makes that config train on the cleaned
    data. ``sample_idx`` stays the index in the unfiltered data set.

    Args:
        dataset (dict | BaseDataset): The data set that the selection was made of, noise included.
        selection (str | PathLike | SampleTable | Sequence[bool]): Path of a selection file, which
            must be of this data set; or a table or an (N,) mask, which is taken as it is.
        keep (str): 'kept', or 'rejected' for the other samples. Defaults to 'kept'.
        **kwargs: ``num_samples``, ``check_class_names`` and ``lazy_init``, see
            :class:`~deft_mm.datasets.selection_wrapper.SelectionWrapper`.

    Raises:
        ValueError: If the selection keeps nothing. For files and types see ``SelectionWrapper``.

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
        selection: str | PathLike | SampleTable | Sequence[bool] | np.ndarray,
        keep: str = 'kept',
        **kwargs,
    ) -> None:
        if keep not in ('kept', 'rejected'):
            raise ValueError(f"CleanSubset: `keep` is 'kept' or 'rejected', found {keep!r}.")
        self.keep = keep
        super().__init__(dataset, selection, **kwargs)

    def _check_type(self, selection: Any) -> Any:
        if isinstance(selection, (str, PathLike, SampleTable)):
            return selection
        return _mask(selection)

    def _load(self) -> None:
        if isinstance(self.selection, np.ndarray):
            self._check_size(len(self.selection), 'mask')
            selection, kept, source = None, self.selection, 'The mask given to CleanSubset'
            rejected = ~kept
        else:
            selection, source = self._read_selection()
            kept, rejected = selection.kept, selection.rejected
        if self.keep == 'rejected':
            kept, source = rejected, f"{source} with keep='rejected'"
        self._check_kept(kept, source)
        self._take(np.flatnonzero(kept), selection)

    def extra_repr(self) -> list[str]:
        """Return lines on the selection."""
        return [f'Selected: \t{len(self)} of {len(self.dataset)} ({self.keep})']


def _mask(selection: Any) -> np.ndarray:
    mask = np.array(selection)
    if mask.ndim != 1 or mask.dtype != np.bool_:
        raise TypeError(
            'CleanSubset: `selection` is the path of a selection file, a SampleTable, or a mask of '
            f'shape (N,) and type bool, found {type(selection).__name__} of shape {mask.shape} and '
            f'{mask.dtype}.'
        )
    return mask
