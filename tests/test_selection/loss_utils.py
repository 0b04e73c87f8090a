"""Tables that have a loss."""

from __future__ import annotations

import numpy as np

from deft_mm.selection import Fingerprint, SampleTable


def losses_of(loss, labels=None, num_classes: int = 2, **columns) -> SampleTable:
    """Samples that can be read where they have a number, of the classes in turn by default."""
    loss = np.asarray(loss, dtype=np.float64)
    n = len(loss)
    labels = np.arange(n) % num_classes if labels is None else labels
    names = [f'class {i}' for i in range(num_classes)]
    return SampleTable(
        fingerprint=Fingerprint.from_parts(names, labels, [''] * n),
        class_names=names,
        img_path=[''] * n,
        given_label=labels,
        pred_label=np.zeros(n),
        pred_prob=np.where(np.isnan(loss), np.nan, 0.5),
        loss=loss,
        **columns,
    )


def probabilities(num_samples: int, num_classes: int, sharpness: float = 3, seed: int = 0):
    """Random probabilities (N, C), and random labels (N,) of classes of different sizes."""
    draw = np.random.RandomState(seed)
    logits = sharpness * draw.randn(num_samples, num_classes)
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    sizes = np.arange(1, num_classes + 1) / np.arange(1, num_classes + 1).sum()
    return probs, draw.choice(num_classes, num_samples, p=sizes)
