"""The first draws of the noise models that change a random part of the samples."""

from __future__ import annotations

import random

import numpy as np


def draw_noisy_subset(
    num_samples: int, num_classes: int, ratio: float, seed: int, shuffle_classes: bool = True
) -> tuple[np.ndarray, list[int], random.Random]:
    """Draw which samples are noisy, then an order of the classes.

    The draws are those of DeFT's reference implementation on CIFAR, in its order: it shuffles the
    classes whether the noise model uses them or not, and the draws that follow depend on it.

    Args:
        num_samples (int): N.
        num_classes (int): C.
        ratio (float): Share of the samples that are noisy, in [0, 1].
        seed (int): Seed of a private generator of Python's ``random``.
        shuffle_classes (bool): Whether to draw an order of the classes; if not, they stay in that
            of their labels. Defaults to True.

    Returns:
        tuple: (n,) int64, the indices of the noisy samples, ascending; C class indices in the
        order that was drawn; and the generator, for the draws that follow.
    """
    rng = random.Random(seed)
    order = list(range(num_samples))
    rng.shuffle(order)
    classes = list(range(num_classes))
    if shuffle_classes:
        rng.shuffle(classes)
    return np.sort(np.array(order[: int(ratio * num_samples)], dtype=np.int64)), classes, rng
