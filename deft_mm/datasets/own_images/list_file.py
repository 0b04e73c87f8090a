"""Lists of (path, label): CSV, JSON lines, Parquet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from deft_mm.shorten import first_line, shorten
from deft_mm.user_file import lines_of, open_file, parse_json, rows_of_csv

_COLUMNS = ('path', 'label')


def read_list_file(path: Path) -> list[tuple[str, str]]:
    """Read a list of images and labels; other columns than ``path`` and ``label`` are ignored.

    Args:
        path (Path): A ``.csv`` file whose first line names the columns, a ``.jsonl`` file with one
            JSON object a line, or a ``.parquet`` file.

    Returns:
        list[tuple[str, str]]: Paths and labels in the order of the file; indices as text, without
        sign and fraction.

    Raises:
        FileNotFoundError: If there is no such file.
        ImportError: If a Parquet file is to be read without pyarrow.
        ValueError: If the file is of another kind, a column is missing, a row has no path or no
            label, or two rows have one path and label; the message names the file and the row.
    """
    suffix = path.suffix.lower()
    if suffix not in _READERS:
        raise ValueError(f"'{path}' is no list file: its name must end in {', '.join(_READERS)}.")
    first: dict[tuple[str, str], str] = {}
    try:
        for where, row in _READERS[suffix](path):
            pair = (_path(row[0], where), _label(row[1], where))
            before = first.setdefault(pair, where)
            if before != where:
                raise ValueError(
                    f'{where} has the path {pair[0]!r} and the label {pair[1]!r}, as {before} has: '
                    'leave one of them out'
                )
        return _with_indices(first)
    except ValueError as error:
        raise ValueError(f"'{path}' cannot be used as a list: {first_line(error)}.") from error


def _rows_of_csv(path: Path) -> Iterator[tuple[str, tuple[str, str]]]:
    for number, row in rows_of_csv(path, _require_columns):
        yield f'line {number}', row


def _rows_of_json_lines(path: Path) -> Iterator[tuple[str, tuple[Any, Any]]]:
    for number, line in enumerate(lines_of(path), start=1):
        if not line.strip():
            continue
        try:
            row = parse_json(line)
        except ValueError as error:
            raise ValueError(f'line {number} is no JSON: {error}') from error
        if not isinstance(row, dict):
            raise ValueError(
                f'line {number}: expected an object such as '
                f'{{"path": "a.jpg", "label": "cat"}}, found {line.strip()[:60]!r}'
            )
        _require_columns(row, f'line {number}')
        yield f'line {number}', (row['path'], row['label'])


def _rows_of_parquet(path: Path) -> Iterator[tuple[str, dict]]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ImportError(
            f"Reading '{path}' needs pyarrow, which is not installed: pip install pyarrow, or "
            'write the list as .csv or .jsonl.'
        ) from error
    try:
        with open_file(path) as opened, pyarrow.parquet.ParquetFile(opened) as file:
            _require_columns(file.schema_arrow.names)
            number = 0
            # A part at a time: a value that stands in all rows takes next to no room in the file.
            for batch in file.iter_batches(columns=list(_COLUMNS)):
                for row in batch.to_pylist():
                    yield f'row {number}', (row['path'], row['label'])
                    number += 1
    except (pyarrow.ArrowException, OSError) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise ValueError(f'it is no Parquet file: {first_line(error)}') from error


def _require_columns(found: Sequence[str] | dict, where: str = 'it') -> Sequence[str]:
    missing = [name for name in _COLUMNS if name not in found]
    if missing:
        raise ValueError(
            f'{where} has no {" and no ".join(missing)}: expected the columns '
            f'{" and ".join(_COLUMNS)}, found {shorten(list(found)) or "none"}'
        )
    return _COLUMNS


def _path(value: Any, where: str) -> str:
    if isinstance(value, bytes):  # as Parquet has names of files that are not UTF-8
        value = value.decode('utf-8', 'surrogateescape')
    if not _is_name(value):
        raise ValueError(f'{where}: path is {repr(value)[:60]}; expected the path of an image')
    return value.strip()


def _label(value: Any, where: str) -> str:
    # bool is an int to Python, but no class index to anyone.
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not _is_name(value):
        raise ValueError(f'{where}: label is {repr(value)[:60]}; expected a class name or an index')
    return value.strip()


def _is_name(value: Any) -> bool:
    if not isinstance(value, str) or not value.strip() or '\0' in value:
        return False
    try:
        # JSON can have surrogates that stand for no byte.
        value.encode('utf-8', 'surrogateescape')
    except UnicodeEncodeError:
        return False
    return True


def _with_indices(pairs: dict[tuple[str, str], str]) -> list[tuple[str, str]]:
    """Write labels that are all numbers as the class indices that they are: '3' for '3.0', '+3'."""
    if not all(_is_number(label) for _, label in pairs):
        return list(pairs)
    index_of = {}
    for (_, label), where in pairs.items():
        value = float(label)
        if not (value.is_integer() and 0 <= value < 2**53):
            raise ValueError(
                f'{where}: label is {label!r}; where all labels are numbers, they are class '
                'indices: whole, from 0. A row without a label is left out'
            )
        index_of[label] = label if label.isascii() and label.isdecimal() else str(int(value))
    return list(dict.fromkeys((path, index_of[label]) for path, label in pairs))


def _is_number(label: str) -> bool:
    try:
        float(label)
    except ValueError:
        return False
    return '_' not in label


_READERS = {
    '.csv': _rows_of_csv,
    '.jsonl': _rows_of_json_lines,
    '.ndjson': _rows_of_json_lines,
    '.parquet': _rows_of_parquet,
}
