"""A list of images with their right labels: columns ``path,label``.

It is what ``data_root`` of an ImageFolderDataset and ``tools/clean.py`` take.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from deft_mm.csv_cells import ESCAPED, to_cell, to_csv
from deft_mm.selection.exchange.rows import paths_of, require_files
from deft_mm.selection.sample_table import SampleTable
from deft_mm.user_file import begins_with

LIST_HEADER = ('path', 'label')


def require_list_name(path: Path, option: str) -> None:
    """Refuse a name for a list that is no list's.

    Args:
        path (Path): The file.
        option (str): What the user calls it, for the message.

    Raises:
        ValueError: If it has another ending, or there is a file of that name that is no list.
    """
    if path.suffix != '.csv':
        raise ValueError(f"{option} '{path}': give a name in .csv.")
    if path.exists() and not begins_with(path, ','.join(LIST_HEADER)):
        raise ValueError(f"{option} '{path}' exists and is no list: give another name.")


def image_list(table: SampleTable, rows: np.ndarray, path: Path, option: str) -> bytes:
    """Write down images, under the labels that are right.

    Args:
        table (SampleTable): The selection.
        rows (np.ndarray): (n,) the samples that are listed.
        path (Path): Where the list is going to be: its paths are relative to its folder.
        option (str): What the user calls it, for the message.

    Returns:
        bytes: The content of the file.

    Raises:
        ValueError: If a sample is no file.
    """
    require_files(table, rows, option)
    folder = path.parent.absolute()
    cells = [
        (os.path.relpath(file, folder), table.class_names[label])
        for file, label in zip(paths_of(table, rows), table.label[rows].tolist(), strict=True)
    ]
    is_escaped = any(to_cell(cell) != cell for row in cells for cell in row)
    return ((f'{ESCAPED}\n' if is_escaped else '') + to_csv([LIST_HEADER, *cells])).encode()
