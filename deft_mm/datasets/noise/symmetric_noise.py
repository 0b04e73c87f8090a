"""Symmetric label noise: every class is equally likely to be the wrong one."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmpretrain.registry import TASK_UTILS

from deft_mm.datasets.noise.label_noise import LabelNoise, check_ratio
from deft_mm.datasets.noise.noisy_subset import draw_noisy_subset


@TASK_UTILS.register_module()
class SymmetricNoise(LabelNoise):
    """Give a random part of the samples a label drawn uniformly over the classes.

    The true class is among those drawn from, so that the rate of wrong labels is ``ratio *
    (1 - 1/C)``, as in the experiments of DeFT (arXiv 2409.19696). With ``seed=0`` the labels are,
    bit for bit, those of its reference implementation; that takes Python's generator, of which a
    private one is used.

    Args:
        ratio (float): Share of the samples whose label is drawn anew, in [0, 1].
        seed (int): Seed of the draws. Defaults to 0.
        exclude_true (bool): Whether the true class is left out, so that all the labels that are
            drawn anew are wrong and the rate of wrong labels is ``ratio``. Defaults to False.

    Raises:
        ValueError: If ``ratio`` is outside [0, 1].

    Example:

        .. code:: python

            noise = dict(type='SymmetricNoise', ratio=0.6, seed=0)
    """

    def __init__(self, ratio: float, seed: int = 0, exclude_true: bool = False) -> None:
        self.ratio = check_ratio(ratio, self)
        self.seed = seed
        self.exclude_true = exclude_true

    def __call__(self, labels: np.ndarray, num_classes: int, dataset: Any = None) -> np.ndarray:
        """Draw noisy labels; see :meth:`LabelNoise.__call__`.

        Raises:
            ValueError: If the true class is to be left out where there is no other.
        """
        if self.exclude_true and num_classes < 2:
            raise ValueError(
                'SymmetricNoise: `exclude_true=True` needs two classes or more, '
                f'the data set has {num_classes}.'
            )
        redrawn, _, rng = draw_noisy_subset(len(labels), num_classes, self.ratio, self.seed)
        noisy = np.array(labels, dtype=np.int64)
        for idx in redrawn:
            if self.exclude_true:
                # One of the C - 1 others: step over the true class.
                drawn = rng.randint(0, num_classes - 2)
                noisy[idx] = drawn + (drawn >= labels[idx])
            else:
                noisy[idx] = rng.randint(0, num_classes - 1)
        return noisy
