"""QuickGELU with less memory and time than open_clip's module."""

import torch
from open_clip.transformer import QuickGELU
from torch import nn
from torch.nn import functional as F

SCALE = 1.702


def activate_(activation: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """What ``activation(x)`` gives; it may overwrite ``x``, the output of a frozen linear layer.

    open_clip's QuickGELU, ``x * sigmoid(1.702 * x)``, keeps two tensors for the backward pass. As
    ``silu(1.702 * x) / 1.702`` it keeps one.
    """
    if isinstance(activation, QuickGELU):
        return F.silu(x.mul_(SCALE)).div_(SCALE)
    return activation(x)
