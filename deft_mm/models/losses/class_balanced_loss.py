"""Class weights by the effective number of samples, for imbalanced data.

Shapes: B samples, C classes.
"""

from __future__ import annotations

import torch
from mmpretrain.registry import MODELS
from torch import Tensor

from deft_mm.models.training_context import TrainingContext

from ._checks import check_class_indices, check_num_classes, missing_context
from .wrapping_loss import WrappingLoss


@MODELS.register_module()
class ClassBalancedLoss(WrappingLoss):
    r"""Any loss, with samples weighted by the effective number of samples of their class.

    .. math::
        w_c \propto \frac{1 - \beta}{1 - \beta^{n_c}}

    with :math:`n_c` the count of class c among the given labels of the current training set. The
    mean of the weights over the classes is 1. From `Class-Balanced Loss Based on Effective Number
    of Samples <https://arxiv.org/abs/1901.05555>`_.

    A class without samples has the weight of a class with a single one, and takes no part in that
    mean, so that it leaves the weights of the others as they are.

    In evaluation mode all weights are 1. :class:`~deft_mm.engine.hooks.LossContextHook` tells this
    loss the class counts.

    Example:

        .. code:: python

            model = dict(head=dict(loss=dict(type='ClassBalancedLoss', beta=0.999)))
            default_hooks = dict(loss_context=dict(type='LossContextHook'))

    Args:
        beta (float): 0 weights all classes alike, values towards 1 by their inverse count. Defaults
            to 0.9999.
        loss (dict): The loss of a sample, called as MMPretrain's losses are; its reduction is that
            of the whole. Defaults to ``dict(type='CrossEntropyLoss')``.

    Raises:
        ValueError: If ``beta`` is not in [0, 1).
    """

    context_needs = ('class_counts',)

    def __init__(self, beta: float = 0.9999, loss: dict | None = None) -> None:
        super().__init__(loss)
        if not 0 <= beta < 1:
            raise ValueError(f'ClassBalancedLoss.beta is {beta}: set it to 0 or more and below 1.')
        self.beta = beta
        # Not saved: it follows from the data.
        self.register_buffer('class_weight', torch.zeros(0), persistent=False)

    def enter(self, context: TrainingContext) -> None:
        """Weight the classes of the training data; see :class:`ContextModule`."""
        super().enter(context)
        counts = context.class_counts
        weight_C = (1 - self.beta) / (1 - self.beta ** counts.double().clamp(min=1))
        self.class_weight = (weight_C / weight_C[counts > 0].mean()).to(self.class_weight)

    def training_loss(self, cls_score, target, weight, avg_factor, reduction) -> Tensor:
        """The loss of a batch; ``weight`` multiplies the class weights.

        Raises:
            ValueError: If ``target`` is not a vector of class indices, or the counts are not known.
        """
        check_class_indices(self, target)
        if not len(self.class_weight):
            raise missing_context(self, 'the class counts')
        check_num_classes(self, len(self.class_weight), cls_score)
        weight_B = self.class_weight[target]
        weight = weight_B if weight is None else weight_B * weight.float()
        return self.loss(cls_score, target, weight, avg_factor, reduction_override=reduction)
