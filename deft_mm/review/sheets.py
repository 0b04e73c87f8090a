"""Sheets of thumbnails: one image file for many samples, of which a page shows parts."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from PIL import Image

from deft_mm.datasets.in_threads import in_threads

# Thumbnails in a row of a sheet, and rows of a full one.
COLUMNS = ROWS = 16
_BACKGROUND = (236, 236, 236)
_QUALITY = 85


def draw_sheets(
    read: Callable[[int], np.ndarray | None], order: Sequence[int], size: int
) -> Iterator[tuple[bytes, list[int]]]:
    """Draw all sheets, one after the other.

    Args:
        read (Callable): Gives an image of a sample, (H, W, 3) uint8 RGB, or None.
        order (Sequence[int]): Sample indices in the order of the thumbnails.
        size (int): Width and height of a thumbnail in pixels.

    Yields:
        tuple[bytes, list[int]]: A JPEG, and the samples of it that have no image.
    """
    per_sheet = COLUMNS * ROWS
    for begin in range(0, len(order), per_sheet):
        part = list(order[begin : begin + per_sheet])
        rows = -(-len(part) // COLUMNS)
        sheet = Image.new('RGB', (COLUMNS * size, rows * size), _BACKGROUND)
        missing = []
        thumbnails = in_threads(lambda idx: _thumbnail(read(int(idx)), size), part)
        for place, (idx, thumbnail) in enumerate(zip(part, thumbnails, strict=True)):
            if thumbnail is None:
                missing.append(int(idx))
                continue
            row, column = divmod(place, COLUMNS)
            left = column * size + (size - thumbnail.width) // 2
            sheet.paste(thumbnail, (left, row * size + (size - thumbnail.height) // 2))
        file = io.BytesIO()
        # Without subsampling: colours of one thumbnail don't run into the next.
        sheet.save(file, 'JPEG', quality=_QUALITY, subsampling=0)
        yield file.getvalue(), missing


def _thumbnail(pixels: np.ndarray | None, size: int) -> Image.Image | None:
    """The whole image within a square; small ones are enlarged by a whole number."""
    if pixels is None:
        return None
    image = Image.fromarray(np.ascontiguousarray(pixels))
    longest = max(image.size)
    if longest <= size:
        times = size // longest
        return image.resize((image.width * times, image.height * times), Image.Resampling.NEAREST)
    image.thumbnail((size, size), Image.Resampling.LANCZOS, reducing_gap=2.0)
    return image
