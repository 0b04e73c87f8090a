"""Structured label noise: half of the classes are noisy, the others clean."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmpretrain.registry import TASK_UTILS

from deft_mm.datasets.noise.label_noise import RatioNoise
from deft_mm.datasets.noise.noisy_subset import draw_noisy_subset


@TASK_UTILS.register_module()
class StructuredNoise(RatioNoise):
    """Draw labels anew as :class:`SymmetricNoise` does, in a random half of the classes only.

    A sample is noisy if it is in the random part of the samples and its true class is in the
    random half of the classes (``C // 2`` of them). The rate of wrong labels is thus ``ratio *
    (1 - 1/C)`` in the noisy classes, 0 in the others, and about half of that over a balanced data
    set. With ``seed=0`` the labels are, bit for bit, those of the reference implementation of
    DeFT (arXiv 2409.19696) on CIFAR. On Tiny-ImageNet and Stanford Cars that moves the samples to
    the next class in place of drawing; here they are drawn on every data set.

    Args:
        ratio (float): Share of the samples of a noisy class whose label is drawn anew, in [0, 1].
        seed (int): Seed of the draws. Defaults to 0.

    Raises:
        ValueError: If ``ratio`` is outside [0, 1].

    Example:

        .. code:: python

            noise = dict(type='StructuredNoise', ratio=0.4, seed=0)
    """

    def __call__(self, labels: np.ndarray, num_classes: int, dataset: Any = None) -> np.ndarray:
        """Draw noisy labels; see :meth:`LabelNoise.__call__`."""
        subset, classes, rng = draw_noisy_subset(len(labels), num_classes, self.ratio, self.seed)
        in_noisy_class = np.isin(labels[subset], classes[: num_classes // 2])
        noisy = np.array(labels, dtype=np.int64)
        for idx in subset[in_noisy_class]:
            noisy[idx] = rng.randint(0, num_classes - 1)
        return noisy
