"""Files of corrections, as the review page writes them."""

from __future__ import annotations

import json
from os import PathLike
from pathlib import Path

from deft_mm.csv_cells import ESCAPED, to_csv
from deft_mm.selection import read_selection
from deft_mm.selection.corrections import COLUMNS


def corrections(path: Path, selection: str | PathLike, *rows, reviewer='ann', **header) -> Path:
    """Write a file of corrections of a selection.

    Args:
        path (Path): The file.
        selection (str | PathLike): The selection.
        *rows (tuple): Sample, action, corrected class, and perhaps the time.
        reviewer (str): Who has decided.
        **header: Entries of the header in place of the right ones.
    """
    table = read_selection(selection)
    about = dict(
        format='deft_mm-corrections',
        format_version=1,
        fingerprint=table.fingerprint.to_dict(),
        classes=table.class_names,
    )
    lines = [f'# {key}: {json.dumps(value)}' for key, value in {**about, **header}.items()]
    cells = [
        (
            i,
            table.img_path[i],
            table.class_names[table.given_label[i]],
            name,
            action,
            reviewer,
            *(time or ['2026-11-27T10:00:00+00:00']),
        )
        for i, action, name, *time in rows
    ]
    path.write_text('\n'.join([*lines, ESCAPED, to_csv([COLUMNS, *cells])]))
    return path
