"""Negative learning: the loss that teaches the negative prompts where to draw the line.

Shapes: B samples, C classes.
"""

from __future__ import annotations

import torch
from mmpretrain.registry import MODELS
from torch import Tensor, nn

from ._checks import check_not_negative


@MODELS.register_module()
class NegativeLearningLoss(nn.Module):
    r"""Negative learning loss over the probabilities of "is this class" and "is not this class".

    .. math::
        L = w_c \cdot \overline{-\log p^{no}_{i, \bar y_i}} + w_p \cdot \overline{-\log p^{yes}_{i,
        t_i}}

    with a complementary label :math:`\bar y_i` (a class that sample i is taken not to show) and a
    positive label :math:`t_i` (the given label, or a pseudo label). From `Vision-Language Models
    are Strong Noisy Label Detectors <https://arxiv.org/abs/2409.19696>`_, Eq. 7, where both weights
    are 1. For severe noise (80% symmetric, 50% instance-dependent), under which many pseudo labels
    are wrong, its App. A.1 has a ``positive_weight`` of 0.25; the reference code has no weights.

    Args:
        complementary_weight (float): Weight of the term of the complementary labels. Defaults to
            1.0.
        positive_weight (float): Weight of the term of the positive labels. Defaults to 1.0.
        clamp (float): Lower bound of a probability before the logarithm; below it the gradient is
            zero. Defaults to 1e-5.
        loss_weight (float): Weight of the whole loss. Defaults to 1.0.

    Raises:
        ValueError: If a weight is negative or ``clamp`` is not between 0 and 1.
    """

    def __init__(
        self,
        complementary_weight: float = 1.0,
        positive_weight: float = 1.0,
        clamp: float = 1e-5,
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__()
        check_not_negative(
            self,
            complementary_weight=complementary_weight,
            positive_weight=positive_weight,
            loss_weight=loss_weight,
        )
        if not 0 < clamp < 1:
            raise ValueError(f'NegativeLearningLoss.clamp is {clamp}: set it between 0 and 1.')
        self.complementary_weight = complementary_weight
        self.positive_weight = positive_weight
        self.clamp = clamp
        self.loss_weight = loss_weight

    def forward(
        self,
        p_yes: Tensor,
        p_no: Tensor,
        complementary_label: Tensor,
        positive_label: Tensor,
        avg_factor: float | Tensor | None = None,
        positive_mask: Tensor | None = None,
        positive_avg_factor: float | Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Both weighted terms; their sum is the loss.

        Args:
            p_yes (Tensor): Probability that a sample shows a class, shape (B, C).
            p_no (Tensor): Probability that it does not, shape (B, C).
            complementary_label (Tensor): Class that sample i does not show, int64 of shape (B,).
            positive_label (Tensor): Class that sample i shows, int64 of shape (B,).
            avg_factor (float | Tensor, optional): What the sum over samples is divided by; None for
                B. Defaults to None.
            positive_mask (Tensor, optional): Samples of the positive term, bool of shape (B,); None
                for all. Defaults to None.
            positive_avg_factor (float | Tensor, optional): ``avg_factor`` of the positive term,
                where it is another one. Defaults to None.

        Returns:
            tuple[Tensor, Tensor]: The complementary and the positive term, two scalars.
        """
        complementary = self._mean_nll(p_no, complementary_label, avg_factor)
        if positive_avg_factor is not None:
            avg_factor = positive_avg_factor
        positive = self._mean_nll(p_yes, positive_label, avg_factor, positive_mask)
        return (
            self.loss_weight * self.complementary_weight * complementary,
            self.loss_weight * self.positive_weight * positive,
        )

    def _mean_nll(self, p_BC: Tensor, label_B: Tensor, avg_factor, mask_B=None) -> Tensor:
        p_B = p_BC.gather(1, label_B[:, None]).squeeze(1)
        nll_B = -torch.log(p_B.clamp(self.clamp, 1.0))
        if mask_B is not None:
            nll_B = nll_B * mask_B
        return nll_B.sum() / (len(nll_B) if avg_factor is None else avg_factor)
