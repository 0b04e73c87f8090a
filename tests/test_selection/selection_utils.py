"""A small selection."""

from __future__ import annotations

import numpy as np

from deft_mm.selection import Fingerprint, SampleTable

NAMES = ['cat', 'dog, "big"', '#3']
GIVEN = np.array([0, 1, 2, 0, 1])
PATHS = ['a/0.png', 'b, c/#1.png', 'say "hi".png', '', 'br\u00fccke.png']


def fingerprint(**changes) -> Fingerprint:
    parts = dict(class_names=NAMES, given_labels=GIVEN, identities=[f'{i}.png' for i in range(5)])
    return Fingerprint.from_parts(**{**parts, **changes})


def table(**changes) -> SampleTable:
    """Five scored samples, the last of which can't be read."""
    columns = dict(
        fingerprint=fingerprint(),
        class_names=NAMES,
        img_path=PATHS,
        given_label=GIVEN,
        clean_prob=np.array([0.9, 0.5, 0.500001, 0.1, np.nan], dtype=np.float32),
        pred_label=np.array([0, 1, 2, 1, -1]),
        pred_prob=np.array([1 / 3, 1e-30, 1.0, 0.7, np.nan], dtype=np.float32),
        readable=np.array([True, True, True, True, False]),
    )
    return SampleTable(**{**columns, **changes})


def selection(**changes) -> SampleTable:
    """The same, of which two samples are kept."""
    columns = dict(
        kept=np.array([True, False, True, False, False]),
        method='DualPromptSelector',
        config='deft_digits_sym40.py',
    )
    return table(**{**columns, **changes})


def clusters(
    num_samples: int, num_classes: int, wrong: float = 0.0, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features in a cluster a class, labels of which a share is wrong, and a model's probabilities.

    Returns:
        tuple: (N, E) float32, (N,) int64 and (N, C) float32; the first labels are 0, 1, 2 and so on
        where none is wrong.
    """
    draw = np.random.RandomState(seed)
    clean = np.arange(num_samples) % num_classes
    centres = 2 * np.eye(num_classes, num_classes + 3)
    feature = centres[clean] + 0.5 * draw.randn(num_samples, num_classes + 3)
    logits = 3 * np.eye(num_classes)[clean] + draw.randn(num_samples, num_classes)
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = clean.copy()
    changed = draw.rand(num_samples) < wrong
    labels[changed] = (clean[changed] + draw.randint(1, num_classes, changed.sum())) % num_classes
    return feature.astype(np.float32), labels, probs.astype(np.float32)


def clustered(num_samples: int, num_classes: int, wrong: float = 0.0, seed: int = 0) -> SampleTable:
    """The same as a table that has been scored."""
    feature, labels, probs = clusters(num_samples, num_classes, wrong, seed)
    names = [f'class {i}' for i in range(num_classes)]
    return SampleTable(
        fingerprint=Fingerprint.from_parts(names, labels, map(str, range(num_samples))),
        class_names=names,
        img_path=[''] * num_samples,
        given_label=labels,
        pred_label=probs.argmax(axis=1),
        pred_prob=probs.max(axis=1),
        probs=probs,
        feature=feature,
        loss=-np.log(probs[np.arange(num_samples), labels]),
    )
