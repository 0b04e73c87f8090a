"""Low-rank adaptation of attention.

B samples, T tokens, D width, R rank.
"""

import math
from collections.abc import Sequence

import torch
from mmpretrain.registry import MODELS
from torch import nn

from deft_mm.models.peft.peft_method import BlockMethod, positive_int

TARGETS = ('q', 'k', 'v')


class LowRank(nn.Module):
    """``scale * x @ A @ B`` with A (D, R) Kaiming uniform (a = sqrt 5) and B (R, D) zero."""

    def __init__(self, width: int, rank: int, scale: float) -> None:
        super().__init__()
        self.scale = scale
        self.A = nn.Parameter(torch.empty(width, rank))
        self.B = nn.Parameter(torch.zeros(rank, width))
        nn.init.kaiming_uniform_(self.A, a=math.sqrt(5))

    def forward(self, x_BTD: torch.Tensor) -> torch.Tensor:
        return (x_BTD @ self.A @ self.B) * self.scale


@MODELS.register_module()
class LoRA(BlockMethod):
    """Low-rank updates of the query and value projections (Hu et al., ICLR 2022).

    A projection of the block's normalised input x gains ``x @ A @ B * alpha / rank``, which
    is zero at the start.

    Args:
        rank (int): Rank R; 8 in DeFT's comparison of tuning methods.
        targets (Sequence[str]): Which of 'q', 'k' and 'v'. Defaults to ('q', 'v').
        alpha (float): Factor of the update, divided by the rank. Defaults to 1.0.
        last_n_blocks (int, optional): Only the last blocks are tuned. Defaults to None, all.

    Raises:
        ValueError: A rank below 1, ``alpha`` not above 0, an unknown target, or ``last_n_blocks``
            out of range.
    """

    def __init__(
        self,
        rank: int,
        targets: Sequence[str] = ('q', 'v'),
        alpha: float = 1.0,
        last_n_blocks: int | None = None,
    ) -> None:
        super().__init__(last_n_blocks)
        self.rank = positive_int(rank, 'LoRA.rank')
        self.targets = tuple(targets)
        if not 0 < alpha < math.inf:
            raise ValueError(f'LoRA.alpha={alpha} must be above 0, or nothing would be tuned')
        self.alpha = alpha
        known = set(TARGETS)
        if not self.targets or len(set(self.targets) & known) != len(self.targets):
            raise ValueError(f'LoRA.targets={targets!r} must name some of {TARGETS}, each once')

    def module_for(self, backbone: nn.Module) -> nn.Module:
        scale = self.alpha / self.rank
        return nn.ModuleDict(
            {name: LowRank(backbone.width, self.rank, scale) for name in self.targets}
        )

    def on_qkv(self, qkv_BT3D: torch.Tensor, x_BTD: torch.Tensor, block: int) -> torch.Tensor:
        updates = self.at(block)
        if updates is None:
            return qkv_BT3D
        parts = [
            part_BTD + updates[name](x_BTD) if name in updates else part_BTD
            for name, part_BTD in zip(TARGETS, qkv_BT3D.chunk(3, dim=-1), strict=True)
        ]
        return torch.cat(parts, dim=-1)
