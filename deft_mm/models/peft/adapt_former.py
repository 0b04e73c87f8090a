"""Scaled bottleneck adapter.

B samples, T tokens, D width, R bottleneck.
"""

import torch
from mmpretrain.registry import MODELS
from torch import nn

from deft_mm.models.peft.adapter import Bottleneck
from deft_mm.models.peft.peft_method import BlockMethod, positive_int


class ScaledBottleneck(Bottleneck):
    """:class:`Bottleneck` times a learned scalar, 1 at the start."""

    def __init__(self, width: int, dim: int) -> None:
        super().__init__(width, dim)
        self.scale = nn.Parameter(torch.ones(1))

    def forward(self, x_BTD: torch.Tensor) -> torch.Tensor:
        return super().forward(x_BTD) * self.scale


@MODELS.register_module()
class AdaptFormer(BlockMethod):
    """A bottleneck with a learned scale, added to the MLP's output (Chen et al., NeurIPS 2022).

    By default it reads what ``Adapter`` reads, the output of the MLP: DeFT's reference
    implementation defines the module as its adapter with a scale and never uses it. In the paper
    that introduced AdaptFormer it runs in parallel to the MLP, on the residual stream that
    enters the MLP branch; ``parallel=True`` gives that, with a LayerNorm of its own.

    Args:
        dim (int): Bottleneck size R; 8 in DeFT's comparison of tuning methods.
        parallel (bool): Whether the bottleneck reads the MLP branch's input instead of its output.
            Defaults to False.
        last_n_blocks (int, optional): Only the last blocks are tuned. Defaults to None, all.

    Raises:
        ValueError: ``dim`` below 1, or ``last_n_blocks`` out of range.
    """

    def __init__(self, dim: int, parallel: bool = False, last_n_blocks: int | None = None) -> None:
        super().__init__(last_n_blocks)
        self.dim = positive_int(dim, 'AdaptFormer.dim')
        self.parallel = parallel

    def module_for(self, backbone: nn.Module) -> nn.Module:
        return ScaledBottleneck(backbone.width, self.dim)

    def on_mlp_out(self, out_BTD: torch.Tensor, x_BTD: torch.Tensor, block: int) -> torch.Tensor:
        bottleneck = self.at(block)
        if bottleneck is None:
            return out_BTD
        return out_BTD + bottleneck(x_BTD if self.parallel else out_BTD)
