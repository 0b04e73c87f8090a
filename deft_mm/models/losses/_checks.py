"""What losses check alike, with messages that name the loss and the remedy."""

from __future__ import annotations

from mmpretrain.structures import DataSample
from torch import Tensor, nn

REDUCTIONS = ('none', 'mean', 'sum')
NO_MIXING = (
    'remove data_preprocessor.batch_augments (or train_cfg.augments), which mix the labels of a '
    'batch (Mixup, CutMix)'
)


def check_reduction(loss: nn.Module, reduction: str) -> str:
    """Return the reduction, if it is one.

    Args:
        loss (nn.Module): The loss, for the message.
        reduction (str): 'none', 'mean' or 'sum'.

    Returns:
        str: The same.

    Raises:
        ValueError: If it is none of the three.
    """
    if reduction not in REDUCTIONS:
        raise ValueError(
            f'{type(loss).__name__}.reduction is {reduction!r}: set one of {", ".join(REDUCTIONS)}.'
        )
    return reduction


def check_class_indices(loss: nn.Module, target: Tensor) -> None:
    """Refuse mixed labels, of which there is no single class.

    Args:
        loss (nn.Module): The loss, for the message.
        target (Tensor): What should be class indices of shape (B,).

    Raises:
        ValueError: If it is of another shape.
    """
    if target.ndim != 1:
        raise ValueError(
            f'{type(loss).__name__} takes class indices of shape (B,), not {tuple(target.shape)}: '
            f'{NO_MIXING}, and data_preprocessor.to_onehot.'
        )


def check_unmixed(module: nn.Module, gt_score: Tensor) -> None:
    """Refuse labels of several classes. Where there are scores at all, it waits for the device.

    Args:
        module (nn.Module): What needs one class a sample, for the message.
        gt_score (Tensor): Share of every class in the label, shape (B, C).

    Raises:
        ValueError: If the label of a sample is not one class.
    """
    if (gt_score.amax(dim=1) < 1).any():
        raise ValueError(
            f'{type(module).__name__} takes one class a sample, but the labels are mixed: '
            f'{NO_MIXING}.'
        )


def missing_context(loss: nn.Module, what: str) -> ValueError:
    """The error of a loss that was not told what it needs to know of the training data.

    Args:
        loss (nn.Module): The loss.
        what (str): What it was not told.

    Returns:
        ValueError: The error, to be raised.
    """
    return ValueError(
        f'{type(loss).__name__} was not told {what}: set '
        "default_hooks.loss_context=dict(type='LossContextHook') in the config."
    )


def check_samples(
    loss: nn.Module, data_samples: list[DataSample] | None, batch_size: int, field: str, hint: str
) -> list:
    """Return one field of every sample of the batch.

    Args:
        loss (nn.Module): The loss, for the message.
        data_samples (list[DataSample], optional): What the loss was told.
        batch_size (int): How many samples the loss is computed of.
        field (str): Name of the field.
        hint (str): What gives the samples this field.

    Returns:
        list: The values, B of them.

    Raises:
        ValueError: If the loss was told none or others, or a sample has no such field.
    """
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


def check_num_classes(loss: nn.Module, told: int, cls_score: Tensor) -> None:
    """Compare the number of classes that the loss knows with that of the scores.

    Args:
        loss (nn.Module): The loss, for the message.
        told (int): The number that it knows.
        cls_score (Tensor): Logits of shape (B, C).

    Raises:
        ValueError: If they differ.
    """
    if told != cls_score.size(1):
        raise ValueError(
            f'{type(loss).__name__} knows of {told} classes, but the head scores '
            f'{cls_score.size(1)}: make num_classes of the head, the loss and the data set equal.'
        )
