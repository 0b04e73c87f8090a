"""CIFAR-100N: the files of CIFAR-100, and the labels of its annotators."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from miniatures import cifar100
from miniatures.cifar100 import TRAIN_LABELS

NOISY_LABELS = (11, 29, 0, 19, 99, 86, 5, 39, 87, 23)


def make(root: Path) -> None:
    """Write the miniature of CIFAR-100 (see `cifar10.py`), and 40% wrong labels, as published."""
    cifar100.make(root)
    labels = dict(
        clean_label=np.array(TRAIN_LABELS),
        noisy_label=np.array(NOISY_LABELS),
        noisy_coarse_label=np.array(NOISY_LABELS) // 5,
    )
    torch.save(labels, root / 'CIFAR-100_human.pt')


undo = cifar100.undo
