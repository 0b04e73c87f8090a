"""CIFAR-10: the pickled batches of the Python version.

MMPretrain opens the files of CIFAR only if their MD5 sums are the published ones, and downloads
them otherwise. So :func:`make` also puts the sums of what it wrote into the class
``CIFAR10Dataset``, for this process; several miniatures can be read at a time, since the same
content is written everywhere. :func:`undo` puts the published sums back. Without it, nothing but
the real CIFAR-10 is kept from being read in this process, which no test does.
"""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path

import numpy as np

from deft_mm.datasets import CIFAR10Dataset

NAMES = 'airplane automobile bird cat deer dog frog horse ship truck'
TRAIN_LABELS = (6, 9, 9, 4, 1, 1, 2, 7, 8, 3)
TEST_LABELS = (3, 8, 8, 0, 6)


def make(root: Path) -> None:
    """Write 10 training images in 5 files, and 5 test images."""
    folder = root / CIFAR10Dataset.base_folder
    for i in range(5):
        labels = list(TRAIN_LABELS[2 * i : 2 * i + 2])
        content = dict(batch_label=f'training batch {i + 1} of 5', labels=labels)
        write_batch(folder / f'data_batch_{i + 1}', content, seed=i)
    content = dict(batch_label='testing batch 1 of 1', labels=list(TEST_LABELS))
    write_batch(folder / 'test_batch', content, seed=5)
    meta = dict(num_cases_per_batch=2, label_names=NAMES.split(), num_vis=3072)
    (folder / 'batches.meta').write_bytes(pickle.dumps(meta, protocol=2))
    register(CIFAR10Dataset, folder)


def undo() -> None:
    """Put the published MD5 sums back."""
    unregister(CIFAR10Dataset)


def write_batch(path: Path, content: dict, seed: int) -> None:
    """Write a pickle as Python 2 wrote it, with images of 3072 bytes, channel first."""
    labels = content.get('labels', content.get('fine_labels'))
    draw = np.random.RandomState(seed)
    content['data'] = draw.randint(0, 256, (len(labels), 3072), dtype=np.uint8)
    content['filenames'] = [f'image_s_{seed}{i:05d}.png' for i in range(len(labels))]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(content, protocol=2))


def register(dataset_class: type, folder: Path) -> None:
    """Let a data set class take the files of a folder for the published ones."""
    for attribute in ('train_list', 'test_list'):
        names = [name for name, _ in getattr(dataset_class, attribute)]
        sums = [hashlib.md5((folder / name).read_bytes()).hexdigest() for name in names]
        # On the class itself, so that it hides the list that it inherits from MMPretrain.
        setattr(dataset_class, attribute, [list(pair) for pair in zip(names, sums, strict=True)])


def unregister(dataset_class: type) -> None:
    """Take back what :func:`register` did, if it did."""
    for attribute in ('train_list', 'test_list'):
        if attribute in vars(dataset_class):
            delattr(dataset_class, attribute)
