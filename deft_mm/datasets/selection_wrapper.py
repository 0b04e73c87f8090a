"""What the data sets that a selection makes of another one have in common."""

from __future__ import annotations

from os import PathLike
from typing import Any

import numpy as np
import torch
from mmengine.dataset import force_full_init
from mmengine.logging import print_log

from deft_mm.datasets.chain import clean_labels_of, given_labels_of
from deft_mm.datasets.dataset_wrapper import DatasetWrapper
from deft_mm.datasets.sample_table_of import sample_table_of
from deft_mm.selection.found_by_path import rows_by_path
from deft_mm.selection.sample_table import SampleTable
from deft_mm.selection.selection_file import read_selection, require_selection_file
from deft_mm.selection.selector import check_selection

# What a selection file says of how it came about.
_ABOUT = ('method', 'config', 'created', 'deft_mm_version')


class SelectionWrapper(DatasetWrapper):
    """Base of the wrappers that train on what a selection says of a data set.

    A subclass reads the selection in ``_load`` and says with :meth:`_take` which samples it
    consists of. ``sample_idx`` stays the index in the unfiltered data set. What people have decided
    goes before what the detector says: a corrected label is the given one here, and what they
    exclude is nowhere, not among the rejected samples either.

    Args:
        dataset (dict | BaseDataset): The data set that the selection was made of, noise included.
        selection (str | PathLike | SampleTable): Path of a selection file, which must be of this
            data set, or a table, which is taken as it is.
        num_samples (int, optional): Length of this data set: the samples are repeated, as evenly as
            it goes, until there are so many. None takes each once. Defaults to None.
        check_class_names (bool): Whether the class names must be those of the selection file. False
            admits another spelling of the same classes in the same order. Defaults to True.
        lazy_init (bool): Whether to put off reading annotations and the selection until they are
            needed. Defaults to False.

    Raises:
        FileNotFoundError: If there is no such selection file.
        ValueError: If the selection belongs to another data set (the message says in what it
            differs), or is no selection file.
        TypeError: If an argument is of a wrong type.
    """

    # Whether what is kept and what is rejected makes a difference.
    uses_kept = True
    # Fields that it gives its samples, and what reads them, for the message where nothing does.
    sample_fields: dict[str, str] = {}

    def __init__(
        self,
        dataset: Any,
        selection: str | PathLike | SampleTable,
        num_samples: int | None = None,
        check_class_names: bool = True,
        lazy_init: bool = False,
    ) -> None:
        self.selection = self._check_type(selection)
        self.num_samples = num_samples
        self.check_class_names = check_class_names
        if isinstance(self.selection, (str, PathLike)) and not lazy_init:
            # Before time is spent on the data set.
            require_selection_file(self.selection)
        super().__init__(dataset, lazy_init)

    def full_init(self) -> None:
        """Read annotations and selection, once, and log what it makes of them."""
        if self._fully_initialized:
            return
        super().full_init()
        # Of a table its hook has said it.
        if not isinstance(self.selection, SampleTable):
            of = 'a mask' if isinstance(self.selection, np.ndarray) else f"'{self.selection}'"
            lines = ', '.join(' '.join(line.split()) for line in self.extra_repr())
            print_log(f'{type(self).__name__} of {of}. {lines}', logger='current')

    def _check_type(self, selection: Any) -> Any:
        """Return what :attr:`selection` is to be."""
        if isinstance(selection, (str, PathLike, SampleTable)):
            return selection
        raise TypeError(
            f'{type(self).__name__}: `selection` is the path of a selection file or a SampleTable, '
            f'found {type(selection).__name__}.'
        )

    def _read_selection(self) -> tuple[SampleTable, str]:
        """Return the selection and what to call its source."""
        if isinstance(self.selection, SampleTable):
            self._check_size(len(self.selection), 'selection')
            return self.selection, f'The selection given to {type(self).__name__}'
        selection = read_selection_of(self.dataset, self.selection, self.check_class_names)
        return selection, f"Selection file '{self.selection}'"

    def _check_kept(self, kept: np.ndarray, source: str) -> None:
        # Who gives a table has looked at it: once is enough for a warning.
        check_selection(kept, source, warn=not isinstance(self.selection, SampleTable))

    def _check_size(self, size: int, name: str) -> None:
        if size != len(self.dataset):
            raise ValueError(
                f'{type(self).__name__}: the {name} given as `selection` has {size} entries, the '
                f'data set {len(self.dataset)} samples.'
            )

    def _take(self, indices: np.ndarray, selection: SampleTable | None = None) -> None:
        """Make this the data set of some samples, repeated to ``num_samples``.

        Args:
            indices (np.ndarray): (n,) int64, indices in the wrapped data set, ascending.
            selection (SampleTable, optional): Where people have corrected labels. Defaults to None.
        """
        self._indices = self._repeat(indices)
        self._given_labels = given_labels_of(self.dataset)[self._indices]
        if selection is not None and selection.decided.any():
            self.relabels = True
            corrected = selection.corrected_label[self._indices]
            self._given_labels = np.where(corrected >= 0, corrected, self._given_labels)
        clean_labels = clean_labels_of(self.dataset)
        self._clean_labels = None if clean_labels is None else clean_labels[self._indices]

    def _repeat(self, indices: np.ndarray) -> np.ndarray:
        if self.num_samples is None:
            return indices
        if self.num_samples < len(indices):
            raise ValueError(
                f'{type(self).__name__}: `num_samples={self.num_samples}` is less than the '
                f'{len(indices)} selected samples. Leave it out to have each of them once.'
            )
        # Those that come once more than others are spread over the data set: it may be sorted by
        # class.
        return indices[np.arange(self.num_samples) * len(indices) // self.num_samples]

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

    @force_full_init
    def get_data_info(self, idx: int) -> dict:
        """Return the annotation of a sample, with its index in the unfiltered data set.

        Args:
            idx (int): Index of the sample among the selected ones.

        Returns:
            dict: What the pipeline starts from.
        """
        return self._numbered(super().get_data_info(idx), self._get_ori_dataset_idx(idx))

    def _numbered(self, info: dict, idx: int) -> dict:
        """Give an annotation of the wrapped data set the index in the unfiltered one."""
        # A subset within a subset has already put the index of the whole; other wrappers put
        # an index of a part.
        if not isinstance(self.dataset, SelectionWrapper):
            info['sample_idx'] = idx
        return info

    @staticmethod
    def _with_field(data: Any, name: str, value: np.generic) -> Any:
        """Give what a pipeline has returned, if anything, a field of its data sample."""
        if data is not None:
            data['data_samples'].set_field(torch.tensor(value), name, dtype=torch.Tensor)
        return data


def read_selection_of(
    dataset: Any, path: str | PathLike, check_class_names: bool = True
) -> SampleTable:
    """Read the selection file of a data set, or of one that this is a part of.

    A file that lists all images of a folder is good for those that are left when some are held out
    for validation: of image files each is found by its path, and must have the label that it had.

    Args:
        dataset: The data set that the selection was made of, or a part of it, wrapped or not.
        path (str | PathLike): The file.
        check_class_names (bool): Whether the class names must be those of the file. Defaults to
            True.

    Returns:
        SampleTable: What the file says of the samples of the data set.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no selection file, or one of another data set; the message says in what
            that differs.
    """
    selection, samples = read_selection(path), sample_table_of(dataset)
    ignore = () if check_class_names else ('class_names',)
    differing = set(selection.fingerprint.differing_parts(samples.fingerprint)) - set(ignore)
    if 'num_samples' in differing and 'class_names' not in differing:
        rows = _rows_of(samples, selection)
        if rows is not None:
            print_log(
                f"'{path}' lists {len(selection)} samples, of which {len(samples)} are those of "
                'this data set: the others are left alone.',
                logger='current',
            )
            return samples.with_results(
                {name: values[rows] for name, values in selection.results().items()},
                **{name: getattr(selection, name) for name in _ABOUT},
            )
    selection.fingerprint.require_same(
        samples.fingerprint, f"Selection file '{path}'", ignore=ignore
    )
    return selection


def _rows_of(samples: SampleTable, selection: SampleTable) -> np.ndarray | None:
    """Where the samples stand in a longer list; None unless each is there once, labelled so."""
    found = rows_by_path(selection.img_path, samples.img_path)
    if found is None or not np.array_equal(np.sort(found[found >= 0]), np.arange(len(samples))):
        return None
    rows = np.empty(len(samples), dtype=np.int64)
    rows[found[found >= 0]] = np.flatnonzero(found >= 0)
    return rows if np.array_equal(selection.given_label[rows], samples.given_label) else None
