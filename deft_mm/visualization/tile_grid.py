"""Samples side by side in one picture, with what is known of them under each."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from deft_mm.visualization.labelled_samples import WRONG_MARK
from deft_mm.visualization.sample_views import SampleView

# Two that colour-blind people tell apart (M. Okabe, K. Ito, 2008); the caption says it in words.
KEPT, REJECTED = '#0072b2', '#e69f00'
UNDECIDED, WRONG, TEXT, FAINT = '#b0b0b0', '#b3261e', '#222222', '#707070'

# Lengths in inches. An image of 224 pixels is drawn about pixel by pixel.
DPI = 132
IMAGE = 1.7
VIEW_GAP, TILE_GAP, MARGIN = 0.08, 0.26, 0.2
LINE = 0.15
FONT_SIZE = 8
CHARACTERS_PER_INCH = 16


@dataclass
class Tile:
    """A sample in a grid.

    Args:
        views (Sequence[SampleView]): Its images, drawn side by side.
        caption (str): Lines of text. One that starts with '≠' says that the label is wrong.
        kept (bool, optional): Gives the frame its colour: blue for kept, orange for rejected, grey
            for None. Defaults to None.
    """

    views: Sequence[SampleView]
    caption: str
    kept: bool | None = None


def draw_grid(tiles: Sequence[Tile], rows: int, cols: int, title: str = '') -> bytes:
    """Draw tiles row by row.

    Args:
        tiles (Sequence[Tile]): At least one, at most ``rows * cols``.
        rows (int): Rows at most; those that stay empty are left out.
        cols (int): Columns.
        title (str): What stands above. Defaults to ''.

    Returns:
        bytes: A PNG file.

    Raises:
        ValueError: If there are no tiles, or too many.
    """
    if not 0 < len(tiles) <= rows * cols:
        raise ValueError(f'A grid of {rows} x {cols} does not hold {len(tiles)} tiles.')
    rows = -(-len(tiles) // cols)
    num_views = max(len(tile.views) for tile in tiles)
    tile_width = num_views * (IMAGE + VIEW_GAP) - VIEW_GAP
    captions = [wrap(tile.caption, tile_width) for tile in tiles]
    above = LINE if num_views > 1 else 0
    tile_height = above + IMAGE + 0.06 + LINE * max(map(len, captions))

    width = 2 * MARGIN + cols * (tile_width + TILE_GAP) - TILE_GAP
    title = textwrap.fill(title, int((width - 2 * MARGIN) * CHARACTERS_PER_INCH * 0.9))
    title_height = 1.25 * LINE * (title.count('\n') + 1) + LINE if title else 0
    height = 2 * MARGIN + title_height + rows * (tile_height + TILE_GAP) - TILE_GAP
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor='white')
    canvas = _Canvas(figure, width, height)
    if title:
        canvas.text(MARGIN, MARGIN, title, fontsize=FONT_SIZE + 1, color=TEXT)
    for i, (tile, caption) in enumerate(zip(tiles, captions, strict=True)):
        row, col = divmod(i, cols)
        left = MARGIN + col * (tile_width + TILE_GAP)
        top = MARGIN + title_height + row * (tile_height + TILE_GAP)
        _draw_tile(canvas, tile, caption, left, top, above)
    file = io.BytesIO()
    figure.savefig(file, format='png')
    return file.getvalue()


def wrap(caption: str, width: float) -> list[str]:
    """Break lines that are too long for a width in inches, and cut what takes more than three.

    What continues a line starts with that line's mark, if it has one.
    """
    lines = []
    for line in caption.splitlines():
        mark = WRONG_MARK if line.startswith(WRONG_MARK) else ''
        lines += textwrap.wrap(
            line,
            width=int(width * CHARACTERS_PER_INCH),
            subsequent_indent=mark,
            max_lines=3,
            placeholder=' …',
        )
    return lines


class _Canvas:
    """Places things in a figure by inches from its upper left corner."""

    def __init__(self, figure: Figure, width: float, height: float) -> None:
        self.figure, self.width, self.height = figure, width, height

    def text(self, left: float, top: float, text: str, **style: Any) -> None:
        # A class name may have a '$', which is no formula.
        style = dict(ha='left', va='top', parse_math=False) | style
        self.figure.text(left / self.width, 1 - top / self.height, text, **style)

    def image(self, left: float, top: float, image: np.ndarray, frame: str) -> None:
        box = (left / self.width, 1 - (top + IMAGE) / self.height)
        size = (IMAGE / self.width, IMAGE / self.height)
        # An image that is not square stands on its caption.
        axes = self.figure.add_axes((*box, *size), xticks=[], yticks=[], anchor='SW')
        axes.imshow(image)
        for spine in axes.spines.values():
            spine.set(color=frame, linewidth=2.5)


def _draw_tile(
    canvas: _Canvas, tile: Tile, caption: list[str], left: float, top: float, above: float
) -> None:
    frame = {None: UNDECIDED, True: KEPT, False: REJECTED}[tile.kept]
    for i, view in enumerate(tile.views):
        view_left = left + i * (IMAGE + VIEW_GAP)
        if above:
            height, width = view.image.shape[:2]
            text = f'{view.name} {width}×{height}'
            canvas.text(view_left, top, text, fontsize=FONT_SIZE - 1.5, color=FAINT)
        canvas.image(view_left, top + above, view.image, frame)
    for i, line in enumerate(caption):
        is_wrong = line.startswith(WRONG_MARK)
        canvas.text(
            left,
            top + above + IMAGE + 0.06 + i * LINE,
            line,
            fontsize=FONT_SIZE,
            color=WRONG if is_wrong else TEXT,
            weight='bold' if is_wrong else 'normal',
        )
