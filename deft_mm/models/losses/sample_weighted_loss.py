"""A loss in which samples count by a weight of their own.

Shapes: B samples.
"""

from __future__ import annotations

import torch
from mmengine.dist import all_reduce, get_world_size
from mmpretrain.registry import MODELS
from torch import Tensor

from ._checks import check_samples, check_unmixed
from .wrapping_loss import WrappingLoss


@MODELS.register_module()
class SampleWeightedLoss(WrappingLoss):
    r"""Any loss, as the mean over samples weighted by their ``sample_weight``.

    .. math::
        L = \frac{\sum_i w_i l_i}{\sum_i w_i}

    Both sums are over the whole batch of all processes: on each, the loss is scaled such that the
    average over processes, which DDP takes of the gradients, is this mean. A batch whose weights
    are all 0 costs 0. In evaluation mode the samples count alike. A mixed image (Mixup, CutMix) is
    of several samples, so that none of their weights is its own: that is refused.

    The weight is a field of the ``DataSample``, for example the clean probability that
    ``CleanProbWeightedDataset`` gives it. :class:`~deft_mm.engine.hooks.LossContextHook` tells this
    loss the samples.

    Example:

        .. code:: python

            model = dict(head=dict(loss=dict(type='SampleWeightedLoss')))
            default_hooks = dict(loss_context=dict(type='LossContextHook'))

    Args:
        loss (dict): The loss of a sample, called as MMPretrain's losses are. Defaults to
            ``dict(type='CrossEntropyLoss')``.
        reduction (str): 'none', 'mean' or 'sum' of the weighted losses. Defaults to 'mean'.

    Raises:
        ValueError: If ``reduction`` is none of the three.
    """

    sample_fields = {'sample_weight': 'CleanProbWeightedDataset'}

    def __init__(self, loss: dict | None = None, reduction: str = 'mean') -> None:
        super().__init__(loss, reduction)

    def training_loss(self, cls_score, target, weight, avg_factor, reduction) -> Tensor:
        """The loss of a batch; ``weight`` multiplies the samples' own, divided by whose sum it is.

        Raises:
            ValueError: If the samples or their weights are not known, or if labels are mixed.
        """
        if target.ndim > 1:
            check_unmixed(self, target)
        weights = check_samples(
            self,
            len(cls_score),
            'sample_weight',
            'train on a data set that gives it, such as CleanProbWeightedDataset.',
        )
        weight_B = cls_score.new_tensor([float(w) for w in weights], dtype=torch.float32)
        if weight is not None:
            weight_B = weight_B * weight.float()
        total = self._mean_total(weight_B) if reduction == 'mean' else None
        return self.loss(cls_score, target, weight_B, total, reduction_override=reduction)

    def _mean_total(self, weight_B: Tensor) -> Tensor:
        """Mean over processes of the sum of weights, above 0."""
        total = weight_B.sum()
        if get_world_size() > 1:
            all_reduce(total, op='mean')
        return total.clamp(min=torch.finfo(torch.float32).tiny)
