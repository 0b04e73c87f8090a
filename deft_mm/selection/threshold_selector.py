"""A fixed threshold on the similarity of an image to the text of its given class."""

from __future__ import annotations

import numpy as np
from mmpretrain.registry import TASK_UTILS

from deft_mm.selection.fingerprint import Fingerprint
from deft_mm.selection.scores import SampleScores
from deft_mm.selection.selector import Selector, require_scores


@TASK_UTILS.register_module()
class ThresholdSelector(Selector):
    """Keep a sample whose image is similar enough to the prompt of its given class.

    The similarity is the cosine of image feature and text feature, of the positive prompt where
    there are two. It is what DeFT's learned threshold is compared with (arXiv 2409.19696): on
    CIFAR-100 with 60% symmetric noise 0.25 suits the initial CLIP, 0.4 an adapted one. The score is
    the similarity, negative ones 0.

    Args:
        threshold (float): Keep where the similarity is above it, in [0, 1).

    Raises:
        ValueError: If ``threshold`` is out of range.

    Example:

        .. code:: python

            selector = dict(type='ThresholdSelector', threshold=0.25)
    """

    needs = ('similarity',)

    def __init__(self, threshold: float) -> None:
        if not 0 <= threshold < 1:
            raise ValueError(
                f'ThresholdSelector: `threshold` is a similarity in [0, 1), found {threshold}.'
            )
        self.threshold = threshold

    def select(self, scores: SampleScores | None, fingerprint: Fingerprint) -> np.ndarray:
        """Select by similarity; see :meth:`Selector.select`."""
        scores = require_scores(self, scores)
        return scores.readable & (scores.similarity > self.threshold)

    def score(self, scores: SampleScores) -> np.ndarray:
        """The similarity, from 0 on; see :meth:`Selector.score`."""
        return np.clip(scores.similarity, 0.0, 1.0)
