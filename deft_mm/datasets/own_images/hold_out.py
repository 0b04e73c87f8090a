"""Dividing images into a training and a validation part."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np


def held_out_mask(
    labels: np.ndarray, names: Sequence[str], ratio: float, seed: int, allowed: np.ndarray
) -> np.ndarray:
    """Choose the same share of every class for validation.

    Which images of a class are chosen depends on the seed and their names, not on their order or on
    other classes: a file that is added or repaired moves at most one other.

    Args:
        labels (np.ndarray): (N,) int64.
        names (Sequence[str]): N different names.
        ratio (float): The share, rounded to whole images; a class keeps at least one for training.
        seed (int): Another seed chooses other images.
        allowed (np.ndarray): (N,) bool, False for images that must not be chosen.

    Returns:
        np.ndarray: (N,) bool, True for the chosen.
    """
    draws = [hashlib.blake2b(f'{seed} {name}'.encode('utf-8', 'surrogateescape')) for name in names]
    order = np.array([draw.digest()[:8] for draw in draws], dtype='S8').argsort(kind='stable')
    by_class = order[labels[order].argsort(kind='stable')]
    starts = np.flatnonzero(np.diff(labels[by_class])) + 1
    mask = np.zeros(len(labels), dtype=bool)
    for members in np.split(by_class, starts):
        number = min(int(ratio * len(members) + 0.5), len(members) - 1)
        mask[members[allowed[members]][: max(number, 0)]] = True
    return mask
