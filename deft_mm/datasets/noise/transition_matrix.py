"""The realised transition matrix of label noise."""

from __future__ import annotations

import numpy as np


def transition_matrix(
    clean_labels: np.ndarray, noisy_labels: np.ndarray, num_classes: int
) -> np.ndarray:
    """Count which classes were given which labels.

    Args:
        clean_labels (np.ndarray): (N,) int64.
        noisy_labels (np.ndarray): (N,) int64.
        num_classes (int): C.

    Returns:
        np.ndarray: (C, C) float64, share of the samples of true class [row] that have label
        [column]. A row sums to 1, or is 0 for a class without samples.
    """
    counts = np.bincount(
        np.asarray(clean_labels) * num_classes + noisy_labels, minlength=num_classes**2
    ).reshape(num_classes, num_classes)
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
