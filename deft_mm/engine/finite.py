"""Whether the weights of a model are numbers."""

from __future__ import annotations

import torch
from torch import nn


@torch.no_grad()
def non_finite_weights(model: nn.Module) -> list[str]:
    """The parameters that hold an infinite value or one that is not a number.

    Args:
        model (nn.Module): The model.

    Returns:
        list[str]: Their names; none in a sound model. The device is waited for once.
    """
    named = list(model.named_parameters())
    if not named:
        return []
    # A mask of a buffer may be infinite rightly; parameters may not.
    is_finite = torch.stack([weight.isfinite().all().to(named[0][1].device) for _, weight in named])
    return [name for (name, _), good in zip(named, is_finite.tolist(), strict=True) if not good]
