"""Logit adjustment for imbalanced data.

Shapes: B samples, C classes.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmpretrain.registry import MODELS
from torch import Tensor

from deft_mm.models.training_context import ContextModule, TrainingContext

from ._checks import check_not_negative, check_num_classes, missing_context
from .per_sample_loss import PerSampleLoss


@MODELS.register_module()
class LogitAdjustedLoss(ContextModule, PerSampleLoss):
    r"""Cross entropy of logits to which the log frequencies of the classes are added.

    .. math::
        L = -\log softmax(z + \tau \log \pi)_y

    with :math:`\pi_c` the share of class c among the given labels of the current training set. The
    logits themselves, by which the model predicts, are then those of balanced data. From `Long-tail
    Learning via Logit Adjustment <https://arxiv.org/abs/2007.07314>`_.

    A class without samples counts as one with a single sample: with an adjustment of minus infinity
    its logit would never be trained, and be anything at test time.

    In evaluation mode the loss is the cross entropy of the logits as they are.
    :class:`~deft_mm.engine.hooks.LossContextHook` tells this loss the class counts.

    Example:

        .. code:: python

            model = dict(head=dict(loss=dict(type='LogitAdjustedLoss')))
            default_hooks = dict(loss_context=dict(type='LossContextHook'))

    Args:
        tau (float): Strength of the adjustment; 0 is the cross entropy. Defaults to 1.0.
        reduction (str): 'none', 'mean' or 'sum'. Defaults to 'mean'.
        loss_weight (float): Weight of the whole loss. Defaults to 1.0.

    Raises:
        ValueError: If ``tau`` is negative, or ``reduction`` is none of the three.
    """

    context_needs = ('class_counts',)

    def __init__(self, tau: float = 1.0, reduction: str = 'mean', loss_weight: float = 1.0) -> None:
        super().__init__(reduction, loss_weight)
        check_not_negative(self, tau=tau)
        self.tau = tau
        # Not saved: it follows from the data.
        self.register_buffer('log_prior', torch.zeros(0), persistent=False)

    def enter(self, context: TrainingContext) -> None:
        """Take over the shares of the training data; see :class:`ContextModule`."""
        super().enter(context)
        counts_C = context.class_counts.double().clamp(min=1)
        self.log_prior = torch.log(counts_C / counts_C.sum()).to(self.log_prior)

    def per_sample(self, cls_score: Tensor, target: Tensor) -> Tensor:
        """The loss of every sample, shape (B,)."""
        if self.training:
            if not len(self.log_prior):
                raise missing_context(self, 'the class counts')
            check_num_classes(self, len(self.log_prior), cls_score)
            cls_score = cls_score + self.tau * self.log_prior
        return F.cross_entropy(cls_score, target, reduction='none')
