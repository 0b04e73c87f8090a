"""CIFAR-10N: the batches of CIFAR-10, and the labels of its annotators."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from miniatures import cifar10
from miniatures.cifar10 import TRAIN_LABELS

WORSE_LABELS = (6, 9, 3, 4, 0, 1, 2, 4, 8, 5)


def make(root: Path) -> None:
    """Write the miniature of CIFAR-10 (see there), and 40% wrong `worse_label`, as published."""
    cifar10.make(root)
    clean = np.array(TRAIN_LABELS)
    labels = dict(clean_label=clean, worse_label=np.array(WORSE_LABELS))
    for i, key in enumerate(('aggre_label', 'random_label1', 'random_label2', 'random_label3')):
        labels[key] = np.where(np.arange(10) == i, (clean + 1) % 10, clean)
    torch.save(labels, root / 'CIFAR-10_human.pt')


undo = cifar10.undo
