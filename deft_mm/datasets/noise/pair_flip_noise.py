"""Pair-flip label noise: every class is mistaken for one other, sample by sample."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmpretrain.registry import TASK_UTILS

from deft_mm.datasets.noise.label_noise import RatioNoise


@TASK_UTILS.register_module()
class PairFlipNoise(RatioNoise):
    """Move every sample to the next class with the same probability.

    The transition matrix of Co-teaching (Han et al., NeurIPS 2018, arXiv 1804.06872), whose
    examples are ratios of 0.45 and less: ``1 - ratio`` on the diagonal, ``ratio`` for class
    ``(y + 1) mod C``. :class:`AsymmetricNoise` has the same matrix on average, but moves a fixed
    number of samples; here one draw a sample decides.

    Args:
        ratio (float): Probability that a sample moves, in [0, 1]. From 0.5 on, most labels of a
            class are wrong, and alike.
        seed (int): Seed of the draws. Defaults to 0.

    Raises:
        ValueError: If ``ratio`` is outside [0, 1].

    Example:

        .. code:: python

            noise = dict(type='PairFlipNoise', ratio=0.45, seed=0)
    """

    def __call__(self, labels: np.ndarray, num_classes: int, dataset: Any = None) -> np.ndarray:
        """Draw noisy labels; see :meth:`LabelNoise.__call__`."""
        # RandomState, since its stream never changes between versions of NumPy.
        moves = np.random.RandomState(self.seed).random_sample(len(labels)) < self.ratio
        return np.where(moves, (labels + 1) % num_classes, labels)
