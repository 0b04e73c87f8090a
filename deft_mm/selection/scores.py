"""What the detector says of every sample of a data set."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

# Fields that are there only if a selector needs them.
OPTIONAL_SCORES = ('loss', 'feature', 'similarity')


@dataclass
class SampleScores:
    """One row a sample, at the sample's index in the scored data set.

    Args:
        given_label (np.ndarray): (N,) int64, the label that the data set gives.
        clean_prob (np.ndarray): (N,) float32, the probability that it is right; NaN where
            unreadable, or if the model gives none.
        pred_label (np.ndarray): (N,) int64, the classifier's label; -1 where unreadable.
        pred_prob (np.ndarray): (N,) float32, the probability of that; NaN where unreadable.
        yes_label (np.ndarray): (N,) int64, the class with the highest clean probability; -1 where
            unreadable, or if the model gives none.
        readable (np.ndarray): (N,) bool, False for an image that could not be read.
        loss (np.ndarray, optional): (N,) float32, the cross entropy of the given label with the
            model's logits; NaN where unreadable. Defaults to None.
        feature (np.ndarray, optional): (N, E) float32, what the head classifies, as the backbone
            (or the neck) gives it: not normalised; NaN where unreadable. Defaults to None.
        similarity (np.ndarray, optional): (N,) float32, cosine of the image feature and the
            (positive) text feature of the given class; NaN where unreadable. Defaults to None.

    Raises:
        ValueError: If an array has not one entry (``feature``: one row) a sample.
    """

    given_label: np.ndarray
    clean_prob: np.ndarray
    pred_label: np.ndarray
    pred_prob: np.ndarray
    yes_label: np.ndarray
    readable: np.ndarray
    loss: np.ndarray | None = None
    feature: np.ndarray | None = None
    similarity: np.ndarray | None = None

    def __post_init__(self) -> None:
        integers = ('given_label', 'pred_label', 'yes_label')
        dtypes = dict.fromkeys(integers, np.int64) | dict(readable=np.bool_)
        shapes = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if value is not None:
                array = np.asarray(value, dtype=dtypes.get(field.name, np.float32))
                setattr(self, field.name, array)
                shapes[field.name] = array.shape
        for name, shape in shapes.items():
            n_dims = 2 if name == 'feature' else 1
            if len(shape) != n_dims or shape[0] != len(self):
                raise ValueError(
                    f'All score arrays have one entry a sample, found {name} in shapes {shapes}.'
                )

    def __len__(self) -> int:
        return len(self.given_label)
