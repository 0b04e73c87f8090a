"""MNIST: unpacked IDX files."""

from __future__ import annotations

from pathlib import Path

import numpy as np

TRAIN_LABELS = (5, 0, 4, 1, 9, 2, 1, 3, 1)
TEST_LABELS = (7, 2, 1, 0)


def make(root: Path) -> None:
    """Write 9 training and 4 test images."""
    root.mkdir(parents=True, exist_ok=True)
    draw = np.random.RandomState(0)
    for part, labels in (('train', TRAIN_LABELS), ('t10k', TEST_LABELS)):
        images = draw.randint(0, 256, (len(labels), 28, 28), dtype=np.uint8)
        _write_idx(root / f'{part}-images-idx3-ubyte', images)
        _write_idx(root / f'{part}-labels-idx1-ubyte', np.array(labels, dtype=np.uint8))


def _write_idx(path: Path, array: np.ndarray) -> None:
    """Two zero bytes, 8 for bytes, the number of axes, the sizes, the values."""
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, dtype='>u4').tobytes()
    path.write_bytes(header + array.tobytes())
