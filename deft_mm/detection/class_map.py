"""The file that says which class of a data set is which of a detector."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable
from os import PathLike
from pathlib import Path

COLUMNS = ('data_class', 'detector_class')


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
    if not path.is_file():
        raise FileNotFoundError(
            f"--class-map: file '{path}' does not exist: give a .csv with the columns "
            'data_class,detector_class, or a .json.'
        )
    readers = {'.csv': _read_csv, '.json': _read_json}
    if path.suffix.lower() not in readers:
        raise ValueError(f"--class-map: the name of '{path}' must end in .csv or .json.")
    try:
        pairs = list(readers[path.suffix.lower()](path.read_text(encoding='utf-8-sig')))
    except (ValueError, csv.Error) as error:
        raise ValueError(f"--class-map: '{path}' cannot be read: {error}") from error
    class_map = {}
    for data_class, detector_class in pairs:
        if data_class in class_map:
            raise ValueError(f"--class-map: '{path}' names {data_class!r} twice.")
        class_map[data_class] = detector_class
    return class_map


def _read_csv(text: str) -> Iterable[tuple[str, str]]:
    reader = csv.DictReader(text.splitlines(), skipinitialspace=True)
    if not set(COLUMNS) <= set(reader.fieldnames or ()):
        raise ValueError(
            f'expected the columns {",".join(COLUMNS)}, found {reader.fieldnames or "none"}.'
        )
    for row in reader:
        data_class, detector_class = ((row[name] or '').strip() for name in COLUMNS)
        if not data_class:
            raise ValueError(f'line {reader.line_num} has no data_class.')
        yield data_class, detector_class


def _read_json(text: str) -> Iterable[tuple[str, str]]:
    # A list of pairs, since a dict would hide a name that is there twice.
    pairs = json.loads(text, object_pairs_hook=list)
    is_object = isinstance(pairs, list) and all(isinstance(pair, tuple) for pair in pairs)
    if not is_object or not all(isinstance(name, (str, type(None))) for _, name in pairs):
        raise ValueError('expected an object such as {"truck": "lorry"}.')
    return [(data_class, name or '') for data_class, name in pairs]
