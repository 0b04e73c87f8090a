"""Generalized cross entropy.

Shapes: B samples, C classes.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmpretrain.registry import MODELS
from torch import Tensor

from .per_sample_loss import PerSampleLoss


@MODELS.register_module()
class GCELoss(PerSampleLoss):
    r"""Generalized cross entropy, between cross entropy and the mean absolute error.

    .. math::
        L = \frac{1 - p_y^q}{q}

    A sample's gradient is that of the cross entropy times :math:`p_y^q`: labels that the model
    doubts count less. With q near 0 the loss is the cross entropy, with q = 1 half the mean
    absolute error. From `Generalized Cross Entropy Loss for Training Deep Neural Networks with
    Noisy Labels <https://arxiv.org/abs/1805.07836>`_; the truncated variant is left out.

    Args:
        q (float): The exponent, in (0, 1]. Defaults to 0.7.
        reduction (str): 'none', 'mean' or 'sum'. Defaults to 'mean'.
        loss_weight (float): Weight of the whole loss. Defaults to 1.0.

    Raises:
        ValueError: If ``q`` is not in (0, 1], or ``reduction`` is none of the three.
    """

    def __init__(self, q: float = 0.7, reduction: str = 'mean', loss_weight: float = 1.0) -> None:
        super().__init__(reduction, loss_weight)
        if not 0 < q <= 1:
            raise ValueError(
                f'GCELoss.q is {q}: set it above 0 (near which the loss is the cross entropy) and '
                'up to 1.'
            )
        self.q = q

    def per_sample(self, cls_score: Tensor, target: Tensor) -> Tensor:
        """The loss of every sample, shape (B,)."""
        # By way of log p: the gradient of p^q itself is infinite at p = 0.
        log_p_B = F.log_softmax(cls_score, dim=1).gather(1, target[:, None]).squeeze(1)
        return -torch.expm1(self.q * log_p_B) / self.q
