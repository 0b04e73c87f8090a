"""JSD: the divergence of prediction and label, cut at its mean, an equal number of each class."""

from __future__ import annotations

import math

import numpy as np
from mmpretrain.registry import TASK_UTILS
from scipy.special import xlogy

from deft_mm.selection.sample_table import SampleTable
from deft_mm.selection.selector import Selector


@TASK_UTILS.register_module()
class JSDSelector(Selector):
    """Keep as large a share as has a divergence below the mean one, equally many of each class.

    From `UNICON: Combating Label Noise Through Uniform Selection and Contrastive Learning
    <https://arxiv.org/abs/2203.14542>`_. The Jensen-Shannon divergence ``d`` of the predicted
    probabilities and the given label, which depends on the loss alone, is compared with its mean;
    a mean above ``cutoff`` is lowered by a share ``1 / tau`` of its distance from the smallest
    ``d``. Of N samples and C classes, ``n`` of them below it, each given class keeps the ``n // C``
    of the smallest ``d``, a smaller class all it has. Where all losses are equal there is nothing
    to tell apart, and ``n`` is N. The score is 1 where the label has all probability, and 0 where
    it has none: one minus ``d`` with logarithms of base 2, the paper's weight of a sample.

    Other than in the paper's code, ``cutoff`` has an effect: there ``d`` has natural logarithms and
    ends at 0.69, below 0.7. A class smaller than its share gives no other sample in its place (in
    the code sample 0, again and again). And it is one model that predicts, not the mean of two.
    Samples without a finite loss are left out and never kept.

    Args:
        cutoff (float): The mean above which it is lowered, as paper and code have it. Defaults to
            0.7.
        tau (float): How little it is lowered, 1 or more, as the paper has it. Defaults to 5.
        log_base (float): Base of the logarithms, above 1. With 2 the divergence ends at 1, as in
            the paper; 2.718281828 is what its code has. It matters to ``cutoff`` alone. Defaults to
            2.
        balanced (bool): Whether classes keep equally many; False keeps what is below the mean.
            Defaults to True.

    Raises:
        ValueError: If an argument is out of range.

    Example:

        .. code:: python

            selector = dict(type='JSDSelector')
    """

    needs = ('loss',)

    def __init__(
        self, cutoff: float = 0.7, tau: float = 5, log_base: float = 2, balanced: bool = True
    ) -> None:
        if not 0 <= cutoff <= 1:
            raise ValueError(f'JSDSelector: `cutoff` is a divergence in [0, 1], found {cutoff}.')
        if not tau >= 1:
            raise ValueError(f'JSDSelector: `tau` is {tau}: set it to 1 or more.')
        if not 1 < log_base < math.inf:
            raise ValueError(
                f'JSDSelector: `log_base` is {log_base}: set it above 1, to 2 for divergences up '
                'to 1.'
            )
        self.cutoff = cutoff
        self.tau = tau
        self.log_base = log_base
        self.balanced = balanced

    def __call__(self, table: SampleTable) -> tuple[np.ndarray, np.ndarray]:
        """Select by divergence; see :meth:`Selector.__call__`."""
        score = _closeness(table.loss)
        divergence = (1 - score) * math.log(2) / math.log(self.log_base)
        known = np.flatnonzero(np.isfinite(score))
        kept = np.zeros(len(table), dtype=bool)
        if not len(known):
            return kept, score
        below = known[divergence[known] < self.threshold(divergence[known])]
        if np.ptp(score[known]) == 0:
            below = known
        if not self.balanced:
            kept[below] = True
            return kept, score
        quota = len(below) // len(table.class_names)
        for label in np.unique(table.label[known]):
            members = known[table.label[known] == label]
            # By the score, which has digits left where the divergence is next to its end.
            kept[members[np.argsort(-score[members], kind='stable')[:quota]]] = True
        return kept, score

    def threshold(self, divergence: np.ndarray) -> float:
        """Below which divergence samples are taken for clean.

        Args:
            divergence (np.ndarray): (n,) divergences, at least one.

        Returns:
            float: Their mean, or what it is lowered to.
        """
        mean = divergence.mean()
        if mean > self.cutoff:
            mean -= (mean - divergence.min()) / self.tau
        return float(mean)


def _closeness(loss: np.ndarray) -> np.ndarray:
    """One minus the divergence in bits (N,), float64; NaN where the loss is not finite.

    With probability p of the label it is ((1 + p) log2(1 + p) - p log2 p) / 2, in which, other than
    in one minus the divergence, nothing cancels.
    """
    loss = np.where(np.isfinite(loss), loss, np.nan).astype(np.float64)
    prob = np.exp(-loss)
    return ((1 + prob) * np.log1p(prob) - xlogy(prob, prob)) / (2 * math.log(2))
