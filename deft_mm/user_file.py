"""Reading a file that a user gave: never a pipe, never more than there is room for.

An error says what is wrong with 'it'; who reads the file names it.
"""

from __future__ import annotations

import csv
import io
import json
import os
import stat
from collections.abc import Callable, Iterator, Sequence
from os import PathLike
from typing import Any, BinaryIO

from deft_mm.csv_cells import ESCAPED, from_cell

# Lists of ImageNet's 14 million images take 2 GiB.
MOST_BYTES = 4 * 2**30
# Python's csv reader allows 2**17 characters a cell.
MOST_CHARACTERS = 2**20
_KINDS = (
    (stat.S_ISDIR, 'a folder'),
    (stat.S_ISFIFO, 'a named pipe (FIFO)'),
    (stat.S_ISSOCK, 'a socket'),
)


def open_file(path: str | PathLike, most: int = MOST_BYTES) -> BinaryIO:
    """Open a file for reading, having looked at what it is.

    Args:
        path (str | PathLike): The file.
        most (int): How many bytes it may have. Defaults to 4 GiB.

    Returns:
        BinaryIO: The open file.

    Raises:
        FileNotFoundError: If there is no such file; the message names it.
        ValueError: If it is no file, larger, or can't be opened.
    """
    try:
        status = os.stat(path)
        # Before it is opened: opening a pipe waits for somebody who writes to it.
        if not stat.S_ISREG(status.st_mode):
            kind = next((name for test, name in _KINDS if test(status.st_mode)), 'a device')
            raise ValueError(f'it is {kind}, not a file')
        if status.st_size > most:
            raise ValueError(f'it has {status.st_size:,} bytes, and may have {most:,}')
        return open(path, 'rb')
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileNotFoundError(f"there is no file '{path}'") from error
    except OSError as error:
        raise ValueError(f'it cannot be opened ({error.strerror})') from error


def read_bytes(path: str | PathLike, most: int = MOST_BYTES) -> bytes:
    """Read a whole file; see :func:`open_file`."""
    with open_file(path, most) as file:
        return file.read(most)


def begins_with(path: str | PathLike, header: str) -> bool:
    """Whether the first line of a table is a header, a line of ``csv_cells`` aside.

    Args:
        path (str | PathLike): A file that exists.
        header (str): The first names of the columns.

    Returns:
        bool: False, too, for what is no text or no file.
    """
    try:
        lines = (line for line in lines_of(path) if not line.startswith(ESCAPED))
        return next(lines, '').startswith(header)
    except ValueError:
        return False


def lines_of(path: str | PathLike, most: int = MOST_CHARACTERS) -> Iterator[str]:
    """Read a text, UTF-8 with or without a byte order mark, line by line.

    Bytes that are not UTF-8 become surrogates, as in the names of files that Python lists.

    Args:
        path (str | PathLike): The file.
        most (int): How many characters a line may have. Defaults to 2**20.

    Yields:
        str: A line, with its end as it is.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no text; see :func:`open_file`, too.
    """
    text = dict(encoding='utf-8-sig', errors='surrogateescape', newline='')
    with io.TextIOWrapper(open_file(path), **text) as file:
        for number, line in enumerate(iter(lambda: file.readline(most + 1), ''), start=1):
            if len(line) > most:
                raise ValueError(f'line {number} has more than {most:,} characters')
            if '\0' in line:
                raise ValueError(f'line {number} has a NUL byte, as no text has: it was damaged')
            yield line


def rows_of_csv(
    path: str | PathLike, choose: Callable[[Sequence[str]], Sequence[str]]
) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Read some columns of a CSV file.

    Lines before its header that start with '#' are passed over; one of them may say that the cells
    are those of :func:`~deft_mm.csv_cells.to_cell`, as in a selection file.

    Args:
        path (str | PathLike): The file.
        choose (Callable): Gets the names of all columns, returns those of the columns to read.

    Yields:
        tuple[int, tuple[str, ...]]: Number of the line, and its cells in the order chosen.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it has no row, or a row has another number of cells than the header (empty
            ones at its end, as spreadsheets add them, don't count); see :func:`lines_of`, too.
    """
    comments, names, columns, rows, decode = 0, None, (), 0, str

    def table() -> Iterator[str]:
        nonlocal comments, decode
        for line in lines_of(path):
            text = line.lstrip('"')
            if names is None and text.startswith('#'):
                comments += 1
                decode = from_cell if text.startswith(ESCAPED) else decode
            else:
                yield line

    reader = csv.reader(table(), skipinitialspace=True, strict=True)
    try:
        for row in filter(None, reader):
            if names is None:
                names = row
                columns = [names.index(name) for name in choose(names)]
                continue
            rows += 1
            if len(row) < len(names) or any(cell.strip() for cell in row[len(names) :]):
                raise ValueError(
                    f'line {comments + reader.line_num} has {len(row)} cells for {len(names)} '
                    'columns: fill it up, or quote the cell that has a comma in it'
                )
            yield comments + reader.line_num, tuple(decode(row[i]) for i in columns)
    except csv.Error as error:
        raise ValueError(f'line {comments + reader.line_num} is no CSV: {error}') from error
    if names is None:
        choose([])
    if not rows:
        raise ValueError('it has a header and no row')


def parse_json(text: str | bytes, **options: Any) -> Any:
    """Parse JSON.

    Args:
        text (str | bytes): The text.
        **options: Arguments of :func:`json.loads`.

    Returns:
        Any: What it stands for.

    Raises:
        ValueError: If it is no JSON, or lists and objects lie too deep in one another.
    """
    try:
        return json.loads(text, **options)
    except RecursionError as error:
        raise ValueError('its lists or objects lie too deep in one another') from error
