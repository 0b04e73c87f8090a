"""Small-loss: the samples of the smallest loss are clean."""

from __future__ import annotations

import numpy as np
from mmpretrain.registry import TASK_UTILS

from deft_mm.selection.fingerprint import Fingerprint
from deft_mm.selection.scores import SampleScores
from deft_mm.selection.selector import Selector, require_scores


@TASK_UTILS.register_module()
class SmallLossSelector(Selector):
    """Keep the samples of the smallest loss in the whole data set, as many as the ratio leaves.

    From `Co-teaching: Robust Training of Deep Neural Networks with Extremely Noisy Labels
    <https://arxiv.org/abs/1804.06872>`_, over the data set in place of a batch: of N samples that
    can be read it keeps the ``int((1 - noise_ratio) * N)`` with the smallest loss, the lower index
    first where losses are equal. The score is the probability that the model gives the label.

    Args:
        noise_ratio (float): Share of the samples that is rejected, in [0, 1).
        per_class (bool): Whether to keep that share of every given class. Defaults to False.

    Raises:
        ValueError: If ``noise_ratio`` is out of range.

    Example:

        .. code:: python

            selector = dict(type='SmallLossSelector', noise_ratio=0.4)
    """

    needs = ('loss',)

    def __init__(self, noise_ratio: float, per_class: bool = False) -> None:
        if not 0 <= noise_ratio < 1:
            raise ValueError(
                f'SmallLossSelector: `noise_ratio` is a share in [0, 1), found {noise_ratio}.'
            )
        self.noise_ratio = noise_ratio
        self.per_class = per_class

    def select(self, scores: SampleScores | None, fingerprint: Fingerprint) -> np.ndarray:
        """Select by loss; see :meth:`Selector.select`."""
        scores = require_scores(self, scores)
        group = scores.given_label if self.per_class else np.zeros(len(scores), dtype=np.int64)
        kept = np.zeros(len(scores), dtype=bool)
        for value in np.unique(group):
            members = np.flatnonzero(scores.readable & (group == value))
            order = np.argsort(scores.loss[members], kind='stable')
            # A little more than the product, which falls short of 1 for 5 samples at 0.8.
            kept[members[order[: int((1 - self.noise_ratio) * len(members) + 1e-6)]]] = True
        return kept

    def score(self, scores: SampleScores) -> np.ndarray:
        """The probability of the given label; see :meth:`Selector.score`."""
        return np.exp(-scores.loss)
