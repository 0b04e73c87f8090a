"""Symmetric cross entropy.

Shapes: B samples, C classes.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmpretrain.models.losses.utils import weight_reduce_loss
from mmpretrain.registry import MODELS
from torch import Tensor, nn

# Bounds of the reverse term: log(0) of the one-hot target becomes log(1e-4), about -9.2.
MIN_PROBABILITY = 1e-7
MIN_TARGET = 1e-4
REDUCTIONS = ('none', 'mean', 'sum')


@MODELS.register_module()
class SCELoss(nn.Module):
    r"""Symmetric cross entropy: cross entropy plus its reverse, which tolerates wrong labels.

    .. math::
        L = \alpha \cdot CE(p, y) + \beta \cdot \Big(-\sum_c p_c \log q_c\Big)

    with :math:`p` the softmax, clamped to [1e-7, 1], and :math:`q` the one-hot label, clamped to
        [1e-4, 1]. From
    `Symmetric Cross Entropy for Robust Learning with Noisy Labels
    <https://arxiv.org/abs/1908.06112>`_, eq. 7.

    Args:
        alpha (float): Weight of the cross entropy. Defaults to 1.0.
        beta (float): Weight of the reverse cross entropy. Defaults to 1.0.
        reduction (str): 'none', 'mean' or 'sum'. Defaults to 'mean'.
        loss_weight (float): Weight of the whole loss. Defaults to 1.0.

    Raises:
        ValueError: If ``reduction`` is none of the three.
    """

    def __init__(
        self,
        alpha: float = 1.0,
        beta: float = 1.0,
        reduction: str = 'mean',
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        self.alpha = alpha
        self.beta = beta
        self.reduction = self._check_reduction(reduction)
        self.loss_weight = loss_weight

    def forward(
        self,
        cls_score: Tensor,
        target: Tensor,
        weight: Tensor | None = None,
        avg_factor: float | Tensor | None = None,
        reduction_override: str | None = None,
    ) -> Tensor:
        """The loss of a batch.

        Args:
            cls_score (Tensor): Logits of shape (B, C).
            target (Tensor): Class indices, int64 of shape (B,).
            weight (Tensor, optional): Weight of each sample, shape (B,). Defaults to None.
            avg_factor (float | Tensor, optional): What the sum is divided by in a mean; None for B.
                Defaults to None.
            reduction_override (str, optional): Takes the place of ``reduction``. Defaults to None.

        Returns:
            Tensor: A scalar, or shape (B,) without reduction.

        Raises:
            ValueError: If ``target`` is not a vector of class indices (mixed labels have no one-hot
                target).
        """
        if target.ndim != 1:
            raise ValueError(
                f'SCELoss takes class indices of shape (B,), not {tuple(target.shape)}: remove '
                'batch augmentations that mix labels (Mixup, CutMix).'
            )
        reduction = self._check_reduction(reduction_override or self.reduction)
        log_p_BC = F.log_softmax(cls_score.float(), dim=1)
        ce_B = -log_p_BC.gather(1, target[:, None]).squeeze(1)
        p_BC = log_p_BC.exp().clamp(MIN_PROBABILITY, 1.0)
        q_BC = F.one_hot(target, cls_score.size(1)).to(p_BC.dtype).clamp(MIN_TARGET, 1.0)
        reverse_B = -(p_BC * torch.log(q_BC)).sum(dim=1)
        loss_B = self.alpha * ce_B + self.beta * reverse_B
        weight = None if weight is None else weight.float()
        return self.loss_weight * weight_reduce_loss(loss_B, weight, reduction, avg_factor)

    @staticmethod
    def _check_reduction(reduction: str) -> str:
        if reduction not in REDUCTIONS:
            raise ValueError(
                f'SCELoss.reduction is {reduction!r}: set one of {", ".join(REDUCTIONS)}.'
            )
        return reduction
