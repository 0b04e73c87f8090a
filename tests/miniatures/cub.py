"""CUB-200-2011: a folder of images per class, and lists by the number of the image."""

from __future__ import annotations

from pathlib import Path

from mmpretrain.datasets.categories import CUB_CATEGORIES

from miniatures.jpeg_files import write_jpegs

# by class id, from 1: the images of the training and the test part
IMAGES = {1: (3, 1), 2: (2, 1), 17: (2, 2), 200: (2, 1)}
CLASSES = [f'{idx:03d}.{name}' for idx, name in enumerate(CUB_CATEGORIES, start=1)]


def make(root: Path) -> None:
    """Write 9 training and 5 test images of 4 classes."""
    paths, ids, in_train = [], [], []
    for class_id, (num_train, num_test) in IMAGES.items():
        for i in range(num_train + num_test):
            folder = CLASSES[class_id - 1]
            # as in the real data, numbered without regard to the parts
            paths.append(f'{folder}/{folder[4:]}_{i + 1:04d}_{796111 - i}.jpg')
            ids.append(class_id)
            in_train.append(int(i % 2 == 0 if num_test > 1 else i >= num_test))
    write_jpegs(root / 'images', paths)
    _write_list(root / 'images.txt', paths)
    _write_list(root / 'image_class_labels.txt', ids)
    _write_list(root / 'train_test_split.txt', in_train)
    _write_list(root / 'classes.txt', CLASSES)


def _write_list(path: Path, values: list) -> None:
    path.write_text(''.join(f'{i} {value}\n' for i, value in enumerate(values, start=1)))
