"""Negative learning of a classifier.

Shapes: B samples, C classes.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmpretrain.registry import MODELS
from torch import Tensor

from .per_sample_loss import PerSampleLoss


@MODELS.register_module()
class ComplementaryLabelLoss(PerSampleLoss):
    r"""Negative learning: the image does *not* show a class other than its given label.

    .. math::
        L = -\log(1 - p_{\bar y}), \qquad \bar y \sim U(\{1, ..., C\} \setminus \{y\})

    The complementary label :math:`\bar y` is drawn anew each time. It is wrong far less often than
    the given one: with probability :math:`\eta / (C - 1)` under symmetric noise of rate
    :math:`\eta`. From `NLNL: Negative Learning for Noisy Labels
    <https://arxiv.org/abs/1908.07387>`_. For a head of softmax scores; the two prompts of
    the detector have :class:`~deft_mm.models.losses.NegativeLearningLoss`.

    Args:
        clamp (float): Lower bound of :math:`1 - p_{\bar y}` before the logarithm; below it the
            gradient is zero. Defaults to 1e-5.
        reduction (str): 'none', 'mean' or 'sum'. Defaults to 'mean'.
        loss_weight (float): Weight of the whole loss. Defaults to 1.0.

    Raises:
        ValueError: If ``clamp`` is not between 0 and 1, or ``reduction`` is none of the three.
    """

    def __init__(
        self, clamp: float = 1e-5, reduction: str = 'mean', loss_weight: float = 1.0
    ) -> None:
        super().__init__(reduction, loss_weight)
        if not 0 < clamp < 1:
            raise ValueError(f'ComplementaryLabelLoss.clamp is {clamp}: set it between 0 and 1.')
        self.clamp = clamp

    @staticmethod
    def draw_complementary_labels(labels: Tensor, num_classes: int) -> Tensor:
        """A class for each sample, drawn uniformly from all but its given label; int64 (B,)."""
        step_B = torch.randint(1, num_classes, labels.shape, device=labels.device)
        return (labels + step_B) % num_classes

    def per_sample(self, cls_score: Tensor, target: Tensor) -> Tensor:
        """The loss of every sample, shape (B,)."""
        complementary_B = self.draw_complementary_labels(target, cls_score.size(1))
        p_B = F.softmax(cls_score, dim=1).gather(1, complementary_B[:, None]).squeeze(1)
        return -torch.log((1 - p_B).clamp(min=self.clamp))
