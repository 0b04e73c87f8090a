"""Lists of the samples that others' code keeps, and scores of all of them.

UNICON, LongReMix, ProMix and RoLT train networks of their own and leave such a list behind; what
they keep is then a selection like any other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from deft_mm.array_file import read_arrays
from deft_mm.shorten import first_few, first_line, shorten
from deft_mm.user_file import lines_of, parse_json, read_bytes

# Several indices for each sample: more is a list of something else.
_MOST_REPEATS = 16
_CONVERT = (
    'which could run code when it is read. In the program that wrote it, make it an array of '
    "numbers, and save that: numpy.save('kept.npy', numpy.asarray(kept)); of a tensor, "
    'kept.cpu().numpy()'
)
_PICKLES = ('.pt', '.pth', '.pkl', '.pickle', '.pt.tar', '.tar')
_WORDS = dict(true=True, false=False)


def read_kept(
    path: str | PathLike,
    num_samples: int,
    threshold: float | None = None,
    name: str | None = None,
    one_based: bool = False,
    unique: bool = False,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Read which samples are kept. Nothing in the file is ever executed or unpickled.

    The file is a list of indices, one value yes or no a sample (0 and 1 count as such where there
    are as many as samples), or, with a ``threshold``, one score a sample.

    Args:
        path (str | PathLike): The file: numbers in a text or .csv, a list in .json, an array in
            .npy or .npz.
        num_samples (int): N, how many samples the data set has.
        threshold (float, optional): A score above it keeps its sample. None where there are no
            scores. Defaults to None.
        name (str, optional): Which array, column or key, where there are several. Defaults to None.
        one_based (bool): Whether indices are counted from 1. Defaults to False.
        unique (bool): Whether an index that stands there several times counts once; else that is
            refused. Defaults to False.

    Returns:
        tuple[np.ndarray, np.ndarray | None]: (N,) bool, what is kept; and (N,) float64 scores,
        None without a ``threshold``.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it can't be read, or does not fit the data set; the message says what was
            found.
    """
    try:
        values = _numbers(Path(path), name, num_samples)
        if threshold is not None:
            return _above(values, num_samples, threshold)
        if _is_mask(values, num_samples):
            return values.astype(bool), None
        return _from_indices(values, num_samples, one_based, unique), None
    except ValueError as error:
        raise ValueError(f"--kept '{path}': {first_line(error)}.") from error


def _numbers(path: Path, name: str | None, num_samples: int) -> np.ndarray:
    """The values of a file, of one dimension: bool, int64 or float64."""
    suffix = path.suffix.lower()
    if suffix in _PICKLES:
        raise ValueError(f'a {suffix} file is pickled, {_CONVERT}')
    if suffix in ('.npy', '.npz'):
        values = _of_arrays(path, name, num_samples)
    elif suffix == '.json':
        values = _of_json(path, name)
    elif suffix in ('.txt', '.csv', ''):
        values = _of_text(path, name)
    else:
        raise ValueError(f'{suffix} is none of .txt, .csv, .json, .npy and .npz')
    if values.ndim == 2 and 1 in values.shape:
        values = values.reshape(-1)
    if values.ndim != 1:
        raise ValueError(f'it has an array of shape {values.shape}, and not a list')
    if not len(values):
        raise ValueError('it has no number, so nothing would be kept')
    if values.dtype.kind == 'b':
        return values
    if values.dtype.kind not in 'iuf':
        raise ValueError(f'it holds {values.dtype} values, and not numbers')
    if values.dtype.kind == 'f' and not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values))[0])
        raise ValueError(f'value {row} is {values[row]}, and not a number')
    return values.astype(np.float64 if values.dtype.kind == 'f' else np.int64)


def _of_arrays(path: Path, name: str | None, num_samples: int) -> np.ndarray:
    def choose(names: Sequence[str]) -> Sequence[str]:
        return [_chosen(names, name, 'arrays')]

    try:
        (values,) = read_arrays(path, choose, _MOST_REPEATS * num_samples).values()
    except FileNotFoundError:
        raise
    except Exception as error:  # what a damaged file raises can be anything
        if 'allow_pickle' in str(error):
            raise ValueError(
                f'its array is one of objects, which is pickled, {_CONVERT}'
            ) from error
        raise ValueError(f'it cannot be read: {first_line(error)}') from error
    return values


def _of_json(path: Path, name: str | None) -> np.ndarray:
    content = parse_json(read_bytes(path))
    if isinstance(content, dict):
        content = content[_chosen(list(content), name, 'keys')]
    if not isinstance(content, list):
        raise ValueError(f'it holds a {type(content).__name__}, and not a list of numbers')
    return _array(content)


