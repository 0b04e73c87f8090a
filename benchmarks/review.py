"""The review page of many samples, against a page with an image file and an element for each.

python benchmarks/review.py                     # 50,000 images of 32 x 32 pixels
python benchmarks/review.py --samples 5000
python benchmarks/review.py --small             # a few; only checks that both show the same

Told are the time until everything is written, the files and their size, and, where playwright and
chromium are installed, until the page answers, how many elements it has and its JavaScript heap.
"""

from __future__ import annotations

import html
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from comparison import check_agreement, describe, parse_args
from made_up_images import MadeUpImages
from PIL import Image

from deft_mm.datasets import sample_table_of
from deft_mm.review import ImageSource, review_order, write_page
from deft_mm.selection import SampleTable
from deft_mm.selection.sample_details import SampleDetails

TOLERANCE = 0.1  # of the mean brightness: both are JPEGs
_READY = 'body[data-ready]'


def ours(folder: Path, table: SampleTable, dataset: MadeUpImages, size: int) -> Path:
    order = review_order(table)
    source = ImageSource(table, dataset)
    return write_page(folder, table, SampleDetails.of(table), order, source, 'made up', size)


def plain(folder: Path, table: SampleTable, dataset: MadeUpImages, size: int) -> Path:
    """What a short script would do."""
    elements = []
    for idx in review_order(table).tolist():
        image = Image.fromarray(dataset.get_data_info(idx)['img'])
        image.resize((size, size), Image.Resampling.NEAREST).save(folder / f'{idx}.jpg', quality=85)
        name = html.escape(table.class_names[table.given_label[idx]])
        elements.append(f'<figure><img src="{idx}.jpg"><figcaption>{name}</figcaption></figure>')
    path = folder / 'index.html'
    path.write_text(f'<!doctype html><body data-ready="true">{"".join(elements)}')
    return path


def on_disk(folder: Path) -> str:
    files = [path for path in folder.rglob('*') if path.is_file()]
    return f'{len(files)} files, {sum(path.stat().st_size for path in files) / 2**20:.1f} MiB'


def in_browser(path: Path) -> str:
    """What a browser needs for a page."""
    chromium = shutil.which('chromium')
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        chromium = None
    if chromium is None:
        return 'no browser here'
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=['--no-sandbox', '--disable-gpu']
        )
        page = browser.new_page(viewport=dict(width=1400, height=900))
        start = time.perf_counter()
        page.goto(path.absolute().as_uri(), timeout=300_000)
        page.wait_for_selector(_READY, timeout=300_000)
        seconds = time.perf_counter() - start
        nodes = page.locator('*').count()
        heap = page.evaluate('performance.memory.usedJSHeapSize') / 2**20
        browser.close()
    return f'ready in {seconds:.1f} s, {nodes} elements, heap {heap:.1f} MiB'


def brightness(path: Path, samples: int, size: int) -> torch.Tensor:
    """Sum of the mean brightness of so many thumbnails: a file each, or one sheet of all."""
    total = 0.0
    for file in path.parent.rglob('*.jpg'):
        pixels = np.asarray(Image.open(file).convert('L'), dtype=np.float64)
        places = range(1) if pixels.shape == (size, size) else range(samples)
        for row, column in (divmod(place, 16) for place in places):
            part = pixels[row * size : (row + 1) * size, column * size : (column + 1) * size]
            total += part.mean()
    return torch.tensor(total)


def main(argv: Sequence[str] | None = None) -> None:
    args = parse_args(__doc__.splitlines()[0], argv, samples=50_000, size=32)
    if args.small:
        args.samples = 40
    dataset = MadeUpImages(args.samples, 10, 32)
    draw = np.random.RandomState(0)
    table = sample_table_of(dataset).with_columns(
        clean_prob=draw.rand(args.samples), kept=draw.rand(args.samples) > 0.3
    )
    results = {}
    print(describe('cpu'))
    for name, way in dict(plain=plain, ours=ours).items():
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            path = way(Path(folder), table, dataset, args.size)
            seconds = time.perf_counter() - start
            if args.small:
                results[name] = dict(brightness=brightness(path, args.samples, args.size))
                continue
            print(
                f'{name}: written in {seconds:.1f} s, {on_disk(Path(folder))}; {in_browser(path)}'
            )
    if args.small:
        check_agreement('page', results['ours'], results['plain'], TOLERANCE)


if __name__ == '__main__':
    main()
