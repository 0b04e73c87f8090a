"""What the detector says of every sample of a data set."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np


@dataclass
class SampleScores:
    """One row a sample, at the sample's index in the scored data set.

    Args:
        given_label (np.ndarray): (N,) int64, the label that the data set gives.
        clean_prob (np.ndarray): (N,) float32, the probability that it is right; NaN where
            unreadable.
        pred_label (np.ndarray): (N,) int64, the classifier's label; -1 where unreadable.
        pred_prob (np.ndarray): (N,) float32, the probability of that; NaN where unreadable.
        yes_label (np.ndarray): (N,) int64, the class with the highest clean probability; -1 where
            unreadable.
        readable (np.ndarray): (N,) bool, False for an image that could not be read.

    Raises:
        ValueError: If the arrays are not all of shape (N,).
    """

    given_label: np.ndarray
    clean_prob: np.ndarray
    pred_label: np.ndarray
    pred_prob: np.ndarray
    yes_label: np.ndarray
    readable: np.ndarray

    def __post_init__(self) -> None:
        dtypes = dict(clean_prob=np.float32, pred_prob=np.float32, readable=np.bool_)
        for field in fields(self):
            array = np.asarray(getattr(self, field.name), dtype=dtypes.get(field.name, np.int64))
            setattr(self, field.name, array)
        shapes = {field.name: getattr(self, field.name).shape for field in fields(self)}
        if any(shape != (len(self),) for shape in shapes.values()):
            raise ValueError(f'All score arrays have one entry a sample, found shapes {shapes}.')

    def __len__(self) -> int:
        return len(self.given_label)
