"""Mean margin: how far the given label has been ahead of all others, over the epochs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from mmpretrain.registry import TASK_UTILS

from deft_mm.selection.mixture import mixture_posterior
from deft_mm.selection.sample_table import SampleTable
from deft_mm.selection.selector import Selector

_CUTS = ('mixture', 'mixture_per_class', 'fixed')


@TASK_UTILS.register_module()
class MeanMarginSelector(Selector):
    """Keep the samples whose margin, in the mean over the epochs, is large.

    The margin is the logit of the given label less the largest other one. Its mean over the epochs
    is the area under the margin (AUM) of `Identifying Mislabeled Data using the Area Under the
    Margin Ranking <https://arxiv.org/abs/2001.10528>`_: what is learned late, and against all
    others, is low. Here the epochs are those in which samples are scored, with evaluation
    transforms and (with an ``EMAHook``) averaged weights; the paper takes the logits of training.

    The paper's threshold is the AUM of samples that are given the label of an extra class, which
    changes the training. In its place a mixture of two Gaussians over the mean margins takes the
    upper one for clean, and its posterior is the score; or the threshold is fixed, and the score is
    the mean margin.

    It is for what scores in many epochs: :class:`~deft_mm.engine.hooks.RefilterHook` with
    ``detection_interval=1`` trains on all samples and selects at the end, as the paper does; with
    ``begin`` and ``interval=1`` it trains on what the margins so far keep. The sums are in the
    checkpoint. Two scores after the same epoch count as one, the later. A sample that could not be
    scored in one of the epochs has the mean of the others.

    Args:
        cut (str): 'mixture', 'mixture_per_class' (as of
            :class:`~deft_mm.selection.GMMSelector`) or 'fixed'. Defaults to 'mixture'.
        threshold (float, optional): Keep above it: a posterior in [0, 1) with a mixture, a margin,
            in logits, with 'fixed'. None is 0.5, or 0: the given label ahead in the mean. Defaults
            to None.
        standardized (bool): Whether the margins of an epoch are brought to mean 0 and deviation 1
            first, so that early epochs, whose margins are small, weigh as much as late ones. The
            paper's are as they are. Defaults to False.

    Raises:
        ValueError: If an argument is out of range.

    Example:

        .. code:: python

            noise_filter = dict(
                type='RefilterHook', detection_interval=1, selector=dict(type='MeanMarginSelector'))
    """

    needs = ('margin',)

    def __init__(
        self, cut: str = 'mixture', threshold: float | None = None, standardized: bool = False
    ) -> None:
        if cut not in _CUTS:
            raise ValueError(
                f'MeanMarginSelector: `cut` is one of {", ".join(_CUTS)}, found {cut!r}.'
            )
        if threshold is None:
            threshold = 0.0 if cut == 'fixed' else 0.5
        if cut != 'fixed' and not 0 <= threshold < 1:
            raise ValueError(
                f'MeanMarginSelector: `threshold` is a probability in [0, 1) with cut={cut!r}, '
                f'found {threshold}.'
            )
        if not math.isfinite(threshold):
            raise ValueError(f'MeanMarginSelector: `threshold` is a margin, found {threshold}.')
        self.cut = cut
        self.threshold = threshold
        self.standardized = standardized
        self.gives_probability = cut != 'fixed'
        self._epoch: int | None = None
        # Sums and numbers of margins before the last epoch that was scored, and that epoch's.
        self._sum: np.ndarray | None = None
        self._count: np.ndarray | None = None
        self._last: np.ndarray | None = None
        self._last_epoch: int | None = None

    def set_epoch(self, epoch: int) -> None:
        """Tell the epoch, by which scores are told apart.

        Args:
            epoch (int): Number of finished epochs.
        """
        self._epoch = epoch

    def __call__(self, table: SampleTable) -> tuple[np.ndarray, np.ndarray]:
        """Select by the mean margin, this epoch's included; see :meth:`Selector.__call__`."""
        margin = self.mean_margin(table.margin)
        if self.cut == 'fixed':
            return margin > self.threshold, margin
        group = table.label if self.cut == 'mixture_per_class' else None
        posterior = mixture_posterior(-margin, group)
        return posterior > self.threshold, posterior

    def mean_margin(self, margin: np.ndarray) -> np.ndarray:
        """Remember the margins of an epoch.

        Args:
            margin (np.ndarray): (N,) margins; NaN where there is none.

        Returns:
            np.ndarray: (N,) float64, their mean over the epochs; NaN where there has been none.
        """
        margin = np.asarray(margin, dtype=np.float64)
        if self.standardized:
            finite = margin[np.isfinite(margin)]
            spread = finite.std() if len(finite) else 0.0
            margin = (margin - finite.mean()) / spread if spread > 0 else margin * 0
        if self._last is None:
            self._sum, self._count = np.zeros(len(margin)), np.zeros(len(margin), dtype=np.int64)
        elif self._epoch is None or self._epoch != self._last_epoch:
            self._sum, self._count = _added(self._sum, self._count, self._last)
        self._last, self._last_epoch = margin, self._epoch
        total, count = _added(self._sum, self._count, margin)
        return np.divide(total, count, out=np.full(len(margin), np.nan), where=count > 0)

    def state_dict(self) -> dict[str, Any]:
        """Sums and numbers of margins, and the last ones."""
        if self._last is None:
            return {}
        return dict(sum=self._sum, count=self._count, last=self._last, last_epoch=self._last_epoch)

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Remember what :meth:`state_dict` has returned."""
        if state:
            self._sum, self._count, self._last = state['sum'], state['count'], state['last']
            self._last_epoch = state['last_epoch']


def _added(
    total: np.ndarray, count: np.ndarray, margin: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Sums and numbers with the margins that there are."""
    known = np.isfinite(margin)
    return total + np.where(known, margin, 0), count + known
