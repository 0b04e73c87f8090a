"""Symmetric label noise: every class is equally likely to be the wrong one."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmpretrain.registry import TASK_UTILS

from deft_mm.datasets.noise.label_noise import RatioNoise
from deft_mm.datasets.noise.noisy_subset import draw_noisy_subset


@TASK_UTILS.register_module()
class SymmetricNoise(RatioNoise):
    """Give a random part of the samples a label drawn uniformly over the classes.

    The true class is among those drawn from, so that the rate of wrong labels is ``ratio *
    (1 - 1/C)``, as in the experiments of DeFT (arXiv 2409.19696). They are drawn with a private
    generator of Python's ``random``.

    With ``seed=0`` the labels are, bit for bit, those of its reference implementation on CIFAR. On
    CUB-200-2011 that leaves out one draw, an order of the classes which it does not use: with
    ``shuffle_classes=False`` the draws are its own, as far as a description of it tells. On
    Tiny-ImageNet and Stanford Cars nobody can have its labels again: it takes the samples in the
    order in which a file system happened to list them, here they are sorted.

    Args:
        ratio (float): Share of the samples whose label is drawn anew, in [0, 1].
        seed (int): Seed of the draws. Defaults to 0.
        exclude_true (bool): Whether the true class is left out, so that all the labels that are
            drawn anew are wrong and the rate of wrong labels is ``ratio``. Defaults to False.
        shuffle_classes (bool): Whether an order of the classes is drawn before the labels. It is
            not used, but other labels come after it. Defaults to True.

    Raises:
        ValueError: If ``ratio`` is outside [0, 1].

    Example:

        .. code:: python

            noise = dict(type='SymmetricNoise', ratio=0.6, seed=0)
    """

    def __init__(
        self,
        ratio: float,
        seed: int = 0,
        exclude_true: bool = False,
        shuffle_classes: bool = True,
    ) -> None:
        super().__init__(ratio, seed)
        self.exclude_true = exclude_true
        self.shuffle_classes = shuffle_classes

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
        redrawn, _, rng = draw_noisy_subset(
            len(labels), num_classes, self.ratio, self.seed, self.shuffle_classes
        )
        noisy = np.array(labels, dtype=np.int64)
        for idx in redrawn:
            if self.exclude_true:
                # One of the C - 1 others: step over the true class.
                drawn = rng.randint(0, num_classes - 2)
                noisy[idx] = drawn + (drawn >= labels[idx])
            else:
                noisy[idx] = rng.randint(0, num_classes - 1)
        return noisy

    def parameters(self) -> dict:
        """Return what the labels depend on; files of before ``shuffle_classes`` still fit."""
        parameters = super().parameters()
        if self.shuffle_classes:
            del parameters['shuffle_classes']
        return parameters
