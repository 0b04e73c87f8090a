"""What losses share that weight or select the samples of another loss."""

from __future__ import annotations

from abc import ABC, abstractmethod

from mmpretrain.registry import MODELS
from torch import Tensor, nn

from deft_mm.models.training_context import ContextModule

from ._checks import check_reduction


class WrappingLoss(ContextModule, nn.Module, ABC):
    """Another loss, whose samples count differently in training; in evaluation it is that loss.

    Args:
        loss (dict, optional): The loss of a sample, called as MMPretrain's losses are. Defaults to
            None, ``dict(type='CrossEntropyLoss')``.
        reduction (str, optional): 'none', 'mean' or 'sum'; None for the inner loss's. Defaults to
            None.

    Raises:
        ValueError: If ``reduction`` is none of the three.
    """

    def __init__(self, loss: dict | None = None, reduction: str | None = None) -> None:
        super().__init__()
        self.loss = MODELS.build(loss or dict(type='CrossEntropyLoss'))
        self.reduction = None if reduction is None else check_reduction(self, reduction)

    def forward(
        self,
        cls_score: Tensor,
        target: Tensor,
        weight: Tensor | None = None,
        avg_factor: float | Tensor | None = None,
        reduction_override: str | None = None,
    ) -> Tensor:
        """The loss of a batch, with labels as the inner loss takes them.

        Arguments are those of :meth:`PerSampleLoss.forward`, errors those of
        :meth:`training_loss`.
        """
        reduction = reduction_override or self.reduction
        if reduction is not None:
            check_reduction(self, reduction)
        if self.training:
            return self.training_loss(cls_score, target, weight, avg_factor, reduction)
        return self.loss(cls_score, target, weight, avg_factor, reduction_override=reduction)

    @abstractmethod
    def training_loss(self, cls_score, target, weight, avg_factor, reduction) -> Tensor:
        """The loss of a batch in training; arguments as those of :meth:`forward`."""
