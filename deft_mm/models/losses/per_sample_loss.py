"""What losses share that are a mean of one value a sample.

Shapes: B samples, C classes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from mmpretrain.models.losses.utils import weight_reduce_loss
from torch import Tensor, nn

from ._checks import check_class_indices, check_not_negative, check_reduction


class PerSampleLoss(nn.Module, ABC):
    """A loss of logits and class indices, called as MMPretrain's losses are.

    A subclass computes :meth:`per_sample`, in float32 whatever the precision of the logits.

    Args:
        reduction (str): 'none', 'mean' or 'sum'. Defaults to 'mean'.
        loss_weight (float): Weight of the whole loss. Defaults to 1.0.

    Raises:
        ValueError: If ``reduction`` is none of the three, or ``loss_weight`` is negative.
    """

    def __init__(self, reduction: str = 'mean', loss_weight: float = 1.0) -> None:
        super().__init__()
        self.reduction = check_reduction(self, reduction)
        check_not_negative(self, loss_weight=loss_weight)
        self.loss_weight = loss_weight

    @abstractmethod
    def per_sample(self, cls_score: Tensor, target: Tensor) -> Tensor:
        """The loss of every sample.

        Args:
            cls_score (Tensor): Logits, float32 of shape (B, C).
            target (Tensor): Class indices, int64 of shape (B,).

        Returns:
            Tensor: float32 of shape (B,).
        """

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
            ValueError: If ``target`` is not a vector of class indices.
        """
        check_class_indices(self, target)
        reduction = check_reduction(self, reduction_override or self.reduction)
        loss_B = self.per_sample(cls_score.float(), target)
        weight = None if weight is None else weight.float()
        return self.loss_weight * weight_reduce_loss(loss_B, weight, reduction, avg_factor)
