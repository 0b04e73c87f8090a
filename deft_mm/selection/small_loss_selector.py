"""Small-loss: the samples of the smallest loss are clean."""

from __future__ import annotations

import math

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

    ``equal_quota`` and ``confidence`` are the two rules of `ProMix: Combating Label Noise via
    Maximizing Clean Sample Utility <https://arxiv.org/abs/2207.10276>`_: of N samples and C classes
    each given class keeps the ``ceil((1 - noise_ratio) * N / C)`` of the smallest loss, at least
    one, and a smaller class all it has, so that rare classes are trusted whole (class-wise
    small-loss); and so is every sample whose label the model gives more than ``confidence``
    (matched high confidence: in the paper in the training batch, with its augmentation). The
    paper's ``rho`` is ``1 - noise_ratio``; its code has, over 50 epochs, 0.2 to 0.6 by default and
    0.5 or 0.7 at the end for single noises, confidences of 0.99 (CIFAR-10) and 0.95 (CIFAR-100).

    Args:
        noise_ratio (float): Share of the samples that is rejected, in [0, 1).
        per_class (bool): Whether to keep that share of every given class. Defaults to False.
        warmup_epochs (int): After so many epochs the whole share is rejected. 0 is at once.
            Defaults to 0.
        start_ratio (float): The share in the first epoch of the warm-up, in [0, 1]; above
            ``noise_ratio``, ever more samples are kept, as in ProMix. Defaults to 0.
        equal_quota (bool): With ``per_class``, whether each class keeps the same number of samples
            in place of the same share. Defaults to False.
        confidence (float, optional): Keep what has a larger probability of its label, too, in
            (0, 1). None for nothing. Defaults to None.

    Raises:
        ValueError: If an argument is out of range, or has no effect without another one.

    Example:

        .. code:: python

            selector = dict(type='SmallLossSelector', noise_ratio=0.4)
            # ProMix, where the classifier selects its own data
            selector = dict(
                type='SmallLossSelector', per_class=True, equal_quota=True, confidence=0.95,
                noise_ratio=0.4, start_ratio=0.8, warmup_epochs=50)
    """

    needs = ('loss',)

    def __init__(
        self,
        noise_ratio: float,
        per_class: bool = False,
        warmup_epochs: int = 0,
        start_ratio: float = 0.0,
        equal_quota: bool = False,
        confidence: float | None = None,
    ) -> None:
        if not 0 <= noise_ratio < 1:
            raise ValueError(
                f'SmallLossSelector: `noise_ratio` is a share in [0, 1), found {noise_ratio}.'
            )
        if warmup_epochs < 0:
            raise ValueError(
                f'SmallLossSelector: `warmup_epochs` is {warmup_epochs}: set it to 0 or more.'
            )
        if not 0 <= start_ratio <= 1:
            raise ValueError(
                f'SmallLossSelector: `start_ratio` is a share in [0, 1], found {start_ratio}.'
            )
        if start_ratio and not warmup_epochs:
            raise ValueError(
                f'SmallLossSelector: `start_ratio` is {start_ratio}, and there is no warm-up that '
                'it is the start of: set `warmup_epochs`, or leave it out.'
            )
        if start_ratio == 1 and not (per_class and equal_quota):
            raise ValueError(
                'SmallLossSelector: `start_ratio` is 1, which rejects every sample: set it below.'
            )
        if equal_quota and not per_class:
            raise ValueError(
                'SmallLossSelector: `equal_quota` is one of each class: set `per_class=True`, too.'
            )
        if confidence is not None and not 0 < confidence < 1:
            raise ValueError(
                f'SmallLossSelector: `confidence` is a probability in (0, 1), found {confidence}.'
            )
        self.noise_ratio = noise_ratio
        self.per_class = per_class
        self.warmup_epochs = warmup_epochs
        self.start_ratio = start_ratio
        self.equal_quota = equal_quota
        self.confidence = confidence
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
        return forget_rate(self.noise_ratio, self.warmup_epochs, epoch, self.start_ratio)

    def __call__(self, table: SampleTable) -> tuple[np.ndarray, np.ndarray]:
        """Select by loss; see :meth:`Selector.__call__`."""
        group = table.label if self.per_class else np.zeros(len(table), dtype=np.int64)
        kept = np.zeros(len(table), dtype=bool)
        for value in np.unique(group):
            members = np.flatnonzero(table.has_scores & (group == value))
            order = np.argsort(table.loss[members], kind='stable')
            kept[members[order[: self._quota(table, len(members))]]] = True
        score = np.exp(-table.loss)
        if self.confidence is not None:
            kept |= score > self.confidence
        return kept, score

    def _quota(self, table: SampleTable, num_members: int) -> int:
        """How many of a class, or of all, are kept at most."""
        if not self.equal_quota:
            return num_kept(num_members, self.forget_rate)
        share = (1 - self.forget_rate) * table.has_scores.sum() / len(table.class_names)
        # A little less than the product, which may go beyond the whole number that it means.
        return max(math.ceil(share - 1e-6), 1)
