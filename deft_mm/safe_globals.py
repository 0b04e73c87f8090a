"""What ``torch.load(weights_only=True)`` may be allowed to rebuild of NumPy."""

from __future__ import annotations

import torch
from mmengine.utils import digit_version


def takes_renamed_globals() -> bool:
    """Whether an allowed object may have another name in the file: since PyTorch 2.6."""
    return digit_version(torch.__version__) >= digit_version('2.6')


def numpy_globals(*names: str) -> list[tuple]:
    """Members of NumPy's ``multiarray`` module, under the names that a file may give them.

    Args:
        *names (str): Such as '_reconstruct', which makes arrays.

    Returns:
        list[tuple]: Pairs of object and name, for ``torch.serialization.add_safe_globals``.
    """
    # numpy 2 moved `core` to `_core`; a file names the place where the writer's numpy had it.
    try:
        from numpy._core import multiarray
    except ImportError:
        from numpy.core import multiarray
    return [
        (getattr(multiarray, name), f'numpy.{package}.multiarray.{name}')
        for package in ('core', '_core')
        for name in names
    ]
