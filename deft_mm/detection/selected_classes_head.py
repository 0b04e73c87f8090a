"""A head that is asked about some of its classes only.

Shapes: B samples, D classes of the head, K selected ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn


class SelectedClassesHead(nn.Module):
    """Columns of another head's output, in another order.

    It has what the scoring pass asks a head for, as far as that one has it: ``dual_logits`` and
    ``cosine_similarity`` are missing where they are missing there.

    Args:
        head (nn.Module): The head, of D classes.
        classes (Sequence[int]): K of its classes, in the order wanted.
    """

    def __init__(self, head: nn.Module, classes: Sequence[int]) -> None:
        super().__init__()
        self.head = head
        self.register_buffer('classes', torch.as_tensor(classes, dtype=torch.int64))
        for name in ('dual_logits', 'cosine_similarity'):
            if hasattr(head, name):
                setattr(self, name, partial(self._selected, getattr(head, name)))

    def pre_logits(self, feats: tuple[Tensor]) -> Tensor:
        """What the head classifies, as the head says."""
        return self.head.pre_logits(feats)

    def forward(self, feats: tuple[Tensor]) -> Tensor:
        """Logits of the selected classes, shape (B, K)."""
        return self._selected(self.head, feats)

    def _selected(self, function, feats: tuple[Tensor]) -> Tensor | tuple[Tensor, ...]:
        output = function(feats)
        if isinstance(output, tuple):
            return tuple(part_BD[:, self.classes] for part_BD in output)
        return output[:, self.classes]
