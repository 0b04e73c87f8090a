"""ANIMAL-10N: two folders of images whose names start with the label."""

from __future__ import annotations

from pathlib import Path

from miniatures.jpeg_files import write_jpegs


def make(root: Path) -> None:
    """Write 10 training and 4 test images of 4 and 3 classes, and a file that is no image."""
    train = [f'{label}_{i}.jpg' for i, label in enumerate([9, 0, 0, 5, 9, 3, 3, 5, 0, 9])]
    test = ['9_1.jpg', '0_11.jpg', '5_2.jpg', '0_3.jpg']
    write_jpegs(root / 'training', train)
    write_jpegs(root / 'testing', test)
    (root / 'training' / 'Thumbs.db').write_bytes(b'')
