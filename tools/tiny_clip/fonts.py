"""Glyphs of digits and letters, from the fonts that ship with matplotlib.

Fonts of the system or of OpenCV differ between machines and versions; those inside a
dependency do not, so a drawing depends on nothing but the versions of the packages.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont

CANVAS = 64
GLYPH_BOX = 48

TRAIN_FONTS = (
    'DejaVuSans',
    'DejaVuSans-Bold',
    'DejaVuSans-Oblique',
    'DejaVuSans-BoldOblique',
    'DejaVuSansMono',
    'DejaVuSansMono-Bold',
    'DejaVuSansMono-Oblique',
    'DejaVuSerif',
    'DejaVuSerif-Bold',
    'DejaVuSerif-BoldItalic',
    'STIXGeneral',
    'STIXGeneralItalic',
    'STIXGeneralBolIta',
    'cmb10',
    'cmr10',
    'cmti10',
    'cmtt10',
)
# Never drawn for training: accuracy on them tells how far the names carry to new typefaces.
HELD_OUT_FONTS = (
    'DejaVuSerif-Italic',
    'DejaVuSansMono-BoldOblique',
    'STIXGeneralBol',
    'cmss10',
)


def font_path(name: str) -> Path:
    """Where matplotlib keeps one of its fonts."""
    path = Path(matplotlib.get_data_path()) / 'fonts' / 'ttf' / f'{name}.ttf'
    if not path.is_file():
        raise FileNotFoundError(
            f'matplotlib {matplotlib.__version__} has no font {path.name}; install a version '
            'that ships the DejaVu, STIX and Computer Modern fonts.'
        )
    return path


@cache
def glyph(font: str, character: str, thickening: int = 0) -> np.ndarray:
    """One character, white on black, as large as fits in the middle of the canvas.

    Args:
        font: a name out of `TRAIN_FONTS` or `HELD_OUT_FONTS`.
        character: the character to draw.
        thickening: by how many pixels to thicken its strokes on each side.

    Returns:
        uint8 array of shape (CANVAS, CANVAS). It is cached: do not write into it.
    """
    type_face = ImageFont.truetype(str(font_path(font)), 4 * GLYPH_BOX // 2)
    page = Image.new('L', (4 * CANVAS, 4 * CANVAS))
    ImageDraw.Draw(page).text((CANVAS, CANVAS), character, fill=255, font=type_face)
    cut = page.crop(page.getbbox())
    scale = GLYPH_BOX / max(cut.size)
    size = tuple(max(1, round(side * scale)) for side in cut.size)
    canvas = Image.new('L', (CANVAS, CANVAS))
    corner = ((CANVAS - size[0]) // 2, (CANVAS - size[1]) // 2)
    canvas.paste(cut.resize(size, Image.Resampling.BILINEAR), corner)
    if thickening:
        canvas = canvas.filter(ImageFilter.MaxFilter(2 * thickening + 1))
    return np.asarray(canvas)


def draw_glyph(symbol: str, rng: np.random.Generator, held_out: bool) -> np.ndarray:
    """A digit or letter in a random font, case (for letters) and weight; see `glyph`."""
    fonts = HELD_OUT_FONTS if held_out else TRAIN_FONTS
    font = fonts[rng.integers(len(fonts))]
    character = symbol.upper() if rng.random() < 0.5 else symbol
    thickening = int(rng.choice(3, p=(0.6, 0.25, 0.15)))
    return glyph(font, character, thickening)
