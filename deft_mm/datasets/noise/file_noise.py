"""Noisy labels from a file."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from mmpretrain.registry import TASK_UTILS

from deft_mm.array_file import most_bytes, read_arrays
from deft_mm.datasets.chain import class_names_of, img_paths_of
from deft_mm.datasets.noise.label_noise import LabelNoise
from deft_mm.selection.fingerprint import digest_file
from deft_mm.shorten import first_line, shorten
from deft_mm.user_file import open_file, parse_json, read_bytes, rows_of_csv

_FORMATS = '.json, .npy, .npz or .csv'


@TASK_UTILS.register_module()
class FileNoise(LabelNoise):
    """Take the noisy labels from a file; a label is a class index or a class name.

    ========  =====================================================================================
    .json     a list of N labels, as the reference implementation of DeFT (arXiv 2409.19696) writes
              it, or a dict of such lists (``key`` names one)
    .npy      an array of N labels
    .npz      several such arrays; ``key`` names one, and may be left out where there is only one
    .csv      a header line, and one row for each sample in any order: a column ``sample_idx`` (0
              to N - 1) or ``img_path``, and the column ``key`` with the label, by default
              ``label``. A path is that of the data set, or its end (``class_a/1.jpg``). Lines
              before the header that start with '#' are passed over.
    ========  =====================================================================================

    Args:
        path (str | PathLike): The file.
        key (str, optional): Which array of a .npz, list of a .json or column of a .csv. Defaults to
            None.

    Raises:
        ValueError: If the file is of another format.

    Example:

        .. code:: python

            noise = dict(type='FileNoise', path='data/noise/cifar100_sym60.json')
    """

    def __init__(self, path: str | PathLike, key: str | None = None) -> None:
        self.path = str(path)
        self.key = key
        if Path(path).suffix not in ('.json', '.npy', '.npz', '.csv'):
            raise ValueError(
                f"FileNoise: `path` is a file of type {_FORMATS}, found '{path}'. For the .pt "
                'files of CIFAR-10N and CIFAR-100N use HumanNoise.'
            )

    def __call__(self, labels: np.ndarray, num_classes: int, dataset: Any = None) -> np.ndarray:
        """Read the noisy labels; see :meth:`LabelNoise.__call__`.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the file can't be read, or its labels don't fit the data set.
        """
        path, num_samples = Path(self.path), len(labels)
        with self._explained():
            if path.suffix == '.csv':
                values = _read_csv(path, self.key or 'label', num_samples, dataset)
            elif path.suffix == '.json':
                values = _read_json(path, self.key, num_samples)
            else:
                values = _read_array(path, self.key, num_samples)
            if len(values) != num_samples:
                raise ValueError(f'it has {len(values)} labels for {num_samples} samples')
            return _to_indices(values, num_classes, dataset)

    def require_files(self) -> None:
        """Check that the file can be opened."""
        with self._explained():
            open_file(self.path).close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise FileNotFoundError(f'FileNoise: {error}.') from error
        except Exception as error:  # what a damaged file raises can be anything
            raise ValueError(f"FileNoise cannot use '{self.path}': {first_line(error)}.") from error

    def parameters(self) -> dict:
        """Return the key and the checksum of the file, which may lie anywhere."""
        return dict(key=self.key, checksum=digest_file(self.path))


def _read_array(path: Path, key: str | None, num_samples: int) -> np.ndarray:
    def choose(names: Sequence[str]) -> Sequence[str]:
        if key is None and len(names) == 1:
            return names
        _check_key(key, names)
        return [key]

    (array,) = read_arrays(path, choose, num_samples).values()
    return np.atleast_1d(array)


def _read_json(path: Path, key: str | None, num_samples: int) -> list:
    content = parse_json(read_bytes(path, most_bytes(num_samples)))
    if isinstance(content, dict):
        _check_key(key, list(content))
        content = content[key]
    if not isinstance(content, list):
        raise ValueError(f'it holds a {type(content).__name__}, not a list of labels')
    return content


def _check_key(key: str | None, known: Sequence[str]) -> None:
    if key not in known:
        raise ValueError(f'set `key` to one of {sorted(known)}, found {key!r}')


def _read_csv(path: Path, key: str, num_samples: int, dataset: Any) -> list[str]:
    """Return the label of each sample, in the order of the data set."""
    by = ''

    def choose(columns: Sequence[str]) -> Sequence[str]:
        nonlocal by
        by = next((name for name in ('sample_idx', 'img_path') if name in columns), '')
        if not by or key not in columns:
            raise ValueError(
                f'it needs the columns `sample_idx` or `img_path`, and `{key}` (another name: '
                f'`key`), found {shorten(columns) or "none"}'
            )
        return by, key

    given, lines = {}, {}
    for line, (identity, label) in rows_of_csv(path, choose):
        first = lines.setdefault(identity, line)
        # A data set may have a file twice.
        if first != line and (by == 'sample_idx' or given[identity] != label):
            raise ValueError(
                f'lines {first} and {line} are both for {by} {identity!r}, with the labels '
                f'{given[identity]!r} and {label!r}: leave one out'
            )
        given[identity] = label
    if by == 'sample_idx':
        return _in_order_of_indices(given, num_samples)
    if dataset is None:
        raise ValueError('its rows are paths, but there is no data set to look them up in')
    return _in_order_of_paths(given, img_paths_of(dataset))


def _in_order_of_indices(given: dict[str, str], num_samples: int) -> list[str]:
    labels = {}
    for identity, label in given.items():
        if not identity.strip().isdecimal() or int(identity) >= num_samples:
            raise ValueError(
                f'sample_idx {identity!r} is not in 0 to {num_samples - 1}, the samples of the '
                'data set'
            )
        if labels.setdefault(int(identity), label) is not label:
            raise ValueError(f'sample_idx {int(identity)} has more than one row: leave one out')
    missing = [idx for idx in range(num_samples) if idx not in labels]
    if missing:
        raise ValueError(f'{len(missing)} samples have no row, the first is {missing[0]}')
    return [labels[idx] for idx in range(num_samples)]


def _in_order_of_paths(given: dict[str, str], img_paths: Sequence[str]) -> list[str]:
    """Find the row of each path: the one that is the path, or its longest end."""
    rows = {_normalize(path): (path, label) for path, label in given.items()}
    lengths = sorted({path.count('/') + 1 for path in rows}, reverse=True)
    labels, used = [], {}
    for img_path in img_paths:
        parts = _normalize(img_path).split('/')
        ends = ('/'.join(parts[-length:]) for length in lengths if length <= len(parts))
        end = next((end for end in ends if end in rows), None)
        if end is None:
            raise ValueError(f"the data set's image '{img_path}' has no row")
        # A data set may have a file twice, but a row can't tell two files apart.
        if used.setdefault(end, img_path) != img_path:
            raise ValueError(
                f"img_path '{rows[end][0]}' is both '{used[end]}' and '{img_path}': give longer "
                'paths'
            )
        labels.append(rows[end][1])
    unknown = [rows[path][0] for path in rows if path not in used]
    if unknown:
        raise ValueError(
            f"{len(unknown)} paths are not in the data set, the first is '{unknown[0]}'"
        )
    return labels


def _normalize(path: str) -> str:
    return posixpath.normpath(path.strip().replace('\\', '/'))


def _to_indices(values: Sequence | np.ndarray, num_classes: int, dataset: Any) -> np.ndarray:
    """Turn N labels, each a class index or a class name, into (N,) int64."""
    array = np.asarray(values)
    if array.ndim != 1 or array.dtype.kind not in 'iuU':
        raise ValueError(
            'labels are class indices or class names, in one dimension; found shape '
            f'{array.shape} and type {array.dtype}'
        )
    if array.dtype.kind == 'U':
        array = _indices_of_names(array, class_names_of(dataset) if dataset is not None else [])
    outside = np.flatnonzero((array < 0) | (array >= num_classes))
    if len(outside):
        raise ValueError(
            f'sample {outside[0]} has the label {array[outside[0]]}, the data set the classes 0 to '
            f'{num_classes - 1}'
        )
    return array.astype(np.int64)


def _indices_of_names(values: np.ndarray, class_names: list[str]) -> np.ndarray:
    """Look up each distinct value: a class name, or else an index."""
    index_of = {name: idx for idx, name in enumerate(class_names)}
    distinct, inverse = np.unique(values, return_inverse=True)
    indices = []
    for value in distinct.tolist():
        if value not in index_of and not value.strip().isdecimal():
            raise ValueError(
                f'sample {np.flatnonzero(values == value)[0]} has the label {value!r}, which is '
                f'neither a class name ({", ".join(class_names[:3])}, ...) nor an index'
            )
        indices.append(index_of[value] if value in index_of else int(value))
    return np.array(indices, dtype=np.int64)[inverse]
