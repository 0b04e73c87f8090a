"""CIFAR-100: the pickles of the Python version; see `cifar10.py` for their MD5 sums."""

from __future__ import annotations

import pickle
from pathlib import Path

from deft_mm.datasets import CIFAR100Dataset
from miniatures.cifar10 import register, unregister, write_batch

TRAIN_LABELS = (19, 29, 0, 11, 99, 86, 90, 39, 39, 23)
TEST_LABELS = (49, 33, 39, 71)


def make(root: Path) -> None:
    """Write 10 training and 4 test images."""
    folder = root / CIFAR100Dataset.base_folder
    parts = (('train', 'training', TRAIN_LABELS), ('test', 'testing', TEST_LABELS))
    for seed, (name, part, labels) in enumerate(parts):
        content = dict(
            batch_label=f'{part} batch 1 of 1',
            fine_labels=list(labels),
            coarse_labels=[label // 5 for label in labels],
        )
        write_batch(folder / name, content, seed)
    names = list(CIFAR100Dataset.METAINFO['classes'])
    names[39] = 'keyboard'  # as in the data set's own file
    (folder / 'meta').write_bytes(pickle.dumps(dict(fine_label_names=names), protocol=2))
    register(CIFAR100Dataset, folder)


def undo() -> None:
    """Put the published MD5 sums back."""
    unregister(CIFAR100Dataset)
