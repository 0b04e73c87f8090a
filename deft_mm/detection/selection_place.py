"""The selection file that a tool writes: whose it is, and what is to be said of what it keeps."""

from __future__ import annotations

import logging
from pathlib import Path

from mmengine.logging import print_log

from deft_mm.fileio import require_writable
from deft_mm.selection import (
    SampleTable,
    check_selection,
    is_selection_file,
    read_selection,
    require_pyarrow,
)


def require_selection_place(path: Path, option: str) -> None:
    """Refuse a place that no selection can be written to, or where another file lies.

    Args:
        path (Path): Where the selection is to be.
        option (str): What has named it, for the message.

    Raises:
        ImportError: If it is Parquet, and pyarrow is missing.
        OSError: If nothing can be written there.
        ValueError: If it is neither .csv nor .parquet, or there is a file that is no selection.
    """
    require_writable(path, option)
    require_pyarrow(path)
    if path.suffix not in ('.csv', '.parquet'):
        raise ValueError(f"{option} '{path}': give a name in .csv or .parquet.")
    if path.exists() and not is_selection_file(path):
        raise ValueError(f"{option} '{path}' exists and is no selection file: give another name.")


def require_own(path: Path, samples: SampleTable, hint: str) -> None:
    """Refuse to replace the selection of other data.

    Args:
        path (Path): The selection file, which need not be there.
        samples (SampleTable): The samples at hand.
        hint (str): What to do about it, for the message.

    Raises:
        ValueError: If there is one of other data, or a file that is no selection file.
    """
    if path.exists():
        read_selection(path).fingerprint.require_same(
            samples.fingerprint, f"'{path}', which would be replaced,", hint=hint
        )


def warn_of_extremes(table: SampleTable) -> None:
    """Say so if everything is kept, nothing, or nothing of a class.

    Args:
        table (SampleTable): The selection.
    """
    scored = table.scored
    try:
        check_selection(
            table.kept[scored], table.method, table.given_label[scored], table.class_names
        )
    except ValueError as error:
        # The file is there, and its scores show why.
        print_log(str(error), logger='current', level=logging.WARNING)