def _of_text(path: Path, name: str | None) -> np.ndarray:
    rows = ([cell for cell in re.split(r'[\s,;]+', line) if cell] for line in _lines(path))
    rows = [row for row in rows if row]
    if rows and not any(_is_number(cell) for cell in rows[0]):
        header, *rows = rows
        column = header.index(_chosen(header, name, 'columns'))
        short = next((i for i, row in enumerate(rows, 2) if len(row) != len(header)), None)
        if short is not None:
            raise ValueError(f'line {short} has not as many cells as the header')
        rows = [[row[column]] for row in rows]
    elif name is not None:
        raise ValueError(f"it has no header, and so no column '{name}'")
    cells = [cell for row in rows for cell in row]
    wrong = next((cell for cell in cells if not _is_number(cell)), None)
    if wrong is not None:
        raise ValueError(f'{wrong[:60]!r} is not a number')
    return _array([_value(cell) for cell in cells])


def _lines(path: Path) -> list[str]:
    # A list on a single line has no end for a long while; brackets are those of a printed list.
    lines = lines_of(path, most=2**26)
    return [re.sub(r'[\[\]()"]', ' ', line) for line in lines if not line.startswith('#')]


def _is_number(cell: str) -> bool:
    try:
        _value(cell)
    except ValueError:
        return False
    return True


def _value(cell: str) -> bool | int | float:
    if cell.lower() in _WORDS:
        return _WORDS[cell.lower()]
    return int(cell) if re.fullmatch(r'[+-]?\d{1,18}', cell) else float(cell)


def _array(values: list[Any]) -> np.ndarray:
    if not all(isinstance(value, (bool, int, float)) for value in values):
        other = next(value for value in values if not isinstance(value, (bool, int, float)))
        raise ValueError(f'it holds {str(other)[:60]!r}, which is not a number')
    if len({isinstance(value, bool) for value in values}) > 1:
        raise ValueError('it mixes numbers with true and false')
    try:
        return np.array(values)
    except OverflowError as error:
        raise ValueError('it holds a number beyond 64 bits') from error


def _chosen(names: Sequence[str], name: str | None, what: str) -> str:
    """The one of several that is wanted."""
    if name in names:
        return name
    if name is None and len(names) == 1:
        return names[0]
    found = shorten(list(names))
    if name is None:
        raise ValueError(f'it has the {what} {found}: choose one with --name')
    raise ValueError(f"it has no '{name}' among the {what} {found}: choose with --name")


def _is_mask(values: np.ndarray, num_samples: int) -> bool:
    """Whether each value says yes or no of a sample."""
    if values.dtype.kind == 'b':
        if len(values) != num_samples:
            raise ValueError(
                f'it says yes or no of {len(values)} samples, and the data set has {num_samples}: '
                'it is of another data set, or of a part of this one'
            )
        return True
    is_mask = len(values) == num_samples > 2 and np.isin(values, (0, 1)).all()
    return bool(is_mask)


def _above(values: np.ndarray, num_samples: int, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    if len(values) != num_samples:
        raise ValueError(
            f'--threshold is for one score a sample, and there are {len(values)} values for '
            f'{num_samples} samples: they are of another data set, or a list of indices, which has '
            'no --threshold'
        )
    score = values.astype(np.float64)
    return score > threshold, score


def _from_indices(
    values: np.ndarray, num_samples: int, one_based: bool, unique: bool
) -> np.ndarray:
    if values.dtype.kind == 'f':
        if (values != np.round(values)).any():
            raise ValueError(
                f'it holds scores ({_few(values, values != np.round(values))}), and no indices: '
                'say with --threshold above which score a sample is kept'
            )
        values = values.clip(-(2.0**62), 2.0**62).astype(np.int64)
    first = int(one_based)
    outside = (values < first) | (values >= num_samples + first)
    if outside.any():
        raise ValueError(_outside(values, outside, num_samples, one_based))
    values = values - first
    count = np.bincount(values, minlength=num_samples)
    if count.max() > 1 and not unique:
        raise ValueError(_repeated(count, first))
    return count > 0


def _outside(values: np.ndarray, outside: np.ndarray, num_samples: int, one_based: bool) -> str:
    if not one_based and values.min() >= 1 and values.max() == num_samples:
        return (
            f'its indices go from {values.min()} to {num_samples}, and the data set has '
            f'{num_samples} samples, 0 to {num_samples - 1}: they seem to be counted from 1, which '
            '--one-based takes'
        )
    counted = f'{int(one_based)} to {num_samples - 1 + int(one_based)}'
    return (
        f'{int(outside.sum())} of {len(values)} indices ({_few(values, outside)}) are none of the '
        f"data set's {num_samples} samples, {counted}: the list is of another data set, or of "
        'another split of it'
    )


def _repeated(count: np.ndarray, first: int) -> str:
    worst = int(count.argmax())
    text = (
        f'{int((count > 1).sum())} indices stand there several times, {worst + first} of them '
        f'{count[worst]} times'
    )
    if worst + first == 0:
        text += (
            ': an array of zeros that was filled in part ends so, as that of UNICON does, and '
            'then 0 says nothing of sample 0. Cut the zeros off'
        )
    return f'{text}; or have each count once with --unique'


def _few(values: np.ndarray, which: np.ndarray) -> str:
    return first_few(map(str, values[which].tolist()), 3)
