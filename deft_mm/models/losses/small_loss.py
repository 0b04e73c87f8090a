"""The small-loss trick, batch by batch.

Shapes: B samples, K of them kept.
"""

from __future__ import annotations

import torch
from mmpretrain.registry import MODELS
from torch import Tensor

from deft_mm.forget_rate import forget_rate, num_kept

from ._checks import check_not_negative, missing_context
from .wrapping_loss import WrappingLoss


@MODELS.register_module()
class SmallLoss(WrappingLoss):
    r"""The mean of the smallest losses of a batch, whose labels are taken for clean.

    Of B samples it keeps the :math:`\lfloor (1 - r_e) B \rfloor` with the smallest loss, where the
    rate :math:`r_e` rises linearly from 0 in the first epoch to ``noise_ratio`` in epoch
    ``warmup_epochs``, counted from 1, and stays there; a warm-up of one epoch keeps everything in
    it. From `Co-teaching: Robust Training of Deep Neural Networks with Extremely Noisy Labels
    <https://arxiv.org/abs/1804.06872>`_, with one network that selects for itself, as in DeFT's
    comparison (its Sec. 5.2: a share of each mini-batch).

    A batch of which nothing is kept costs 0. Each process selects within its own batch, so the
    result depends on the batch size of a process. In evaluation mode every sample is kept.

    :class:`~deft_mm.engine.hooks.LossContextHook` tells this loss the epoch.

    Example:

        .. code:: python

            model = dict(head=dict(loss=dict(type='SmallLoss', noise_ratio=0.4)))

    Args:
        noise_ratio (float): Share of the samples that is rejected after the warm-up, in [0, 1]: the
            noise ratio, known or guessed.
        warmup_epochs (int): Epochs of the ramp; 0 rejects from the start. Defaults to 1.
        loss (dict): The loss of a sample, called as MMPretrain's losses are. Defaults to
            ``dict(type='CrossEntropyLoss')``.
        reduction (str): 'none' (0 for a rejected sample), 'mean' (over the kept ones) or 'sum'.
            Defaults to 'mean'.

    Raises:
        ValueError: If a setting is out of range.
    """

    warmup_setting = 'warmup_epochs'

    def __init__(
        self,
        noise_ratio: float,
        warmup_epochs: int = 1,
        loss: dict | None = None,
        reduction: str = 'mean',
    ) -> None:
        super().__init__(loss, reduction)
        if not 0 <= noise_ratio <= 1:
            raise ValueError(f'SmallLoss.noise_ratio is {noise_ratio}: set it between 0 and 1.')
        check_not_negative(self, warmup_epochs=warmup_epochs)
        self.noise_ratio = noise_ratio
        self.warmup_epochs = warmup_epochs

    @property
    def forget_rate(self) -> float:
        """float: Share of a batch that is rejected in this epoch.

        Raises:
            ValueError: If the epoch is not known.
        """
        if self.context is None:
            raise missing_context(self, 'the epoch, on which depends how many samples it rejects')
        return forget_rate(self.noise_ratio, self.warmup_epochs, self.context.epoch)

    def select(self, loss: Tensor) -> Tensor:
        """Positions of the kept samples in a batch, int64 of shape (K,), by ascending loss (B,)."""
        return loss.argsort(stable=True)[: num_kept(len(loss), self.forget_rate)]

    def training_loss(self, cls_score, target, weight, avg_factor, reduction) -> Tensor:
        """The loss of a batch, whose labels may be mixed ones.

        The selection is of unweighted losses, and a mean is over the kept samples, whatever
        ``avg_factor`` says.

        Raises:
            ValueError: If the epoch is not known.
        """
        loss_B = self.loss(cls_score, target, reduction_override='none')
        kept_K = self.select(loss_B.detach())
        if weight is not None:
            loss_B = loss_B * weight.float()
        # Indexed, not weighted with 0: a rejected loss may be infinite.
        loss_K = loss_B[kept_K]
        if reduction == 'none':
            return torch.zeros_like(loss_B).index_put((kept_K,), loss_K)
        return loss_K.sum() / (max(len(kept_K), 1) if reduction == 'mean' else 1)
