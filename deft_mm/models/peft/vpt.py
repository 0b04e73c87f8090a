"""Visual prompt tuning.

B samples, P prompt tokens, T tokens, D width.
"""

import math

import torch
from mmpretrain.registry import MODELS
from torch import nn

from deft_mm.models.peft.peft_method import LastBlocksMethod, positive_int


@MODELS.register_module()
class VPT(LastBlocksMethod):
    """Learnable tokens between the class token and the patch tokens (Jia et al., ECCV 2022).

    Deep: every tuned block gets tokens of its own, which replace those of the block before.
    Shallow: tokens before the first block only, which then run through all blocks. Initial values
    are uniform in +-sqrt(6 / (3 * patch_height * patch_width + D)).

    Args:
        num_tokens (int): Tokens P per block. Defaults to 20.
        deep (bool): Whether every tuned block has tokens of its own. Defaults to True.
        last_n_blocks (int, optional): Only the last blocks get tokens (deep only). Defaults to
            None, all blocks.

    Raises:
        ValueError: ``num_tokens`` below 1, or ``last_n_blocks`` without ``deep`` or out of range.
    """

    def __init__(
        self, num_tokens: int = 20, deep: bool = True, last_n_blocks: int | None = None
    ) -> None:
        super().__init__(last_n_blocks)
        self.num_tokens = positive_int(num_tokens, 'VPT.num_tokens')
        self.deep = deep
        if not deep and last_n_blocks is not None:
            raise ValueError(
                f'VPT.last_n_blocks={last_n_blocks} has no meaning with deep=False, whose tokens '
                f'enter before the first block: remove it, or set deep=True'
            )

    def attach(self, backbone: nn.Module) -> None:
        blocks = self.tuned(backbone) if self.deep else [0]
        height, width = backbone.patch_size
        bound = math.sqrt(6 / (3 * height * width + backbone.width))
        self.tokens = nn.ParameterDict()
        for block in blocks:
            tokens_PD = torch.empty(self.num_tokens, backbone.width).uniform_(-bound, bound)
            self.tokens[str(block)] = nn.Parameter(tokens_PD)

    def on_tokens(self, x_BTD: torch.Tensor, block: int) -> torch.Tensor:
        key = str(block)
        if key not in self.tokens:
            return x_BTD
        tokens_BPD = self.tokens[key].expand(x_BTD.size(0), -1, -1)
        # The tokens of the block before, where there are any, lie behind the class token.
        old = self.num_tokens if str(block - 1) in self.tokens else 0
        return torch.cat([x_BTD[:, :1], tokens_BPD, x_BTD[:, 1 + old :]], dim=1)
