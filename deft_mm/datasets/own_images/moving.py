"""Moving images to the folders of their right classes, and back.

What is moved stands in a file before the first image is: ``from`` and ``to``, a row an image.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import NamedTuple

from deft_mm.csv_cells import from_cell, to_csv
from deft_mm.fileio import write_atomically
from deft_mm.selection.sample_table import EXCLUDED, SampleTable
from deft_mm.user_file import lines_of

_COLUMNS = ('from', 'to')


class Move(NamedTuple):
    """One image: absolute paths."""

    source: str
    target: str


def plan_moves(table: SampleTable, root: str | PathLike) -> list[Move]:
    """List what has to move where, so that folders say what people have decided.

    An image in ``root/<given class>/x.png`` goes to ``root/<right class>/x.png``; an excluded one
    to ``root_excluded/<given class>/x.png``, beside ``root``.

    Args:
        table (SampleTable): A reviewed selection of a folder that has a folder for each class.
        root (str | PathLike): That folder.

    Returns:
        list[Move]: Images whose place changes.

    Raises:
        FileNotFoundError: If an image is not there (any more).
        ValueError: If an image is not below the folder of its given class, or where it has to go
            there is a file already.
    """
    root, moves = Path(os.path.abspath(root)), []
    excluded = root.with_name(f'{root.name}_excluded')
    for idx in (table.decided & (table.corrected_label != table.given_label)).nonzero()[0]:
        path = Path(os.path.abspath(table.img_path[idx]))
        given = table.class_names[table.given_label[idx]]
        if not path.is_relative_to(root / given):
            raise ValueError(
                f"Image '{path}' of the class {given!r} is not below '{root / given}': --move "
                'takes a folder that has a folder for each class, named as the class is.'
            )
        if not path.is_file():
            raise FileNotFoundError(f"Image '{path}' is not there: has it been moved already?")
        if table.corrected_label[idx] == EXCLUDED:
            target = excluded / path.relative_to(root)
        else:
            target = root / table.class_names[table.label[idx]] / path.relative_to(root / given)
        moves.append(Move(str(path), str(target)))
    _require_free(moves)
    return moves


def _require_free(moves: Sequence[Move]) -> None:
    seen: set[str] = set()
    for move in moves:
        if os.path.lexists(move.target) or move.target in seen:
            raise ValueError(
                f"'{move.source}' has to go to '{move.target}', where there is a file already: "
                'rename one of them. Nothing has been moved.'
            )
        seen.add(move.target)


def move_images(moves: Sequence[Move], record: Path) -> None:
    """Move images, having written down what goes where.

    Args:
        moves (Sequence[Move]): What :func:`plan_moves` lists.
        record (Path): The file for :func:`undo_moves`; there is none yet.

    Raises:
        OSError: If an image can't be moved; those before it are, and the record has them all.
        ValueError: If there is such a record already.
    """
    if record.exists():
        raise ValueError(
            f"'{record}' says what was moved before, and would be replaced: undo that (--undo), or "
            'rename the file.'
        )
    write_atomically(to_csv([_COLUMNS, *moves]).encode(), record)
    for move in moves:
        Path(move.target).parent.mkdir(parents=True, exist_ok=True)
        os.rename(move.source, move.target)


def undo_moves(record: Path) -> tuple[int, list[Move]]:
    """Move images back to where they were; the record gets another name.

    Args:
        record (Path): What :func:`move_images` has written.

    Returns:
        tuple[int, list[Move]]: How many are back, and those that are left alone: they are neither
        here nor there, or another file is in their place.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no such record.
    """
    back, left = 0, []
    for move in _read(record):
        there, free = os.path.lexists(move.target), not os.path.lexists(move.source)
        if there and free:
            Path(move.source).parent.mkdir(parents=True, exist_ok=True)
            os.rename(move.target, move.source)
            back += 1
        elif there or free:
            left.append(move)
    if not left:
        record.rename(record.with_name(f'{record.name}.undone'))
    return back, left


def _read(record: Path) -> list[Move]:
    try:
        rows = list(csv.reader(lines_of(record), strict=True))
        if not rows or tuple(rows[0]) != _COLUMNS or any(len(row) != 2 for row in rows):
            raise ValueError(f'expected the columns {" and ".join(_COLUMNS)}')
    except (ValueError, csv.Error) as error:
        raise ValueError(f"'{record}' is no record of moved images: {error}.") from error
    return [Move(*map(from_cell, row)) for row in rows[1:]]
