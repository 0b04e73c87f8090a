"""Somebody's images: a folder per class, and what gathers in such folders."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from PIL import Image

SIZES = {'cat': 15, 'dog': 5, 'guinea_pig': 5}


def make(root: Path) -> None:
    """Write 25 images of 3 classes; copies of one image in 2 classes, 3 damaged files, 3 others."""
    draw = np.random.RandomState(0)
    for name, size in SIZES.items():
        (root / name).mkdir(parents=True)
        for i in range(size):
            pixels = draw.randint(0, 256, (30 + i, 36, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / name / f'{i:03d}.jpg')
    shutil.copy(root / 'cat' / '003.jpg', root / 'dog' / 'also_a_cat.jpg')
    whole = (root / 'cat' / '000.jpg').read_bytes()
    (root / 'cat' / 'truncated.jpg').write_bytes(whole[: len(whole) // 2])
    (root / 'dog' / 'empty.png').touch()
    (root / 'guinea_pig' / 'text.jpg').write_text('no image')
    (root / 'dog' / 'notes.txt').write_text('a note')
    (root / 'guinea_pig' / '.DS_Store').touch()
    (root / '.cache').mkdir()
