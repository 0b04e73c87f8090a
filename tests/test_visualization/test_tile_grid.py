"""The picture of several samples."""

import io

import numpy as np
import pytest
from PIL import Image

from deft_mm.visualization import SampleView, Tile, draw_grid
from deft_mm.visualization.tile_grid import KEPT, REJECTED, WRONG, wrap

GREEN = SampleView('original', np.tile(np.uint8([0, 255, 0]), (5, 5, 1)))


def picture(tiles, rows, cols, title='') -> np.ndarray:
    with Image.open(io.BytesIO(draw_grid(tiles, rows, cols, title))) as image:
        return np.asarray(image.convert('RGB'))


def boxes_of(colour, pixels: np.ndarray, axis: int) -> int:
    """Count the separate intervals, along an axis, that have pixels of a colour."""
    if isinstance(colour, str):
        colour = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    has = (pixels == np.uint8(colour)).all(axis=-1).any(axis=axis).astype(int)
    return int((np.diff(has, prepend=0) == 1).sum())


def test_grid_has_its_rows_and_columns_and_leaves_empty_rows_out():
    tile = Tile([GREEN], 'text')
    full = picture([tile] * 6, 2, 3)
    assert (boxes_of([0, 255, 0], full, 1), boxes_of([0, 255, 0], full, 0)) == (2, 3)
    part = picture([tile] * 2, 4, 3)
    assert (boxes_of([0, 255, 0], part, 1), boxes_of([0, 255, 0], part, 0)) == (1, 2)
    assert part.shape[1] == full.shape[1] and part.shape[0] < full.shape[0]
    views = picture([Tile([GREEN] * 4, 'text')], 1, 1)
    assert (boxes_of([0, 255, 0], views, 1), boxes_of([0, 255, 0], views, 0)) == (1, 4)


@pytest.mark.parametrize(
    ('kept', 'colours'), [(True, [KEPT]), (False, [REJECTED]), (None, [])], ids=str
)
def test_frame_shows_whether_the_sample_is_kept(kept, colours):
    pixels = picture([Tile([GREEN], '#1 given: cat', kept)], 1, 1)
    assert [colour for colour in (KEPT, REJECTED) if boxes_of(colour, pixels, 0)] == colours


def test_only_a_wrong_label_is_marked():
    assert not boxes_of(WRONG, picture([Tile([GREEN], 'given: cat')], 1, 1), 0)
    assert boxes_of(WRONG, picture([Tile([GREEN], 'given: cat\n≠ true: dog')], 1, 1), 0)


def test_title_and_formula_like_names_are_plain_text():
    caption = 'given: $x^ \\frac{$'
    plain = picture([Tile([GREEN], caption)], 1, 1)
    titled = picture([Tile([GREEN], caption)], 1, 1, 'a title that is wider than one image ' * 3)
    assert titled.shape[0] > plain.shape[0] and titled.shape[1] == plain.shape[1]


def test_long_lines_are_broken_and_very_long_ones_cut():
    assert wrap('#1 given: cat\nkept', 1.7) == ['#1 given: cat', 'kept']
    car = 'Mercedes-Benz 300-Class Convertible 1993'
    assert ' '.join(wrap(f'#1 given: {car}', 1.7)) == f'#1 given: {car}'
    lines = wrap(f'≠ true: {car} {car}', 1.7)
    assert len(lines) == 3 and all(line.startswith('≠ ') for line in lines)
    assert lines[-1].endswith('…') and max(map(len, lines)) <= 27


@pytest.mark.parametrize('count', [0, 3])
def test_wrong_number_of_tiles_is_refused(count):
    with pytest.raises(ValueError, match=f'1 x 2 does not hold {count} tiles'):
        draw_grid([Tile([GREEN], '')] * count, 1, 2)
