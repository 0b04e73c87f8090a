"""Text features kept through an evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor


class FeatureCache:
    """Keeps the result of a computation for as long as the tensors that it came from stay the same.

    They are compared by address, version, type and device, none of which waits for a GPU. Autograd
    counts a version for every write but those through ``param.data``, as EMA writes it; whoever
    keeps a cache calls :meth:`clear` where these may happen: on a change of mode, on loading, on
    moving.
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget what is kept."""
        self._value: Tensor | None = None
        self._stamps: list[tuple] = []

    def get(self, compute: Callable[[], Tensor], tensors: Iterable[Tensor]) -> Tensor:
        """The kept result, or a new one, computed without autograd, if a tensor has changed."""
        stamps = [_stamp(tensor) for tensor in tensors]
        if self._value is None or stamps != self._stamps:
            with torch.no_grad():
                self._value = compute()
            self._stamps = stamps
        return self._value


def _stamp(tensor: Tensor) -> tuple:
    # A tensor made in inference mode has no version counter.
    version = 0 if tensor.is_inference() else tensor._version
    return tensor.data_ptr(), version, tensor.dtype, tensor.device
