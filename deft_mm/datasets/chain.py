"""Walking through wrapped data sets, of ours and of others, down to what holds the samples.

A wrapper is a data set with an attribute ``dataset`` (or ``datasets``); a base data set is an
:class:`mmengine.dataset.BaseDataset`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset, ConcatDataset
from mmpretrain.datasets import KFoldDataset

# In place of a true label that is not known.
UNKNOWN = -1


def resolve(dataset: Any, idx: int) -> tuple[BaseDataset, int]:
    """Find the base data set that holds a sample.

    Args:
        dataset: A data set, wrapped or not.
        idx (int): Index of a sample in it, not negative.

    Returns:
        tuple[BaseDataset, int]: The base data set and the index of the sample in it.

    Raises:
        TypeError: If a wrapper is of a kind whose indices can't be followed.
    """
    while not isinstance(dataset, BaseDataset):
        dataset, idx = _step(dataset, idx)
    return dataset, idx


def base_datasets(dataset: Any) -> list[BaseDataset]:
    """List the base data sets of a chain, in order.

    Args:
        dataset: A data set, wrapped or not.

    Returns:
        list[BaseDataset]: At least one.

    Raises:
        TypeError: If the chain ends in something that is no data set of MMEngine.
    """
    if isinstance(dataset, BaseDataset):
        return [dataset]
    if isinstance(dataset, ConcatDataset):
        return [base for child in dataset.datasets for base in base_datasets(child)]
    if hasattr(dataset, 'dataset'):
        return base_datasets(dataset.dataset)
    raise _unsupported(dataset)


def collect(dataset: Any, values_of: Callable[[Any], np.ndarray | None]) -> np.ndarray:
    """Collect one value a sample, without running a pipeline.

    Args:
        dataset: A data set, wrapped or not.
        values_of (Callable): Takes a data set of the chain and returns its (N,) values, or None
            to have them collected from what it wraps. Must not return None for a base data set.

    Returns:
        np.ndarray: (N,) values of the outermost data set.

    Raises:
        TypeError: If a wrapper is of a kind whose indices can't be followed.
    """
    dataset.full_init()
    values = values_of(dataset)
    if values is not None:
        return values
    if isinstance(dataset, ConcatDataset):
        return np.concatenate([collect(child, values_of) for child in dataset.datasets])
    if isinstance(dataset, KFoldDataset):
        return collect(dataset.dataset, values_of)
    indices = [_step(dataset, idx)[1] for idx in range(len(dataset))]
    return collect(dataset.dataset, values_of)[indices]


def given_labels_of(dataset: Any) -> np.ndarray:
    """Collect the labels that a pipeline of the data set sees.

    Args:
        dataset: A classification data set, wrapped or not.

    Returns:
        np.ndarray: (N,) int64.

    Raises:
        ValueError: If samples have no label, or several.
    """

    def values_of(inner: Any) -> np.ndarray | None:
        if isinstance(inner, BaseDataset):
            return _read_labels(inner)
        return getattr(inner, 'given_labels', None)

    return collect(dataset, values_of)


def corrected_labels_of(dataset: Any) -> np.ndarray:
    """Collect the labels that people have decided on.

    Args:
        dataset: A classification data set, wrapped or not.

    Returns:
        np.ndarray: (N,) int64, -1 where nobody has.
    """

    def values_of(inner: Any) -> np.ndarray | None:
        if isinstance(inner, BaseDataset):
            return np.full(len(inner), -1)
        return getattr(inner, 'corrected_labels', None)

    return collect(dataset, values_of)


def clean_labels_of(dataset: Any) -> np.ndarray | None:
    """Collect the true labels, for metrics only.

    Args:
        dataset: A data set, wrapped or not.

    Returns:
        np.ndarray, optional: (N,) int64, or None unless they are known of every sample.
    """
    labels = known_clean_labels_of(dataset)
    return None if (labels == UNKNOWN).any() else labels


def known_clean_labels_of(dataset: Any) -> np.ndarray:
    """Collect the true labels as far as they are known.

    Args:
        dataset: A data set, wrapped or not.

    Returns:
        np.ndarray: (N,) int64, ``UNKNOWN`` where the true label is not known.
    """

    def values_of(inner: Any) -> np.ndarray | None:
        known = getattr(inner, 'clean_labels', None)
        # Base data sets and our wrappers know whether they know; other wrappers pass it on.
        if known is None and (isinstance(inner, BaseDataset) or hasattr(inner, 'clean_labels')):
            return np.full(len(inner), UNKNOWN)
        return known

    return collect(dataset, values_of)


def img_paths_of(dataset: Any) -> list[str]:
    """Collect the paths of the image files.

    Args:
        dataset: A data set, wrapped or not.

    Returns:
        list[str]: N paths; '' for an image that is no file.
    """

    def values_of(inner: Any) -> np.ndarray | None:
        if not isinstance(inner, BaseDataset):
            return None
        paths = [str(info.get('img_path') or '') for info in annotations_of(inner)]
        return np.array(paths, dtype=object)

    return collect(dataset, values_of).tolist()


def class_names_of(dataset: Any) -> list[str]:
    """Return the class names in the order of their labels.

    Args:
        dataset: A data set, wrapped or not.

    Returns:
        list[str]: C names.

    Raises:
        ValueError: If the data set does not know them.
    """
    class_names = dataset.metainfo.get('classes')
    if not class_names:
        raise ValueError(
            f'Data set {type(dataset).__name__} has no class names: give them as '
            "`metainfo=dict(classes=['name of class 0', ...])` in its config."
        )
    return [str(name) for name in class_names]


def _step(dataset: Any, idx: int) -> tuple[Any, int]:
    """Go one level down in the chain."""
    if isinstance(dataset, ConcatDataset):
        child, inner_idx = dataset._get_ori_dataset_idx(idx)
        return dataset.datasets[child], inner_idx
    # Its `_get_ori_dataset_idx` counts in the undivided data set, but it wraps its own fold.
    if isinstance(dataset, KFoldDataset):
        return dataset.dataset, idx
    if hasattr(dataset, 'dataset') and hasattr(dataset, '_get_ori_dataset_idx'):
        return dataset.dataset, int(dataset._get_ori_dataset_idx(idx))
    raise _unsupported(dataset)


def annotations_of(base: BaseDataset) -> Iterator[dict]:
    """Read all annotations of a base data set, to look at, not to change.

    Args:
        base (BaseDataset): A base data set.

    Yields:
        dict: What ``get_data_info`` returns, possibly without ``sample_idx``.
    """
    base.full_init()
    # get_data_info copies every annotation of an unserialised data set.
    if type(base).get_data_info is BaseDataset.get_data_info and not base.serialize_data:
        yield from base.data_list
    else:
        yield from (base.get_data_info(idx) for idx in range(len(base)))


def _read_labels(base: BaseDataset) -> np.ndarray:
    labels = [annotation.get('gt_label') for annotation in annotations_of(base)]
    if not all(isinstance(label, (int, np.integer)) or _is_index(label) for label in labels):
        idx = next(i for i, label in enumerate(labels) if not _is_index(label))
        raise ValueError(
            f'Sample {idx} of {type(base).__name__} has the label {labels[idx]!r}: data sets with '
            'one class index a sample (key `gt_label`) are needed, not unlabelled or '
            'multi-label ones.'
        )
    return np.array(labels, dtype=np.int64)


def _is_index(label: Any) -> bool:
    return np.ndim(label) == 0 and np.issubdtype(np.asarray(label).dtype, np.integer)


def _unsupported(dataset: Any) -> TypeError:
    return TypeError(
        f'Data set {type(dataset).__name__} is neither a BaseDataset of MMEngine nor a wrapper '
        'that tells which of its samples is which (`dataset` and `_get_ori_dataset_idx`).'
    )
