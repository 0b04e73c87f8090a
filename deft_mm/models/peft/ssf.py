"""Scaling and shifting of features.

B samples, T tokens, D width, M width of the MLP, C channels.
"""

import torch
from mmpretrain.registry import MODELS
from torch import nn

from deft_mm.models.peft.peft_method import BlockMethod


class ScaleShift(nn.Module):
    """``x * scale + shift`` per channel; scale starts N(1, 0.02), shift N(0, 0.02)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.empty(channels))
        self.shift = nn.Parameter(torch.empty(channels))
        nn.init.normal_(self.scale, mean=1.0, std=0.02)
        nn.init.normal_(self.shift, std=0.02)

    def forward(self, x: torch.Tensor, dim: int = -1) -> torch.Tensor:
        if dim == -1:
            return x * self.scale + self.shift
        return x * self.scale[:, None, None] + self.shift[:, None, None]


@MODELS.register_module()
class SSF(BlockMethod):
    """Scale and shift of intermediate features (Lian et al., NeurIPS 2022).

    In a transformer, per block: queries, keys and values (3D), the attention's output (D), the
    MLP's hidden layer before its activation (M) and the MLP's output (D). In a ResNet: the output
    of every batch norm, those of the stem and of the shortcuts included, before the
    activation; a convolution and its batch norm count as one operation.

    Args:
        last_n_blocks (int, optional): Only the last blocks are tuned (of a ResNet: the last
            residual blocks, counted through all stages). Defaults to None, all blocks and
            the stem of a ResNet.

    Raises:
        ValueError: ``last_n_blocks`` out of range.
    """

    fits = ('vit', 'resnet')

    def attach(self, backbone: nn.Module) -> None:
        if backbone.kind != 'resnet':
            return super().attach(backbone)
        blocks = self.tuned(backbone)
        self.blocks = nn.ModuleDict()
        for site, channels, block in backbone.conv_sites():
            if self.last_n_blocks is None or block in blocks:
                self.blocks[_key(site)] = ScaleShift(channels)

    def module_for(self, backbone: nn.Module) -> nn.Module:
        widths = dict(
            attn_in=3 * backbone.width,
            attn_out=backbone.width,
            mlp_in=backbone.mlp_width,
            mlp_out=backbone.width,
        )
        return nn.ModuleDict({name: ScaleShift(width) for name, width in widths.items()})

    def on_qkv(self, qkv_BT3D: torch.Tensor, x_BTD: torch.Tensor, block: int) -> torch.Tensor:
        return self._scale_shift(qkv_BT3D, block, 'attn_in')

    def on_attn_out(self, out_BTD: torch.Tensor, block: int) -> torch.Tensor:
        return self._scale_shift(out_BTD, block, 'attn_out')

    def on_mlp_in(self, hidden_BTM: torch.Tensor, block: int) -> torch.Tensor:
        return self._scale_shift(hidden_BTM, block, 'mlp_in')

    def on_mlp_out(self, out_BTD: torch.Tensor, x_BTD: torch.Tensor, block: int) -> torch.Tensor:
        return self._scale_shift(out_BTD, block, 'mlp_out')

    def on_conv(self, x_BCHW: torch.Tensor, site: str) -> torch.Tensor:
        key = _key(site)
        return self.blocks[key](x_BCHW, dim=1) if key in self.blocks else x_BCHW

    def _scale_shift(self, x: torch.Tensor, block: int, name: str) -> torch.Tensor:
        parts = self.at(block)
        return x if parts is None else parts[name](x)


def _key(site: str) -> str:
    # A dot is not allowed in a module's name.
    return site.replace('.', '_')
