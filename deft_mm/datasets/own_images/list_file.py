"""Lists of (path, label): CSV, JSON lines, Parquet."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_COLUMNS = ('path', 'label')


def read_list_file(path: Path) -> list[tuple[str, str]]:
    """Read a list of images and labels; other columns than ``path`` and ``label`` are ignored.

    Args:
        path (Path): A ``.csv`` file whose first line names the columns, a ``.jsonl`` file with one
            JSON object a line, or a ``.parquet`` file.

    Returns:
        list[tuple[str, str]]: Paths and labels in the order of the file; indices as text.

    Raises:
        ImportError: If a Parquet file is to be read without pyarrow.
        ValueError: If the file is of another kind, a column is missing, or a row has no path or no
            label; the message names the file and the row.
    """
    suffix = path.suffix.lower()
    if suffix not in _READERS:
        raise ValueError(f"'{path}' is no list file: its name must end in {', '.join(_READERS)}.")
    pairs = []
    try:
        for where, row in _READERS[suffix](path):
            pairs.append((_text(row, 'path', path, where), _text(row, 'label', path, where)))
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"'{path}' is not a readable {suffix} file: {error}.") from error
    return pairs


def _rows_of_csv(path: Path) -> Iterator[tuple[str, dict]]:
    # utf-8-sig: spreadsheets put a mark before the first column's name.
    with path.open(newline='', encoding='utf-8-sig', errors='surrogateescape') as file:
        reader = csv.DictReader(file, skipinitialspace=True)
        _require_columns(path, reader.fieldnames or [])
        for row in reader:
            yield f'line {reader.line_num}', row


def _rows_of_json_lines(path: Path) -> Iterator[tuple[str, dict]]:
    with path.open(encoding='utf-8', errors='surrogateescape') as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except json.JSONDecodeError as error:
                raise ValueError(f"'{path}', line {number} is no JSON: {error}.") from error
            if not isinstance(row, dict):
                raise ValueError(
                    f"'{path}', line {number}: expected an object such as "
                    f'{{"path": "a.jpg", "label": "cat"}}, found {line.strip()[:60]!r}.'
                )
            _require_columns(path, row, f', line {number}')
            yield f'line {number}', row


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
        file = pyarrow.parquet.ParquetFile(path)
    except pyarrow.ArrowInvalid as error:
        raise ValueError(f"'{path}' is no Parquet file: {error}.") from error
    with file:
        _require_columns(path, file.schema_arrow.names)
        rows = file.read(columns=list(_COLUMNS)).to_pylist()
    for number, row in enumerate(rows):
        yield f'row {number}', row


def _require_columns(path: Path, found: Any, where: str = '') -> None:
    missing = [name for name in _COLUMNS if name not in found]
    if missing:
        raise ValueError(
            f"'{path}'{where} has no {' and no '.join(missing)}: expected the columns "
            f'{" and ".join(_COLUMNS)}, found {list(found)}.'
        )


def _text(row: dict, name: str, path: Path, where: str) -> str:
    value = row[name]
    # bool is an int to Python, but no class index to anyone.
    if name == 'label' and isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(
            f"'{path}', {where}: {name} is {value!r}; expected "
            + ('a class name or an index.' if name == 'label' else 'the path of an image.')
        )
    return value.strip()


_READERS = {
    '.csv': _rows_of_csv,
    '.jsonl': _rows_of_json_lines,
    '.ndjson': _rows_of_json_lines,
    '.parquet': _rows_of_parquet,
}
