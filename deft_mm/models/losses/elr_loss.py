"""Early-learning regularisation.

Shapes: N samples of the training set, B of a batch, G of the batches of all processes, C classes.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from mmengine.dist import all_gather, get_world_size
from mmpretrain.registry import MODELS
from torch import Tensor

from deft_mm.models.training_context import ContextModule, TrainingContext

from ._checks import check_not_negative, check_num_classes, check_samples, missing_context
from .per_sample_loss import PerSampleLoss

# Bounds of a probability, in the targets and in the regulariser.
MIN_PROBABILITY = 1e-4


@MODELS.register_module()
class ELRLoss(ContextModule, PerSampleLoss):
    r"""Cross entropy with early-learning regularisation.

    Every training sample has a target :math:`t`, a running average of the model's probabilities,
    which starts at 0 and moves each time the sample is trained on; the loss pulls the
    probabilities :math:`p` towards it, away from a wrong label that is only memorised later:

    .. math::
        t \leftarrow \beta t + (1 - \beta) \frac{p}{\sum_c p_c}, \qquad
        L = CE(p, y) + \lambda \log\Big(1 - \sum_c t_c p_c\Big)

    with :math:`p` the softmax, clamped to [1e-4, 1 - 1e-4] outside the cross entropy; no gradient
    passes through :math:`t`. From `Early-Learning Regularization Prevents Memorization of Noisy
    Labels <https://arxiv.org/abs/2007.00151>`_. The loss may be negative.

    Targets are kept by ``sample_idx``, so that shuffling does not matter, in float32, and in the
    checkpoint, for a resume: N x C numbers. All processes hold the same targets: each moves those
    of the samples of all. A sample that occurs several times in a batch, or in those of several
    processes, moves its target once, by its last occurrence in the order of the processes.

    In evaluation mode the loss is the cross entropy, and no target moves: samples of other data
    have none.

    :class:`~deft_mm.engine.hooks.LossContextHook` tells this loss the number of samples, and those
    of each batch.

    Example:

        .. code:: python

            model = dict(head=dict(loss=dict(type='ELRLoss', num_classes=100)))
            default_hooks = dict(loss_context=dict(type='LossContextHook'))

    Args:
        num_classes (int): Number of classes.
        beta (float): Share of the old target in the new one, in [0, 1). Defaults to 0.3.
        lambda_elr (float): Weight of the regulariser. Defaults to 5.0.
        num_samples (int, optional): Number of training samples; None until the hook tells. Defaults
            to None.
        reduction (str): 'none', 'mean' or 'sum'. Defaults to 'mean'.
        loss_weight (float): Weight of the whole loss. Defaults to 1.0.

    Raises:
        ValueError: If a setting is out of range.
    """

    context_needs = ('num_samples',)
    sample_fields = {'sample_idx': 'a pipeline whose PackInputs leaves it in its meta_keys'}

    def __init__(
        self,
        num_classes: int,
        beta: float = 0.3,
        lambda_elr: float = 5.0,
        num_samples: int | None = None,
        reduction: str = 'mean',
        loss_weight: float = 1.0,
    ) -> None:
        super().__init__(reduction, loss_weight)
        if not 0 <= beta < 1:
            raise ValueError(f'ELRLoss.beta is {beta}: set it to 0 or more and below 1.')
        check_not_negative(self, lambda_elr=lambda_elr)
        self.num_classes = num_classes
        self.beta = beta
        self.lambda_elr = lambda_elr
        self.register_buffer('targets', torch.zeros(num_samples or 0, num_classes))

    def enter(self, context: TrainingContext) -> None:
        """Take part in a run: the targets of a new one start at 0; see :class:`ContextModule`."""
        super().enter(context)
        self._resize(context.num_samples)
        if context.starts_anew:
            # A checkpoint that gives a new run its weights has others.
            self.targets.zero_()

    def _resize(self, num_samples: int) -> None:
        if len(self.targets) != num_samples:
            self.targets = self.targets.new_zeros(num_samples, self.num_classes)

    def per_sample(self, cls_score: Tensor, target: Tensor) -> Tensor:
        """The loss of every sample, shape (B,); in training it moves their targets first."""
        log_p_BC = F.log_softmax(cls_score, dim=1)
        ce_B = -log_p_BC.gather(1, target[:, None]).squeeze(1)
        if not self.training:
            return ce_B
        check_num_classes(self, self.num_classes, cls_score)
        p_BC = log_p_BC.exp().clamp(MIN_PROBABILITY, 1 - MIN_PROBABILITY)
        t_BC = self._move_targets(p_BC)
        return ce_B + self.lambda_elr * torch.log(1 - (t_BC * p_BC).sum(dim=1))

    @torch.no_grad()
    def _move_targets(self, p_BC: Tensor) -> Tensor:
        """Move the targets of the samples of all processes; returns those of this one's."""
        index_B = self._sample_indices(p_BC)
        index_G, p_GC = index_B, p_BC / p_BC.sum(dim=1, keepdim=True)
        if get_world_size() > 1:
            index_G, p_GC = _gather(index_G, p_GC)
        # All occurrences of a sample write the value of its last one: the result does not depend
        # on the order in which a GPU writes, which differs between processes.
        order_G = index_G.argsort(stable=True)
        last_G = order_G[torch.searchsorted(index_G[order_G], index_G, right=True) - 1]
        self.targets[index_G] = self.beta * self.targets[index_G] + (1 - self.beta) * p_GC[last_G]
        return self.targets[index_B]

    def _sample_indices(self, p_BC: Tensor) -> Tensor:
        """``sample_idx`` of the batch, int64 of shape (B,)."""
        if not len(self.targets):
            raise missing_context(self, 'the number of training samples')
        indices = check_samples(
            self,
            len(p_BC),
            'sample_idx',
            "leave it in the meta_keys of the training pipeline's PackInputs.",
        )
        if max(indices) >= len(self.targets):
            raise ValueError(
                f'ELRLoss has targets of {len(self.targets)} samples, but the batch has the '
                f'sample_idx {max(indices)}: leave num_samples to LossContextHook.'
            )
        return torch.tensor(indices, dtype=torch.int64, device=p_BC.device)

    def _load_from_state_dict(self, state_dict: dict, prefix: str, *args, **kwargs) -> None:
        saved = state_dict.get(f'{prefix}targets')
        if saved is not None and not len(self.targets):
            # Not training: nobody tells how many samples the checkpoint was trained on.
            self._resize(len(saved))
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)


def _gather(index_B: Tensor, p_BC: Tensor) -> tuple[Tensor, Tensor]:
    """Batches of all processes, which may differ in size, in the order of the processes."""
    sizes = torch.cat(all_gather(index_B.new_tensor([len(index_B)]))).tolist()

    def gather(values: Tensor) -> Tensor:
        # A collective takes tensors of one size.
        padded = values.new_zeros(max(sizes), *values.shape[1:])
        padded[: len(values)] = values
        parts = all_gather(padded)
        return torch.cat([part[:size] for part, size in zip(parts, sizes, strict=True)])

    return gather(index_B), gather(p_BC)
