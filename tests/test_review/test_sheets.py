"""Thumbnails on their sheets, and the order in which people see them."""

import io

import numpy as np
import pytest
from PIL import Image

from deft_mm.review import review_order
from deft_mm.review.sheets import draw_sheets
from deft_mm.selection import EXCLUDED, Fingerprint, SampleTable


def sheets_of(images, size=16, order=None):
    """The sheets of images by sample, as arrays, and what is missing."""
    order = range(len(images)) if order is None else order
    found = list(draw_sheets(lambda idx: images[idx], order, size))
    return [np.asarray(Image.open(io.BytesIO(data))) for data, _ in found], [
        idx for _, missing in found for idx in missing
    ]


def test_each_thumbnail_is_at_its_place_whatever_lies_beside_it():
    colours = np.random.RandomState(0).randint(0, 256, (300, 1, 1, 3), dtype=np.uint8)
    images = [np.broadcast_to(colour, (16, 16, 3)) for colour in colours]
    order = np.random.RandomState(1).permutation(300)
    (first, second), missing = sheets_of(images, order=order)
    assert first.shape == (256, 256, 3) and second.shape == (48, 256, 3) and not missing
    for place, idx in enumerate(order):
        sheet, (row, column) = (first, second)[place // 256], divmod(place % 256, 16)
        tile = sheet[16 * row : 16 * row + 16, 16 * column : 16 * column + 16].astype(int)
        assert abs(tile - colours[idx, 0, 0]).max() < 12


@pytest.mark.parametrize('shape', [(8, 8), (8, 3), (40, 20), (20, 40), (1, 1), (33, 32), (2000, 3)])
def test_the_whole_image_is_within_its_tile(shape):
    (sheet,), _ = sheets_of([np.zeros((*shape, 3), dtype=np.uint8)], size=32)
    dark = (sheet[:32, :32] < 128).all(axis=2)
    rows, columns = np.flatnonzero(dark.any(axis=1)), np.flatnonzero(dark.any(axis=0))
    height, width = len(rows), len(columns)
    assert max(height, width) >= 24  # as large as it goes
    assert height / width == pytest.approx(shape[0] / shape[1], rel=0.4) or min(height, width) == 1
    assert abs(rows[0] + rows[-1] - 31) <= 1 and abs(columns[0] + columns[-1] - 31) <= 1


def test_an_image_that_is_not_there_leaves_its_place_empty():
    black = np.zeros((8, 8, 3), dtype=np.uint8)
    (sheet,), missing = sheets_of([black, None, black])
    assert missing == [1]
    assert sheet[:16, 16:32].min() > 200 and sheet[:16, 32:48].max() < 60


def test_doubtful_labels_come_first_and_decided_ones_last():
    labels = np.zeros(7, dtype=int)
    table = SampleTable(
        Fingerprint.from_parts(['a'], labels, map(str, range(7))),
        ['a'],
        [''] * 7,
        labels,
        score=np.array([0.9, 0.2, 0.6, np.nan, 0.1, 0.05, 0.7]),
        kept=np.array([True, False, True, False, False, False, True]),
        corrected_label=np.array([-1, -1, -1, -1, -1, EXCLUDED, 0]),
    )
    # 1 and 4 are rejected, 3 without a score, 2 and 0 kept; 5 and 6 decided.
    assert review_order(table).tolist() == [4, 1, 3, 2, 0, 5, 6]
    assert review_order(table, 2).tolist() == [4, 1]
