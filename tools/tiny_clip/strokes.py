"""Hand-made strokes: digits as a pen writes them, and simple shapes.

A figure is a list of strokes in a unit square (x to the right, y down). Each drawing moves
the control points a little, so no two are alike.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from .fonts import CANVAS, GLYPH_BOX

Points = list[tuple[float, float]]


class Stroke(NamedTuple):
    """One pen stroke: control points, whether it bends smoothly through them, and closes."""

    points: Points
    smooth: bool = False
    closed: bool = False


Figure = list[Stroke]


def _line(*points: tuple[float, float], closed: bool = False) -> Stroke:
    return Stroke(list(points), False, closed)


def _curve(*points: tuple[float, float], closed: bool = False) -> Stroke:
    return Stroke(list(points), True, closed)


def _ellipse(x: float, y: float, width: float, height: float, sides: int = 8) -> Stroke:
    """A closed smooth ring around (x, y)."""
    turns = [2 * math.pi * step / sides for step in range(sides)]
    ring = [(x + width * math.sin(t), y - height * math.cos(t)) for t in turns]
    return Stroke(ring, True, True)


def _polygon(sides: int, radius: float = 0.48, inner: float | None = None) -> Stroke:
    """A regular polygon with a corner on top, or a star where `inner` is given."""
    corners = sides if inner is None else 2 * sides
    points = []
    for step in range(corners):
        reach = radius if inner is None or step % 2 == 0 else inner
        turn = 2 * math.pi * step / corners
        points.append((0.5 + reach * math.sin(turn), 0.5 - reach * math.cos(turn)))
    return Stroke(points, False, True)


DIGITS: dict[str, list[Figure]] = {
    '0': [
        [_ellipse(0.5, 0.5, 0.34, 0.45)],
        [_ellipse(0.5, 0.5, 0.24, 0.46)],
    ],
    '1': [
        [_line((0.5, 0.05), (0.5, 0.95))],
        [_line((0.3, 0.25), (0.52, 0.05), (0.5, 0.95))],
        [_line((0.3, 0.25), (0.52, 0.05), (0.5, 0.95)), _line((0.3, 0.95), (0.72, 0.95))],
    ],
    '2': [
        [
            _curve((0.2, 0.26), (0.36, 0.07), (0.66, 0.08), (0.76, 0.3), (0.55, 0.6), (0.2, 0.93)),
            _line((0.2, 0.93), (0.82, 0.93)),
        ],
        [
            _curve((0.22, 0.22), (0.45, 0.06), (0.7, 0.16), (0.68, 0.42), (0.45, 0.75)),
            _curve((0.45, 0.75), (0.26, 0.93), (0.18, 0.83), (0.34, 0.76), (0.6, 0.9), (0.84, 0.9)),
        ],
    ],
    '3': [
        [
            _curve((0.22, 0.15), (0.5, 0.05), (0.74, 0.2), (0.67, 0.4), (0.42, 0.48)),
            _curve((0.42, 0.48), (0.74, 0.58), (0.78, 0.8), (0.5, 0.95), (0.2, 0.85)),
        ],
        [
            _line((0.2, 0.06), (0.76, 0.06), (0.44, 0.42)),
            _curve((0.44, 0.42), (0.74, 0.5), (0.78, 0.78), (0.5, 0.95), (0.2, 0.85)),
        ],
    ],
    '4': [
        [_line((0.32, 0.05), (0.18, 0.6), (0.84, 0.6)), _line((0.66, 0.25), (0.6, 0.95))],
        [_line((0.64, 0.95), (0.64, 0.05), (0.14, 0.66), (0.86, 0.66))],
    ],
    '5': [
        [
            _line((0.76, 0.06), (0.3, 0.06), (0.25, 0.45)),
            _curve((0.25, 0.45), (0.55, 0.38), (0.78, 0.6), (0.66, 0.87), (0.4, 0.95), (0.2, 0.84)),
        ],
        [
            _line((0.36, 0.08), (0.28, 0.42)),
            _curve((0.28, 0.42), (0.6, 0.42), (0.72, 0.7), (0.5, 0.94), (0.22, 0.9)),
            _line((0.36, 0.08), (0.8, 0.06)),
        ],
    ],
    '6': [
        [
            _curve((0.7, 0.07), (0.4, 0.25), (0.22, 0.6), (0.3, 0.9), (0.55, 0.95)),
            _curve((0.55, 0.95), (0.76, 0.78), (0.66, 0.55), (0.42, 0.54), (0.24, 0.74)),
        ],
        [
            _curve((0.5, 0.04), (0.3, 0.4), (0.24, 0.76), (0.45, 0.95)),
            _curve((0.45, 0.95), (0.7, 0.84), (0.66, 0.62), (0.44, 0.58), (0.26, 0.72)),
        ],
    ],
    '7': [
        [_line((0.18, 0.06), (0.8, 0.06), (0.42, 0.95))],
        [_line((0.18, 0.06), (0.8, 0.06), (0.42, 0.95)), _line((0.34, 0.5), (0.8, 0.5))],
        [
            _line((0.2, 0.2), (0.2, 0.07), (0.78, 0.07)),
            _curve((0.78, 0.07), (0.5, 0.5), (0.42, 0.95)),
        ],
    ],
    '8': [
        [
            _curve(
                *((0.72, 0.16), (0.48, 0.05), (0.28, 0.22), (0.48, 0.47), (0.74, 0.72)),
                *((0.52, 0.95), (0.26, 0.76), (0.5, 0.48)),
                closed=True,
            )
        ],
        [_ellipse(0.5, 0.26, 0.22, 0.21), _ellipse(0.5, 0.71, 0.28, 0.24)],
    ],
    '9': [
        [
            _curve((0.74, 0.28), (0.54, 0.5), (0.28, 0.4), (0.28, 0.16), (0.5, 0.05), (0.73, 0.16)),
            _line((0.73, 0.16), (0.72, 0.5), (0.66, 0.95)),
        ],
        [
            _curve((0.72, 0.26), (0.5, 0.48), (0.28, 0.38), (0.3, 0.14), (0.52, 0.05), (0.72, 0.2)),
            _curve((0.72, 0.2), (0.76, 0.6), (0.6, 0.92), (0.28, 0.9)),
        ],
    ],
}

SHAPES: dict[str, list[Figure]] = {
    'circle': [[_ellipse(0.5, 0.5, 0.46, 0.46)]],
    'square': [[_line((0.08, 0.08), (0.92, 0.08), (0.92, 0.92), (0.08, 0.92), closed=True)]],
    'triangle': [[_line((0.5, 0.06), (0.95, 0.9), (0.05, 0.9), closed=True)]],
    'star': [[_polygon(5, 0.5, 0.2)], [_polygon(6, 0.5, 0.26)]],
    'cross': [[_line((0.08, 0.08), (0.92, 0.92)), _line((0.92, 0.08), (0.08, 0.92))]],
    'plus': [[_line((0.5, 0.05), (0.5, 0.95)), _line((0.05, 0.5), (0.95, 0.5))]],
    'heart': [
        [
            _curve((0.5, 0.95), (0.12, 0.55), (0.08, 0.22), (0.3, 0.08), (0.5, 0.28)),
            _curve((0.5, 0.28), (0.7, 0.08), (0.92, 0.22), (0.88, 0.55), (0.5, 0.95)),
        ]
    ],
    'diamond': [[_line((0.5, 0.03), (0.85, 0.5), (0.5, 0.97), (0.15, 0.5), closed=True)]],
    'arrow': [
        [_line((0.04, 0.5), (0.94, 0.5)), _line((0.6, 0.2), (0.94, 0.5), (0.6, 0.8))],
        [_line((0.5, 0.96), (0.5, 0.06)), _line((0.2, 0.4), (0.5, 0.06), (0.8, 0.4))],
    ],
    'hexagon': [[_polygon(6)]],
    'crescent': [
        [
            _curve((0.65, 0.05), (0.25, 0.15), (0.12, 0.5), (0.25, 0.85), (0.65, 0.95)),
            _curve((0.65, 0.95), (0.44, 0.72), (0.4, 0.5), (0.44, 0.28), (0.65, 0.05)),
        ]
    ],
    'zigzag': [[_line((0.02, 0.3), (0.22, 0.7), (0.4, 0.3), (0.6, 0.7), (0.78, 0.3), (0.98, 0.7))]],
    'spiral': [
        [
            _curve(
                *((0.52, 0.52), (0.6, 0.45), (0.62, 0.6), (0.45, 0.66), (0.33, 0.5), (0.45, 0.3)),
                *((0.7, 0.32), (0.82, 0.58), (0.6, 0.86), (0.3, 0.82), (0.1, 0.5), (0.3, 0.12)),
            )
        ]
    ],
    'wave': [
        [_curve((0.02, 0.5), (0.18, 0.25), (0.35, 0.5), (0.5, 0.75), (0.68, 0.5), (0.98, 0.25))]
    ],
    'house': [
        [
            _line((0.15, 0.95), (0.15, 0.45), (0.5, 0.06), (0.85, 0.45), (0.85, 0.95), closed=True),
            _line((0.15, 0.45), (0.85, 0.45)),
        ]
    ],
    'grid': [
        [
            *(_line((place, 0.05), (place, 0.95)) for place in (0.15, 0.5, 0.85)),
            *(_line((0.05, place), (0.95, place)) for place in (0.15, 0.5, 0.85)),
        ]
    ],
}

# Only these have an inside that can be filled without turning into another shape.
FILLABLE = frozenset(
    {'circle', 'square', 'triangle', 'star', 'heart', 'diamond', 'hexagon', 'crescent'}
)


def _bend(points: np.ndarray, closed: bool, steps: int = 6) -> np.ndarray:
    """Put a Catmull-Rom curve through control points of shape (n, 2)."""
    if closed:
        padded = np.concatenate([points[-1:], points, points[:2]])
    else:
        padded = np.concatenate([points[:1], points, points[-1:]])
    before, start, end, after = padded[:-3], padded[1:-2], padded[2:-1], padded[3:]
    t = np.linspace(0.0, 1.0, steps, endpoint=False)[:, None, None]
    curve = 0.5 * (
        2 * start
        + (end - before) * t
        + (2 * before - 5 * start + 4 * end - after) * t**2
        + (3 * start - before - 3 * end + after) * t**3
    )
    curve = curve.transpose(1, 0, 2).reshape(-1, 2)
    return curve if closed else np.concatenate([curve, points[-1:]])


def _trace(stroke: Stroke, rng: np.random.Generator, shake: float) -> list[tuple[float, float]]:
    """One stroke in canvas pixels, its control points moved by about `shake` (unit square)."""
    points = np.array(stroke.points)
    points = points + rng.normal(0.0, shake, points.shape)
    if stroke.smooth:
        points = _bend(points, stroke.closed)
    if stroke.closed:
        points = np.concatenate([points, points[:1]])
    margin = (CANVAS - GLYPH_BOX) / 2
    return [tuple(point) for point in (points * GLYPH_BOX + margin).tolist()]


def _draw(figure: Figure, rng: np.random.Generator, shake: float, filled: bool) -> np.ndarray:
    """Draw a figure white on black: uint8 of shape (CANVAS, CANVAS)."""
    canvas = Image.new('L', (CANVAS, CANVAS))
    pen = ImageDraw.Draw(canvas)
    width = int(rng.integers(2, 11))
    outline: list[tuple[float, float]] = []
    for stroke in figure:
        path = _trace(stroke, rng, shake)
        outline += path
        pen.line(path, fill=255, width=width, joint='curve')
        for x, y in (path[0], path[-1]):
            reach = width / 2
            pen.ellipse((x - reach, y - reach, x + reach, y + reach), fill=255)
    if filled:
        pen.polygon(outline, fill=255)
    return np.asarray(canvas)


def draw_digit(symbol: str, rng: np.random.Generator) -> np.ndarray:
    """A digit written by a pen: uint8 of shape (CANVAS, CANVAS)."""
    figures = DIGITS[symbol]
    shake = float(rng.uniform(0.01, 0.05))
    return _draw(figures[rng.integers(len(figures))], rng, shake, filled=False)


def draw_shape(symbol: str, rng: np.random.Generator) -> np.ndarray:
    """A shape, as an outline or filled: uint8 of shape (CANVAS, CANVAS)."""
    figures = SHAPES[symbol]
    figure = figures[rng.integers(len(figures))]
    filled = symbol in FILLABLE and rng.random() < 0.5
    shake = float(rng.uniform(0.0, 0.03))
    return _draw(figure, rng, shake, bool(filled))
