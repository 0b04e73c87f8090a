"""One loss for samples that a selection keeps, and another for those that it rejects.

Shapes: B samples.
"""

from __future__ import annotations

import torch
from mmpretrain.models.losses.utils import weight_reduce_loss
from mmpretrain.registry import MODELS
from torch import Tensor

from ._checks import check_samples, check_unmixed
from .wrapping_loss import WrappingLoss


@MODELS.register_module()
class SplitLoss(WrappingLoss):
    r"""A loss for kept samples, and one that no wrong label pulls far for rejected ones.

    .. math::
        L = \frac{1}{B} \left( \sum_{i\ kept} l_i + \sum_{i\ rejected} r_i \right)

    With the defaults, cross entropy for l and, for r, :math:`1 - p_y`, the mean absolute error up
    to a factor of 2, it is that of `NLPrompt: Noise-Label Prompt Learning for Vision-Language
    Models <https://arxiv.org/abs/2412.01256>`_, where ``OptimalTransportSelector`` says what
    is kept. All samples have their given label.

    In that paper's code an epoch goes through all kept samples in batches of their own, and then
    through all others. Here batches are mixed, and a mean is over all samples of the batch, so that
    a step follows both losses in the proportion in which there are samples.

    Whether a sample is kept is a field of the ``DataSample``, which ``KeptFlagDataset`` gives it.
    :class:`~deft_mm.engine.hooks.LossContextHook` tells this loss the samples. In evaluation mode
    every sample has ``loss``. Mixed labels (Mixup, CutMix) are refused.

    Example:

        .. code:: python

            model = dict(head=dict(loss=dict(type='SplitLoss')))
            default_hooks = dict(
                noise_filter=dict(
                    type='RefilterHook',
                    selector=dict(type='OptimalTransportSelector'),
                    begin=0,
                    interval=1,
                    classifier_dataset=dict(type='KeptFlagDataset')))

    Args:
        loss (dict): The loss of a kept sample, called as MMPretrain's losses are. Defaults to
            ``dict(type='CrossEntropyLoss')``.
        rejected_loss (dict): That of a rejected one. Defaults to ``dict(type='GCELoss', q=1.0)``.
        reduction (str): 'none', 'mean' or 'sum'. Defaults to 'mean'.

    Raises:
        ValueError: If ``reduction`` is none of the three.
    """

    sample_fields = {'kept': 'KeptFlagDataset'}

    def __init__(
        self,
        loss: dict | None = None,
        rejected_loss: dict | None = None,
        reduction: str = 'mean',
    ) -> None:
        super().__init__(loss, reduction)
        self.rejected_loss = MODELS.build(rejected_loss or dict(type='GCELoss', q=1.0))

    def training_loss(self, cls_score, target, weight, avg_factor, reduction) -> Tensor:
        """The loss of a batch.

        Raises:
            ValueError: If it is not known which samples are kept, or if labels are mixed.
        """
        if target.ndim > 1:
            check_unmixed(self, target)
            target = target.argmax(dim=1)
        told = check_samples(
            self, len(cls_score), 'kept', 'train on a data set that gives it: KeptFlagDataset.'
        )
        kept_B = torch.tensor([bool(kept) for kept in told], device=cls_score.device)
        loss_B, rejected_B = (
            loss(cls_score, target, reduction_override='none')
            for loss in (self.loss, self.rejected_loss)
        )
        weight = None if weight is None else weight.float()
        loss_B = torch.where(kept_B, loss_B, rejected_B)
        return weight_reduce_loss(loss_B, weight, reduction, avg_factor)
