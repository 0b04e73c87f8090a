"""Small JPEG files for miniature data sets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

# (height, width): upright, lying, square, and smaller than a crop
SIZES = ((60, 40), (40, 70), (48, 48), (20, 30))


def write_jpegs(root: Path, names: list[str]) -> None:
    """Write images of several sizes, no two alike.

    Args:
        root (Path): Where the names start.
        names (list[str]): Paths below it.
    """
    draw = np.random.RandomState(0)
    for i, name in enumerate(names):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = draw.randint(0, 256, (*SIZES[i % len(SIZES)], 3), dtype=np.uint8)
        Image.fromarray(pixels).save(path, format='JPEG')
