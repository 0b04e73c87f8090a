"""Small-loss: the samples of the smallest loss are clean."""

from __future__ import annotations

import numpy as np
from mmpretrain.registry import TASK_UTILS

from deft_mm.forget_rate import forget_rate, num_kept
from deft_mm.selection.sample_table import SampleTable
from deft_mm.selection.selector import Selector


@TASK_UTILS.register_module()
class SmallLossSelector(Selector):
    """Keep the samples of the smallest loss in the whole data set, as many as the ratio leaves.

    From `Co-teaching: Robust Training of Deep Neural Networks with Extremely Noisy Labels
    <https://arxiv.org/abs/1804.06872>`_, over the data set in place of a batch: of N samples that
    can be read it keeps the ``int((1 - noise_ratio) * N)`` with the smallest loss, the lower index
    first where losses are equal. The score is the probability that the model gives the label.

    With ``warmup_epochs`` and a :class:`~deft_mm.engine.hooks.RefilterHook` that selects every
    ``interval`` epochs, the share that is rejected grows linearly with the epochs that are
    finished, as in ``SmallLoss``.

    Args:
        noise_ratio (float): Share of the samples that is rejected, in [0, 1).
        per_class (bool): Whether to keep that share of every given class. Defaults to False.
        warmup_epochs (int): After so many epochs the whole share is rejected. 0 is at once.
            Defaults to 0.

    Raises:
        ValueError: If ``noise_ratio`` or ``warmup_epochs`` is out of range.

    Example:

        .. code:: python

            selector = dict(type='SmallLossSelector', noise_ratio=0.4)
    """

    needs = ('loss',)

    def __init__(self, noise_ratio: float, per_class: bool = False, warmup_epochs: int = 0) -> None:
        if not 0 <= noise_ratio < 1:
            raise ValueError(
                f'SmallLossSelector: `noise_ratio` is a share in [0, 1), found {noise_ratio}.'
            )
        if warmup_epochs < 0:
            raise ValueError(
                f'SmallLossSelector: `warmup_epochs` is {warmup_epochs}: set it to 0 or more.'
            )
        self.noise_ratio = noise_ratio
        self.per_class = per_class
        self.warmup_epochs = warmup_epochs
        self._epoch: int | None = None

    def set_epoch(self, epoch: int) -> None:
        """Tell the epoch, on which the share depends; without, it is the whole ``noise_ratio``.

        Args:
            epoch (int): Number of finished epochs.
        """
        self._epoch = epoch

    @property
    def forget_rate(self) -> float:
        """float: Share of the samples that is rejected now."""
        epoch = self.warmup_epochs if self._epoch is None else self._epoch
        return forget_rate(self.noise_ratio, self.warmup_epochs, epoch)

    def __call__(self, table: SampleTable) -> tuple[np.ndarray, np.ndarray]:
        """Select by loss; see :meth:`Selector.__call__`."""
        group = table.label if self.per_class else np.zeros(len(table), dtype=np.int64)
        kept = np.zeros(len(table), dtype=bool)
        for value in np.unique(group):
            members = np.flatnonzero(table.has_scores & (group == value))
            order = np.argsort(table.loss[members], kind='stable')
            kept[members[order[: num_kept(len(members), self.forget_rate)]]] = True
        return kept, np.exp(-table.loss)
