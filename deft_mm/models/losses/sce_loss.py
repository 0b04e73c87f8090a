"""Symmetric cross entropy.

Shapes: B samples, C classes.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmpretrain.registry import MODELS
from torch import Tensor

from ._checks import check_not_negative
from .per_sample_loss import PerSampleLoss

# Bounds of the reverse term: log(0) of the one-hot target becomes log(1e-4), about -9.2.
MIN_PROBABILITY = 1e-7
MIN_TARGET = 1e-4


@MODELS.register_module()
class SCELoss(PerSampleLoss):
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
        ValueError: If a weight is negative, or ``reduction`` is none of the three.
    """

    def __init__(
        self,
        alpha: float = 1.0,
        beta: float = 1.0,
        reduction: str = 'mean',
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(reduction, loss_weight)
        check_not_negative(self, alpha=alpha, beta=beta)
        self.alpha = alpha
        self.beta = beta

    def per_sample(self, cls_score: Tensor, target: Tensor) -> Tensor:
        """The loss of every sample, shape (B,)."""
        log_p_BC = F.log_softmax(cls_score, dim=1)
        ce_B = -log_p_BC.gather(1, target[:, None]).squeeze(1)
        p_BC = log_p_BC.exp().clamp(MIN_PROBABILITY, 1.0)
        q_BC = F.one_hot(target, cls_score.size(1)).to(p_BC.dtype).clamp(MIN_TARGET, 1.0)
        reverse_B = -(p_BC * torch.log(q_BC)).sum(dim=1)
        return self.alpha * ce_B + self.beta * reverse_B
