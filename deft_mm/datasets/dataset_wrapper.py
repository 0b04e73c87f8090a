"""What our data-set wrappers have in common."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset, force_full_init
from mmpretrain.registry import DATASETS

from deft_mm.datasets.chain import base_datasets, resolve
from deft_mm.datasets.unreadable_image import UnreadableImageError, apply_transforms


class DatasetWrapper:
    """A transparent wrapper around any classification data set.

    It feeds what its own :meth:`get_data_info` returns to the pipeline of the base data set that
    holds the sample, and otherwise behaves as that does: in training, a sample whose pipeline
    returns None is replaced by another at random; in test mode it is an error.

    Like the wrappers of MMEngine it is no ``BaseDataset``, since ``get_subset`` would be ambiguous.

    Args:
        dataset (dict | BaseDataset): The data set to wrap, which may be a wrapper itself.
        lazy_init (bool): Whether to put off reading annotations until they are needed. Defaults
            to False.

    Attributes:
        relabels (bool): Whether given labels may differ from those of the wrapped data set. False
            by default.
        skip_unreadable (bool): Whether training replaces an image that can't be read, as one whose
            pipeline returns None. False by default: it is an error.

    Raises:
        TypeError: If ``dataset`` is no data set, or one that can't be wrapped.
    """

    relabels = False
    skip_unreadable = False

    def __init__(self, dataset: Any, lazy_init: bool = False) -> None:
        if isinstance(dataset, Mapping):
            dataset = DATASETS.build(dataset)
        elif not all(hasattr(dataset, name) for name in ('get_data_info', 'full_init', 'metainfo')):
            raise TypeError(
                f'{type(self).__name__}: `dataset` is a config dict or a data set, '
                f'found {type(dataset).__name__}.'
            )
        for base in base_datasets(dataset):
            # Its own preparation would be passed by.
            if type(base).prepare_data is not BaseDataset.prepare_data:
                raise TypeError(
                    f'{type(self).__name__} cannot wrap {type(base).__name__}, which prepares its '
                    'samples in a way of its own (`prepare_data`).'
                )
        self.dataset = dataset
        self._fully_initialized = False
        if not lazy_init:
            self.full_init()

    def full_init(self) -> None:
        """Read the annotations of the wrapped data set, then what the wrapper adds, once."""
        if self._fully_initialized:
            return
        self.dataset.full_init()
        self._load()
        self._fully_initialized = True

    def _load(self) -> None:
        """Prepare what the wrapper adds; the wrapped data set is fully initialised."""

    @property
    def metainfo(self) -> dict:
        """dict: Meta information of the wrapped data set."""
        # Not stored: a folder data set knows its classes only after its full_init.
        return self.dataset.metainfo

    @property
    def CLASSES(self) -> list[str] | None:
        """Sequence[str], optional: Names of the classes."""
        return self.metainfo.get('classes')

    @property
    def class_to_idx(self) -> dict[str, int]:
        """dict: Class index by class name."""
        return {name: idx for idx, name in enumerate(self.CLASSES)}

    @property
    @force_full_init
    def given_labels(self) -> np.ndarray:
        """np.ndarray: (N,) int64, the labels that pipelines and models see."""
        return self._given_labels

    @property
    @force_full_init
    def clean_labels(self) -> np.ndarray | None:
        """np.ndarray, optional: (N,) int64, the true labels where known; for metrics only."""
        return self._clean_labels

    def get_gt_labels(self) -> np.ndarray:
        """Return all labels that pipelines see, as data sets of MMPretrain do.

        Returns:
            np.ndarray: (N,) int64.
        """
        return self.given_labels

    def get_cat_ids(self, idx: int) -> list[int]:
        """Return the category of a sample, as MMEngine's ClassBalancedDataset asks for it.

        Args:
            idx (int): Index of the sample.

        Returns:
            list[int]: The one given label.
        """
        return [int(self.given_labels[idx])]

    @force_full_init
    def get_data_info(self, idx: int) -> dict:
        """Return the annotation of a sample.

        Args:
            idx (int): Index of the sample.

        Returns:
            dict: What the pipeline starts from, with the given label as ``gt_label``.
        """
        idx = self._check_index(idx)
        info = self.dataset.get_data_info(self._get_ori_dataset_idx(idx))
        info['gt_label'] = int(self._given_labels[idx])
        if self.relabels:
            # A soft label of the wrapped data set would tell the label that it has there.
            info.pop('gt_score', None)
        return info

    def prepare_data(self, idx: int) -> Any:
        """Run the pipeline on a sample.

        Args:
            idx (int): Index of the sample.

        Returns:
            Any: What the pipeline returns; None for an image that can't be read, where
            ``skip_unreadable`` is True.
        """
        idx = self._check_index(idx)
        base, _ = resolve(self, idx)
        results = self.get_data_info(idx)
        if not self.skip_unreadable:
            return base.pipeline(results)
        try:
            return apply_transforms(base.pipeline.transforms, results)
        except UnreadableImageError:
            return None

    @force_full_init
    def __getitem__(self, idx: int) -> Any:
        idx = self._check_index(idx)
        base, _ = resolve(self, idx)
        if base.test_mode:
            data = self.prepare_data(idx)
            if data is None:
                raise ValueError(
                    f'The pipeline returned nothing for sample {idx} '
                    f'({self.get_data_info(idx).get("img_path", "no file")}): its image cannot '
                    'be read. Repair it, or take it out of the data set.'
                )
            return data
        for _ in range(base.max_refetch + 1):
            data = self.prepare_data(idx)
            if data is not None:
                return data
            idx = int(np.random.randint(0, len(self)))
        raise ValueError(
            f'No readable image in {base.max_refetch + 1} attempts; the last was '
            f'{self.get_data_info(idx).get("img_path", "no file")}. '
            'Check the paths of the data set and its pipeline.'
        )

    def get_subset(self, indices: Any) -> Any:
        """Refuse, as all wrappers do.

        Raises:
            TypeError: Always; the message says what to do.
        """
        raise TypeError(
            f'{type(self).__name__} has no subsets of its own: take the subset of the wrapped data '
            f'set (its `indices`, or {type(self).__name__} around KFoldDataset, not inside it).'
        )

    def __repr__(self) -> str:
        inner = '\n'.join('    ' + line for line in repr(self.dataset).splitlines())
        lines = self.extra_repr() if self._fully_initialized else ["Haven't been initialized"]
        return '\n'.join([type(self).__name__, *('    ' + line for line in lines), inner])

    def extra_repr(self) -> list[str]:
        """Return lines on what the wrapper adds, once it is initialised."""
        return []

    def _check_index(self, idx: int) -> int:
        """Return an index from the front, as lists understand it."""
        size = len(self)
        if not -size <= idx < size:
            raise IndexError(f'Index {idx} is outside a data set of {size} samples.')
        return int(idx) % size

    def _get_ori_dataset_idx(self, idx: int) -> int:
        """Return the index in the wrapped data set; the name is that of MMEngine's wrappers."""
        return self._check_index(idx)

    @force_full_init
    def __len__(self) -> int:
        return len(self.dataset)
