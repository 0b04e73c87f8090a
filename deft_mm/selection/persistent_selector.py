"""Persistent: what a selector keeps again and again."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmpretrain.registry import TASK_UTILS

from deft_mm.selection.sample_table import SampleTable
from deft_mm.selection.selector import Selector, build_selector


@TASK_UTILS.register_module()
class PersistentSelector(Selector):
    """Keep what another selector has kept in each of its last selections.

    From `LongReMix: Robust Learning with High Confidence Samples in a Noisy Label Environment
    <https://arxiv.org/abs/2103.04173>`_, which so takes its high-confidence samples from the
    mixture of DivideMix; what is called clean in one epoch and not in the next is not kept. Until
    there have been ``patience`` selections, those made so far count. The score is that of the last
    one.

    It is for what selects in many epochs: :class:`~deft_mm.engine.hooks.RefilterHook` with an
    ``interval``, or a hook with ``detection_interval=1``, whose reports are selections, too. What
    was kept is in the checkpoint. Two selections after the same epoch count as one, the later.

    LongReMix's second training, with the largest such set of the last 150 epochs, is not part of
    it: that is a selection file for another run.

    Args:
        selector (dict): Config of the selector that selects each time.
        patience (int): In how many selections a sample has to be kept, the last one included, as
            the paper has it. Defaults to 5.

    Raises:
        ValueError: If ``patience`` is below 1, or ``selector`` is no selector.

    Example:

        .. code:: python

            noise_filter = dict(
                type='RefilterHook',
                begin=1,
                interval=1,
                selector=dict(type='PersistentSelector', selector=dict(type='GMMSelector')))
    """

    def __init__(self, selector: dict, patience: int = 5) -> None:
        if patience < 1:
            raise ValueError(f'PersistentSelector: `patience` is {patience}: set it to 1 or more.')
        self.selector = build_selector(selector)
        self.patience = patience
        self.needs = self.selector.needs
        self.gives_probability = self.selector.gives_probability
        self._epoch: int | None = None
        # What was kept after which epoch, the last selections of the run.
        self._history: list[tuple[int | None, np.ndarray]] = []

    @property
    def warmup_epochs(self) -> int:
        """int: How long the selector that selects each time is in its warm-up."""
        return getattr(self.selector, 'warmup_epochs', 0)

    def check(self, table: SampleTable) -> None:
        """Refuse what the selector that selects each time refuses; see :meth:`Selector.check`."""
        self.selector.check(table)

    def set_epoch(self, epoch: int) -> None:
        """Tell the epoch, by which selections are told apart.

        Args:
            epoch (int): Number of finished epochs.
        """
        self._epoch = epoch
        self.selector.set_epoch(epoch)

    def __call__(self, table: SampleTable) -> tuple[np.ndarray, np.ndarray]:
        """Select by what was kept, and remember it; see :meth:`Selector.__call__`."""
        kept, score = self.selector(table)
        if self._history and self._epoch is not None and self._history[-1][0] == self._epoch:
            self._history.pop()
        self._history = [*self._history, (self._epoch, np.array(kept))][-self.patience :]
        return np.logical_and.reduce([kept for _, kept in self._history]), score

    def state_dict(self) -> dict[str, Any]:
        """The last selections, and what the other selector remembers."""
        return dict(
            epochs=[epoch for epoch, _ in self._history],
            kept=[kept for _, kept in self._history],
            selector=self.selector.state_dict(),
        )

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Remember what :meth:`state_dict` has returned."""
        history = list(zip(state['epochs'], state['kept'], strict=True))
        self._history = history[-self.patience :]
        self.selector.load_state_dict(state['selector'])
