"""Label-match: a sample is clean where the prediction is its given label."""

from __future__ import annotations

import numpy as np
from mmpretrain.registry import TASK_UTILS

from deft_mm.selection.fingerprint import Fingerprint
from deft_mm.selection.scores import SampleScores
from deft_mm.selection.selector import Selector, require_scores


@TASK_UTILS.register_module()
class LabelMatchSelector(Selector):
    """Keep a sample whose given label is the model's prediction.

    With zero-shot CLIP (:class:`~deft_mm.models.heads.ZeroShotHead`), initial or adapted, it is the
    "label-match" of DeFT's comparison (arXiv 2409.19696); any classifier will do. The score is the
    probability that the model gives the label. The temperature behind it is the head's
    (``ZeroShotHead.temperature``); it changes scores, not the selection.

    Example:

        .. code:: python

            selector = dict(type='LabelMatchSelector')
    """

    needs = ('loss',)

    def select(self, scores: SampleScores | None, fingerprint: Fingerprint) -> np.ndarray:
        """Select by prediction; see :meth:`Selector.select`."""
        scores = require_scores(self, scores)
        return scores.readable & (scores.pred_label == scores.given_label)

    def score(self, scores: SampleScores) -> np.ndarray:
        """The probability of the given label; see :meth:`Selector.score`."""
        return np.exp(-scores.loss)
