"""Any data set, under the labels that people have corrected."""

from __future__ import annotations

from collections.abc import Sequence
from os import PathLike, fspath
from typing import Any

import numpy as np
from mmengine.dataset import force_full_init
from mmpretrain.registry import DATASETS

from deft_mm.datasets.sample_table_of import sample_table_of
from deft_mm.datasets.selection_wrapper import SelectionWrapper
from deft_mm.selection.corrections import apply_corrections, count_decisions
from deft_mm.selection.sample_table import EXCLUDED


@DATASETS.register_module()
class CorrectedLabels(SelectionWrapper):
    """Give samples the labels that people have decided on, and leave out what they exclude.

    What nobody has looked at keeps its given label. True labels are those that the wrapped data set
    knows, if any: a correction is no noise. A detector that selects from this data set doesn't
    doubt what people have decided. ``sample_idx`` stays the index in the wrapped data set.

    Args:
        dataset (dict | BaseDataset): The data set that was reviewed, noise included.
        corrections (str | PathLike | Sequence): Path of a ``corrections.csv`` of this data set, or
            several; see :mod:`deft_mm.selection.corrections`.
        **kwargs: ``num_samples`` and ``lazy_init``, see
            :class:`~deft_mm.datasets.selection_wrapper.SelectionWrapper`.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is of another data set, or damaged.
        TypeError: If an argument is of a wrong type.

    Example:

        .. code:: python

            train_dataloader = dict(
                dataset=dict(
                    type='CorrectedLabels',
                    dataset=dict(type='ImageFolderDataset', data_root='images', val_path='.'),
                    corrections='corrections.csv'))
    """

    uses_kept = False

    def __init__(
        self, dataset: Any, corrections: str | PathLike | Sequence[str | PathLike], **kwargs
    ) -> None:
        super().__init__(dataset, corrections, **kwargs)

    def _check_type(self, selection: Any) -> list[str]:
        paths = [selection] if isinstance(selection, (str, PathLike)) else selection
        if not isinstance(paths, (list, tuple)) or not paths:
            raise TypeError(
                'CorrectedLabels: `corrections` is the path of a corrections.csv, or a list of '
                f'such, found {selection!r}.'
            )
        return [fspath(path) for path in paths]

    def _load(self) -> None:
        table = apply_corrections(sample_table_of(self.dataset), self.selection).table
        self._take(np.flatnonzero(table.corrected_label != EXCLUDED), table)
        self._corrected = table.corrected_label[self._indices]
        self._counts = count_decisions(table)

    @property
    @force_full_init
    def corrected_labels(self) -> np.ndarray:
        """np.ndarray: (n,) int64, what people have decided, -1 where nobody has."""
        return self._corrected

    def extra_repr(self) -> list[str]:
        """Return lines on what people have decided."""
        return [f'Samples: \t{", ".join(f"{n} {word}" for word, n in self._counts.items())}']
