"""Number formats of similarities and losses."""

from __future__ import annotations

import torch
from torch import Tensor


def at_least_float32(tensor: Tensor) -> Tensor:
    """A tensor in single precision, if it has less.

    Under autocast features arrive in half precision, but logits are differences of nearly equal
    cosines, scaled by up to 100.
    """
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def without_autocast(tensor: Tensor) -> torch.autocast:
    """A context without autocast on the tensor's device."""
    return torch.autocast(device_type=tensor.device.type, enabled=False)
