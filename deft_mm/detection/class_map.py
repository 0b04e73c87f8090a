"""The file that says which class of a data set is which of a detector."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from os import PathLike
from pathlib import Path

from deft_mm.shorten import shorten
from deft_mm.user_file import parse_json, read_bytes, rows_of_csv

COLUMNS = ('data_class', 'detector_class')
_MOST_BYTES = 2**26


def read_class_map(path: str | PathLike) -> dict[str, str]:
    """Read the names of the detector's classes by those of the data; '' for none.

    Args:
        path (str | PathLike): A ``.csv`` file with the columns ``data_class,detector_class``, or a
            ``.json`` file with an object of names of the detector by names of the data. An empty
            name, or null, stands for no class.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no such file, or names a class of the data twice.
    """
    path = Path(path)
    readers = {'.csv': _read_csv, '.json': _read_json}
    if path.suffix.lower() not in readers:
        raise ValueError(f"--class-map: the name of '{path}' must end in .csv or .json.")
    try:
        pairs = list(readers[path.suffix.lower()](path))
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"--class-map: file '{path}' does not exist: give a .csv with the columns "
            'data_class,detector_class, or a .json.'
        ) from error
    except ValueError as error:
        raise ValueError(f"--class-map: '{path}' cannot be read: {error}.") from error
    class_map = {}
    for data_class, detector_class in pairs:
        if data_class in class_map:
            raise ValueError(f"--class-map: '{path}' names {data_class!r} twice.")
        class_map[data_class] = detector_class
    return class_map


def _read_csv(path: Path) -> Iterable[tuple[str, str]]:
    def choose(columns: Sequence[str]) -> Sequence[str]:
        if not set(COLUMNS) <= set(columns):
            raise ValueError(
                f'expected the columns {",".join(COLUMNS)}, found {shorten(columns) or "none"}'
            )
        return COLUMNS

    for line, row in rows_of_csv(path, choose):
        data_class, detector_class = (name.strip() for name in row)
        if not data_class:
            raise ValueError(f'line {line} has no data_class')
        yield data_class, detector_class


def _read_json(path: Path) -> Iterable[tuple[str, str]]:
    # A list of pairs, since a dict would hide a name that is there twice.
    pairs = parse_json(read_bytes(path, _MOST_BYTES), object_pairs_hook=list)
    is_object = isinstance(pairs, list) and all(isinstance(pair, tuple) for pair in pairs)
    if not is_object or not all(isinstance(name, (str, type(None))) for _, name in pairs):
        raise ValueError('expected an object such as {"truck": "lorry"}')
    return [(data_class, name or '') for data_class, name in pairs]
