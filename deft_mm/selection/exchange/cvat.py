"""CVAT: a selection as a data set in the format "ImageNet 1.0".

https://docs.cvat.ai/docs/dataset_management/formats/format-imagenet/
"""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from deft_mm.fileio import write_atomically
from deft_mm.progress import Progress
from deft_mm.selection.exchange.rows import new_name, paths_of, require_images
from deft_mm.selection.sample_table import SampleTable
from deft_mm.shorten import printable

ARCHIVE_FILE, LABELS_FILE = 'imagenet.zip', 'labels.json'
# In its database; it cuts off the rest, and then two labels may be one.
_MOST_CHARACTERS = 64
# What no system has in the name of a folder, and what quoting is done with.
_UNUSABLE = re.compile(r'[/\\:*?"<>|%\x00-\x1f\x7f]|^\.|[. ]$')
# The folder of images that have no label.
_NO_LABEL = 'no_label'


def write_cvat(table: SampleTable, rows: np.ndarray, folder: Path) -> None:
    """Write ``imagenet.zip`` for "Import dataset" of a project in CVAT, and ``labels.json``.

    CVAT takes a zip archive, in which each label has a folder; so images are copied into it.
    ``labels.json`` is what the project needs first: its labels, for the tab "Raw" of their editor.
    An image lies under the label that is right as far as is known, with the index of its sample in
    front of its name, so that no two have one name.

    Args:
        table (SampleTable): The selection.
        rows (np.ndarray): (n,) the samples that go out.
        folder (Path): Where both files go.

    Raises:
        ValueError: If a sample is no file, or a label is too long for CVAT.
        FileNotFoundError: If a file is not there.
    """
    require_images(table, rows, '--to cvat')
    _require_suffixes(table, rows)
    labels = [_label(name) for name in table.class_names]
    progress = Progress('Packed', len(rows), 'images')
    # Images are compressed as they are.
    with zipfile.ZipFile(folder / ARCHIVE_FILE, 'w', strict_timestamps=False) as archive:
        for idx, path in zip(rows.tolist(), paths_of(table, rows), strict=True):
            archive.write(path, f'{labels[table.label[idx]]}/{new_name(table, idx)}')
            progress.advance()
    content = [dict(name=label, type='tag', attributes=[]) for label in labels]
    write_atomically(json.dumps(content, indent=1).encode(), folder / LABELS_FILE)


def _require_suffixes(table: SampleTable, rows: np.ndarray) -> None:
    known = Image.registered_extensions()
    for idx in rows.tolist():
        if Path(table.img_path[idx]).suffix.lower() not in known:
            raise ValueError(
                f"--to cvat: image '{printable(table.img_path[idx])}' has no suffix that is one of "
                'images, by which CVAT knows them: rename it, and write the selection anew.'
            )


def _label(name: str) -> str:
    """The name of a class as that of a folder, which is that of the label in CVAT."""
    label = _UNUSABLE.sub(lambda found: f'%{ord(found[0]):02X}', name)
    if label == _NO_LABEL:
        label = _NO_LABEL.replace('_', '%5F')
    if len(label) > _MOST_CHARACTERS:
        raise ValueError(
            f"--to cvat: the class '{printable(name)}' would be a label of {len(label)} "
            f'characters, and CVAT has {_MOST_CHARACTERS}: give it a shorter name.'
        )
    return label
