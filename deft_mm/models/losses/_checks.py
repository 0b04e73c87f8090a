"""What losses check alike, with messages that name the loss and the remedy.

Shapes: B samples, C classes.
"""

from __future__ import annotations

import math

from torch import Tensor, nn

from deft_mm.models.training_context import ContextModule

REDUCTIONS = ('none', 'mean', 'sum')
NO_MIXING = (
    'remove data_preprocessor.batch_augments (or train_cfg.augments), which mix the labels of a '
    'batch (Mixup, CutMix)'
)


def check_reduction(loss: nn.Module, reduction: str) -> str:
    """Return the reduction, if it is one."""
    if reduction not in REDUCTIONS:
        raise ValueError(
            f'{type(loss).__name__}.reduction is {reduction!r}: set one of {", ".join(REDUCTIONS)}.'
        )
    return reduction


def check_not_negative(module: nn.Module, **settings: float) -> None:
    """Refuse weights that would turn a loss round, or make it infinite."""
    for name, value in settings.items():
        if not 0 <= value < math.inf:
            raise ValueError(f'{type(module).__name__}.{name} is {value}: set it to 0 or more.')


def check_class_indices(loss: nn.Module, target: Tensor) -> None:
    """Refuse all but class indices (B,), such as the scores of mixed or one-hot labels."""
    if target.ndim != 1:
        raise ValueError(
            f'{type(loss).__name__} takes class indices of shape (B,), not {tuple(target.shape)}: '
            f'{NO_MIXING}, and data_preprocessor.to_onehot.'
        )


def check_unmixed(module: nn.Module, gt_score_BC: Tensor) -> None:
    """Refuse labels of several classes; one-hot ones pass. It waits for the device."""
    if (gt_score_BC.amax(dim=1) < 1).any():
        raise ValueError(
            f'{type(module).__name__} takes one class a sample, but the labels are mixed: '
            f'{NO_MIXING}.'
        )


def check_num_classes(loss: nn.Module, told: int, cls_score_BC: Tensor) -> None:
    """Compare the number of classes that the loss knows with that of the scores."""
    if told != cls_score_BC.size(1):
        raise ValueError(
            f'{type(loss).__name__} knows of {told} classes, but the head scores '
            f'{cls_score_BC.size(1)}: make num_classes of the head, the loss and the data set '
            'equal.'
        )


def missing_context(loss: nn.Module, what: str) -> ValueError:
    """The error of a loss that was not told what it needs to know of the training data."""
    return ValueError(
        f'{type(loss).__name__} was not told {what}: set '
        "default_hooks.loss_context=dict(type='LossContextHook') in the config."
    )


def check_samples(loss: ContextModule, batch_size: int, field: str, hint: str) -> list:
    """Return one field of every sample of the batch; ``hint`` says what gives it."""
    data_samples = None if loss.context is None else loss.context.data_samples
    if data_samples is None:
        raise missing_context(loss, 'the samples of the batch')
    if len(data_samples) != batch_size:
        raise ValueError(
            f'{type(loss).__name__} was told {len(data_samples)} samples, but got scores of '
            f'{batch_size}: the model must compute this loss once, of its whole batch.'
        )
    if not all(field in sample for sample in data_samples):
        raise ValueError(f'{type(loss).__name__} needs `{field}` of every sample: {hint}')
    return [getattr(sample, field) for sample in data_samples]
