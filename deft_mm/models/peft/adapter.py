"""Bottleneck adapter on the output of the MLP.

B samples, T tokens, D width, R bottleneck.
"""

import math

import torch
from mmpretrain.registry import MODELS
from torch import nn

from deft_mm.models.peft.peft_method import BlockMethod, positive_int


class Bottleneck(nn.Module):
    """LayerNorm, down projection, ReLU, up projection; zero output at the start.

    The down projection starts Kaiming normal (a = sqrt 5), biases and the up projection zero.
    """

    def __init__(self, width: int, dim: int) -> None:
        super().__init__()
        self.ln = nn.LayerNorm(width)
        self.down_proj = nn.Linear(width, dim)
        self.up_proj = nn.Linear(dim, width)
        nn.init.kaiming_normal_(self.down_proj.weight, a=math.sqrt(5))
        nn.init.zeros_(self.down_proj.bias)
        nn.init.zeros_(self.up_proj.weight)
        nn.init.zeros_(self.up_proj.bias)

    def forward(self, x_BTD: torch.Tensor) -> torch.Tensor:
        return self.up_proj(torch.relu(self.down_proj(self.ln(x_BTD))))


@MODELS.register_module()
class Adapter(BlockMethod):
    """A bottleneck on the output of every tuned block's MLP (after Houlsby et al., ICML 2019).

    Args:
        dim (int): Bottleneck size R.
        mode (str): 'add': the adapter's output is added to the MLP's, so that the tower starts
            unchanged. 'replace': it takes the place of the MLP's output before the residual
            is added, as in DeFT's reference implementation; the MLP branch then starts at zero.
            Defaults to 'add'.
        last_n_blocks (int, optional): Only the last blocks are tuned. Defaults to None, all.

    Raises:
        ValueError: ``dim`` below 1, an unknown mode, or ``last_n_blocks`` out of range.
    """

    def __init__(self, dim: int, mode: str = 'add', last_n_blocks: int | None = None) -> None:
        super().__init__(last_n_blocks)
        self.dim = positive_int(dim, 'Adapter.dim')
        self.mode = mode
        if mode not in ('add', 'replace'):
            raise ValueError(f"Adapter.mode={mode!r} must be 'add' or 'replace'")

    def module_for(self, backbone: nn.Module) -> nn.Module:
        return Bottleneck(backbone.width, self.dim)

    def on_mlp_out(self, out_BTD: torch.Tensor, x_BTD: torch.Tensor, block: int) -> torch.Tensor:
        bottleneck = self.at(block)
        if bottleneck is None:
            return out_BTD
        adapted_BTD = bottleneck(out_BTD)
        return adapted_BTD if self.mode == 'replace' else out_BTD + adapted_BTD
