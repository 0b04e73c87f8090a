"""Text features kept through an evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor


class FeatureCache:
    """Keeps the result of a computation for as long as the tensors that it came from stay the same.

    Small tensors that training changes (contexts, token ids) are compared by value, so that every
    way of writing them is noticed, also those that autograd's version counter does not see
    (``param.data``, as EMA writes it). Large frozen ones (the text tower) are compared by address
    and version; the owner calls :meth:`clear` where they may change
    unseen: on a change of mode, on loading, on moving.
    """

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        """Forget what is kept."""
        self._value: Tensor | None = None
        self._copies: list[Tensor] = []
        self._stamps: list[tuple] = []

    def get(
        self,
        compute: Callable[[], Tensor],
        by_value: Sequence[Tensor] = (),
        by_version: Iterable[Tensor] = (),
    ) -> Tensor:
        """The kept result, or a new one if something changed.

        Args:
            compute (Callable): Computes the result; called without autograd.
            by_value (Sequence[Tensor]): Tensors that are compared entry by entry.
            by_version (Iterable[Tensor]): Tensors that are compared by address, version, type and
                device.

        Returns:
            Tensor: The result, without a graph.
        """
        stamps = [_stamp(tensor) for tensor in by_version]
        if self._value is None or stamps != self._stamps or not self._same_values(by_value):
            with torch.no_grad():
                value = compute()
                copies = [tensor.detach().clone() for tensor in by_value]
            self._value, self._copies, self._stamps = value, copies, stamps
        return self._value

    def _same_values(self, tensors: Sequence[Tensor]) -> bool:
        return len(tensors) == len(self._copies) and all(
            a.device == b.device and a.dtype == b.dtype and torch.equal(a, b)
            for a, b in zip(tensors, self._copies, strict=True)
        )


def _stamp(tensor: Tensor) -> tuple:
    # A tensor made in inference mode has no version counter.
    version = 0 if tensor.is_inference() else tensor._version
    return tensor.data_ptr(), version, tensor.dtype, tensor.device
