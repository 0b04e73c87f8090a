"""Writing the page: a folder that a browser opens without a server, or one file."""

from __future__ import annotations

import base64
from importlib.resources import files
from pathlib import Path

import numpy as np

from deft_mm.fileio import write_atomically
from deft_mm.progress import Progress
from deft_mm.review.image_source import ImageSource
from deft_mm.review.page_data import page_data, to_json
from deft_mm.review.sheets import COLUMNS, ROWS, draw_sheets
from deft_mm.selection import SampleTable
from deft_mm.selection.sample_details import SampleDetails

PAGE_FILE, DATA_FILE = 'index.html', 'data.js'
# A page in one file holds all thumbnails in memory at once.
SINGLE_FILE_MOST = 5_000
# In the order in which they build on one another.
_SCRIPTS = (
    'samples.js',
    'corrections.js',
    'decisions.js',
    'class_box.js',
    'grid.js',
    'detail.js',
    'overview.js',
    'main.js',
)


def write_page(
    folder: Path,
    table: SampleTable,
    details: SampleDetails,
    order: np.ndarray,
    images: ImageSource,
    title: str,
    thumb: int = 96,
    single_file: bool = False,
) -> Path:
    """Write the page of a selection.

    An older page in the folder is gone as soon as its first thumbnails are replaced, and the new
    one there when everything is: at no time does one show thumbnails of the other.

    Args:
        folder (Path): The folder; files of others in it are left alone.
        table (SampleTable): The selection, of N samples.
        details (SampleDetails): What else is known of them.
        order (np.ndarray): (n,) the samples to show, in this order.
        images (ImageSource): Where their images come from.
        title (str): What the data are called.
        thumb (int): Width and height of a thumbnail in pixels. Defaults to 96.
        single_file (bool): Whether everything goes into one file. Defaults to False.

    Returns:
        Path: The page.
    """
    page = folder / PAGE_FILE
    page.unlink(missing_ok=True)
    for old in (folder / 'sheets').glob('[0-9][0-9][0-9][0-9].jpg'):
        old.unlink()
    names, missing = [], []

    def keep(number: int, content: bytes) -> str:
        if single_file:
            return f'data:image/jpeg;base64,{base64.b64encode(content).decode()}'
        name = f'sheets/{number:04d}.jpg'
        write_atomically(content, folder / name)
        return name

    readable = table.readable

    def read(idx: int) -> np.ndarray | None:
        return images.image(idx) if readable[idx] else None

    progress = Progress('Drew', len(order), 'thumbnails')
    for number, (content, lost) in enumerate(draw_sheets(read, order, thumb)):
        names.append(keep(number, content))
        missing += lost
        progress.advance(min(COLUMNS * ROWS, len(order) - number * COLUMNS * ROWS))
    sheets = dict(size=thumb, columns=COLUMNS, rows=ROWS, files=names)
    data = page_data(table, details, order, images.paths, sheets, missing, title)
    script = f'window.reviewData={to_json(data)};\n'
    if not single_file:
        write_atomically(script.encode(), folder / DATA_FILE)
    write_atomically(_html(script if single_file else None).encode(), page)
    return page


def _html(data: str | None) -> str:
    """The page: style and scripts are within it, data where they are given."""
    source = files('deft_mm.review') / 'page'

    def read(name: str) -> str:
        return (source / name).read_text(encoding='utf-8')

    scripts = '\n'.join(map(read, _SCRIPTS))
    tag = f'<script src="{DATA_FILE}"></script>' if data is None else f'<script>{data}</script>'
    html = read('index.html')
    for mark, text in (
        ('<!-- style -->', f'<style>\n{read("style.css")}</style>'),
        ('<!-- data -->', tag),
        ('<!-- script -->', f'<script>\n(() => {{\n"use strict";\n{scripts}\n}})();\n</script>'),
    ):
        html = html.replace(mark, text, 1)
    return html
