"""Hugging Face: a selection as a folder that ``datasets`` reads as an "imagefolder".

https://huggingface.co/docs/datasets/image_dataset#imagefolder
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np

from deft_mm.csv_cells import to_cell, to_csv
from deft_mm.fileio import write_atomically
from deft_mm.progress import Progress
from deft_mm.selection.exchange.rows import described, new_name, paths_of, require_images
from deft_mm.selection.sample_table import SampleTable
from deft_mm.selection.selection_file import require_pyarrow
from deft_mm.shorten import printable

_OPTION = '--to hf'
# Without the folder of a split, images with 'test' in their names would be those of a test set:
# https://huggingface.co/docs/datasets/repository_structure#split-pattern-hierarchy
_SPLIT = 'train'
# What pandas, by which `datasets` reads a CSV file, takes for no value (`na_values` of read_csv).
_NO_VALUE = frozenset(
    [
        *('', '#N/A', '#N/A N/A', '#NA', '<NA>', 'N/A', 'n/a', 'NA', 'NULL', 'null', 'None'),
        *('NaN', '-NaN', 'nan', '-nan', '1.#IND', '-1.#IND', '1.#QNAN', '-1.#QNAN'),
    ]
)


def write_hugging_face(
    table: SampleTable,
    rows: np.ndarray,
    folder: Path,
    copy: bool = False,
    metadata: str = 'csv',
) -> None:
    """Write ``train/metadata.csv`` or ``.parquet``, and the images in a folder beside it.

    In CSV the predicted label is left out unless every sample has one: what kind of column it is,
    ``datasets`` tells by the first rows alone.

    The images are links, which take no room: ``datasets`` copies what it reads anyway. Copies are
    for a folder that goes to another machine.

    Args:
        table (SampleTable): The selection.
        rows (np.ndarray): (n,) the samples that go out.
        folder (Path): Where all of it goes.
        copy (bool): Whether images are copied, not linked to. Defaults to False.
        metadata (str): 'csv' or 'parquet'. Defaults to 'csv'.

    Raises:
        ValueError: If a sample is no file, or a class has a name that would be read as something
            else from CSV.
        FileNotFoundError: If a file is not there.
        ImportError: If it is Parquet, and pyarrow is not installed.
        OSError: If an image can't be linked to or copied.
    """
    require_pyarrow(f'metadata.{metadata}')
    require_images(table, rows, _OPTION)
    table_of = dict(csv=_to_csv, parquet=_to_parquet)[metadata]
    records = []
    for about in described(table, rows):
        del about['corrected_label']  # it is `label` where `decided`
        records.append(dict(file_name=f'images/{new_name(table, about["sample_idx"])}', **about))
    content = table_of(records, table)
    folder = folder / _SPLIT
    (folder / 'images').mkdir(parents=True)
    progress = Progress('Copied' if copy else 'Linked', len(rows), 'images')
    for record, path in zip(records, paths_of(table, rows), strict=True):
        (shutil.copyfile if copy else os.symlink)(path, folder / record['file_name'])
        progress.advance()
    write_atomically(content, folder / f'metadata.{metadata}')


def _to_csv(records: list[dict], table: SampleTable) -> bytes:
    for name in table.class_names:
        if name in _NO_VALUE or to_cell(name) != name or _is_value(name):
            raise ValueError(
                f"{_OPTION}: the class '{printable(name)}' would be read as something else from "
                'metadata.csv: take --metadata parquet.'
            )
    names = list(records[0])
    if any(record['pred_label'] is None for record in records):
        names.remove('pred_label')
    rows = ([record[name] for name in names] for record in records)
    return to_csv([names, *rows]).encode()


def _is_value(name: str) -> bool:
    if name.strip().lower() in ('true', 'false'):
        return True
    try:
        float(name)
    except ValueError:
        return False
    return True


def _to_parquet(records: list[dict], table: SampleTable) -> bytes:
    import pyarrow
    import pyarrow.parquet

    number, text = pyarrow.float64(), pyarrow.string()
    types = dict(sample_idx=pyarrow.int64(), kept=pyarrow.bool_(), decided=pyarrow.bool_())
    types |= dict.fromkeys(('pred_prob', 'clean_prob', 'score'), number)
    schema = pyarrow.schema([(name, types.get(name, text)) for name in records[0]])
    buffer = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(records, schema=schema), buffer)
    return buffer.getvalue().to_pybytes()
