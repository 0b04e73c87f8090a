"""Names of files and classes in a CSV file that any program may open.

Spreadsheets compute a cell that begins as a formula does; it gets an apostrophe in front. A file
name that is not UTF-8 would keep others from reading the whole file; it is written as ``bytes:``
and its percent-encoded bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import quote, unquote_to_bytes

# A line before the header of a table in which cells were changed.
ESCAPED = '# escaped: true'
_BYTES = 'bytes:'
_TO_QUOTE = re.compile(r'[,"\r\n]')
# An apostrophe more where there was one already, so that the way back is known.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_QUOTED = re.compile(r"'+[=+\-@\t\r]")


def to_cell(text: str) -> str:
    """Write a text so that no program takes it for a formula, or for no text.

    Args:
        text (str): Any text, surrogates in place of bytes that are not UTF-8.

    Returns:
        str: The same for nearly all names; :func:`from_cell` gives back the others.

    Raises:
        ValueError: If it has surrogates that stand for no byte.
    """
    if text.startswith(_BYTES) or not is_text(text):
        return _BYTES + quote(text.encode('utf-8', 'surrogateescape'))
    return f"'{text}" if _FORMULA.match(text) else text


def from_cell(cell: str) -> str:
    """Undo :func:`to_cell`.

    Args:
        cell (str): What it returned.

    Returns:
        str: The text.
    """
    if cell.startswith(_BYTES):
        return unquote_to_bytes(cell.removeprefix(_BYTES)).decode('utf-8', 'surrogateescape')
    return cell[1:] if _QUOTED.match(cell) else cell


def to_csv(rows: Iterable[Sequence]) -> str:
    """Write a table.

    Args:
        rows (Iterable[Sequence]): Cells; numbers and None, which is an empty one, stay as they are,
            all else is what :func:`to_cell` makes of its text.

    Returns:
        str: A line a row.
    """
    return ''.join(f'{",".join(map(_csv_cell, row))}\n' for row in rows)


def _csv_cell(cell: Any) -> str:
    if isinstance(cell, (int, float, type(None))):
        return '' if cell is None else str(cell)
    text = to_cell(str(cell))
    # The csv module of Python up to 3.12 leaves a carriage return unquoted, which ends a line.
    return f'"{text.replace(chr(34), chr(34) * 2)}"' if _TO_QUOTE.search(text) else text


def is_text(text: str) -> bool:
    """Whether a name can be written as UTF-8.

    Args:
        text (str): The name.

    Returns:
        bool: False if it has surrogates.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
