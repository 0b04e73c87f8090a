"""What losses share that train two networks on the samples of small loss.

Shapes: B samples, C classes, K of them kept.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ._checks import check_class_indices
from .small_loss import SmallLoss


class PeerLoss(nn.Module, ABC):
    """A loss of the scores of two networks, for :class:`~deft_mm.models.heads.PeerHead`.

    How many samples of a batch are kept, and when, is as in :class:`SmallLoss`.

    Args:
        noise_ratio (float): Share of the samples that is rejected after the warm-up, in [0, 1]: the
            noise ratio, known or guessed.
        warmup_epochs (int): Epochs of the ramp; 0 rejects from the start. Defaults to 1.

    Raises:
        ValueError: If a setting is out of range; the message calls it one of ``SmallLoss``.
    """

    def __init__(self, noise_ratio: float, warmup_epochs: int = 1) -> None:
        super().__init__()
        self.rule = SmallLoss(noise_ratio, warmup_epochs)

    def forward(self, scores: tuple[Tensor, Tensor], target: Tensor) -> dict[str, Tensor]:
        """The losses of a batch.

        Args:
            scores (tuple[Tensor, Tensor]): Logits of each network, of shape (B, C).
            target (Tensor): Class indices, int64 of shape (B,).

        Returns:
            dict[str, Tensor]: 'loss', a scalar, and 'disagreement', the share of samples for which
            the networks predict different classes.

        Raises:
            ValueError: If ``target`` is not a vector of class indices, or the epoch is not known.
        """
        check_class_indices(self, target)
        first_BC, second_BC = (score_BC.float() for score_BC in scores)
        with torch.no_grad():
            differ_B = first_BC.argmax(dim=1) != second_BC.argmax(dim=1)
        loss = self.peer_loss(first_BC, second_BC, target)
        return dict(loss=loss, disagreement=differ_B.float().mean())

    @abstractmethod
    def peer_loss(self, first_BC: Tensor, second_BC: Tensor, target: Tensor) -> Tensor:
        """The loss of both networks, a scalar."""

    def kept(self, loss_B: Tensor) -> Tensor:
        """Positions of the kept samples, int64 of shape (K,), by ascending loss (B,)."""
        return self.rule.select(loss_B.detach())


def mean_of_kept(loss_K: Tensor) -> Tensor:
    """The mean of losses (K,), 0 where there are none."""
    return loss_K.sum() / max(len(loss_K), 1)


def cross_entropies(*scores: Tensor, target: Tensor) -> list[Tensor]:
    """The cross entropy (B,) of each of some logits (B, C)."""
    return [F.cross_entropy(score_BC, target, reduction='none') for score_BC in scores]
