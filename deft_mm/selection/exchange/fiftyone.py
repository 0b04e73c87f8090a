"""FiftyOne: a script that builds a data set of a selection, and what it reads.

https://docs.voxel51.com/user_guide/import_datasets.html (custom formats)
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from deft_mm.fileio import write_atomically
from deft_mm.selection.exchange.rows import described, paths_of, require_files, require_text
from deft_mm.selection.sample_table import SampleTable

SCRIPT_FILE, SAMPLES_FILE = 'load_fiftyone.py', 'samples.json'


def write_fiftyone(table: SampleTable, rows: np.ndarray, folder: Path) -> None:
    """Write ``samples.json``, and the script that builds a data set of it.

    The script is the same for all selections: names of files and classes are in the data alone, so
    that none of them can become code.

    Args:
        table (SampleTable): The selection.
        rows (np.ndarray): (n,) the samples that go out.
        folder (Path): Where both files go.

    Raises:
        ValueError: If a sample is no file, or a file's name is not UTF-8.
    """
    option = '--to fiftyone'
    require_files(table, rows, option)
    require_text(table, rows, option)
    content = dict(
        classes=table.class_names,
        fingerprint=table.fingerprint.to_text(),
        samples=[
            dict(filepath=path) | about
            for path, about in zip(paths_of(table, rows), described(table, rows), strict=True)
        ],
    )
    text = json.dumps(content, indent=0, allow_nan=False)
    write_atomically(text.encode(), folder / SAMPLES_FILE)
    script = Path(__file__).with_name('fiftyone_script.py')
    write_atomically(script.read_bytes(), folder / SCRIPT_FILE)
