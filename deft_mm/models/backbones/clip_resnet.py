"""The ResNet of a CLIP as a backbone.

B samples, C channels, H height, W width, T tokens, D width, E embed dim, N heads.
"""

from collections.abc import Iterator, Mapping, Sequence

import torch
from mmpretrain.registry import MODELS
from open_clip.modified_resnet import ModifiedResNet
from torch import nn
from torch.nn import functional as F

from deft_mm.models.backbones.clip_backbone import CLIPBackbone
from deft_mm.models.backbones.position_embedding import resize_position_embedding
from deft_mm.models.clip import load_visual_tower

STAGES = ('layer1', 'layer2', 'layer3', 'layer4')


@MODELS.register_module()
class CLIPResNet(CLIPBackbone):
    """Modified ResNet of a CLIP (Radford et al., ICML 2021), frozen unless tuned by ``peft``.

    Takes images of any resolution, like :class:`CLIPVisionTransformer`. Batch norms keep their
    statistics, except those of blocks that are fully fine-tuned.

    Args:
        clip (dict or str): Architecture and weights, see
            :func:`deft_mm.models.clip.resolve_clip`.
        peft (dict or list[dict], optional): Tuning method(s): ``SSF``, ``BitFit``,
            ``FullFineTune``. Those made for transformers are refused. Defaults to None, all frozen.
        out_type (str): 'token': the attention-pooled feature before its output projection
            (B, D); 'projected': that projection of it, not normalised (B, E); 'both': first
            the one, then the other. Defaults to 'projected'.
        init_cfg (dict, optional): MMEngine's initialisation config. Defaults to None.

    Raises:
        ValueError: A tower that is no ResNet, an unknown or unfitting PEFT method or ``out_type``.
    """

    kind = 'resnet'

    def __init__(
        self,
        clip: Mapping | str,
        peft: dict | Sequence[dict] | None = None,
        out_type: str = 'projected',
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(out_type, init_cfg)
        tower = load_visual_tower(clip)
        if not isinstance(tower, ModifiedResNet):
            raise ValueError(
                f'clip.model has a visual tower of type {type(tower).__name__}, but the backbone '
                f'is CLIPResNet: use CLIPVisionTransformer for a ViT'
            )
        for name, module in tower.named_children():
            self.add_module(name, module)
        grid = tower.image_size // 32
        self.grid_size = (grid, grid)
        self.num_layers = len(self.residual_blocks())
        self.width = self.attnpool.c_proj.in_features
        self.embed_dim = tower.output_dim
        self._settle(peft)

    def residual_blocks(self) -> list[nn.Module]:
        return [block for stage in STAGES for block in getattr(self, stage)]

    def used_parameters(self) -> Iterator[tuple[str, nn.Parameter]]:
        for name, parameter in super().used_parameters():
            if self.out_type != 'token' or not name.startswith('attnpool.c_proj.'):
                yield name, parameter

    def conv_sites(self) -> Iterator[tuple[str, int, int]]:
        """Name and channels of every batch norm, and the residual block it is in (stem: -1)."""
        block = -1
        for name, module in self.named_modules():
            if name.startswith('layer') and name.count('.') == 1:
                block += 1
            if isinstance(module, nn.BatchNorm2d):
                yield name, module.num_features, block

    def get_layer_depth(self, param_name: str, prefix: str = '') -> tuple[int, int]:
        """Layer of a parameter, for layer-wise learning rates: stem, residual blocks, the rest.

        Args:
            param_name (str): Name of the parameter.
            prefix (str): What the backbone's names start with there. Defaults to ''.

        Returns:
            tuple[int, int]: The layer and the number of layers.
        """
        num_layers = self.num_layers + 2
        if not param_name.startswith(prefix):
            return num_layers - 1, num_layers
        name = param_name[len(prefix) :].removeprefix('peft.ssf.blocks.').replace('_', '.')
        parts = name.split('.')
        if parts[0] in STAGES:
            before = sum(len(getattr(self, stage)) for stage in STAGES[: STAGES.index(parts[0])])
            return before + int(parts[1]) + 1, num_layers
        if parts[0] in ('conv1', 'bn1', 'conv2', 'bn2', 'conv3', 'bn3'):
            return 0, num_layers
        return num_layers - 1, num_layers

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Images (B, 3, H, W) to features, as ``out_type`` says; features (B, E) are returned."""
        if x.dim() == 2:
            return (x,)
        if min(x.shape[-2:]) < 32:
            raise ValueError(
                f'images of {x.shape[-2]}x{x.shape[-1]} are too small for CLIPResNet, which '
                f'needs 32x32 at least: resize them in the pipeline'
            )
        x_BCHW = x
        for i in (1, 2, 3):
            conv, act = getattr(self, f'conv{i}'), getattr(self, f'act{i}')
            x_BCHW = act(self._norm(conv(x_BCHW), f'bn{i}'))
        x_BCHW = self.avgpool(x_BCHW)
        for stage in STAGES:
            for i, block in enumerate(getattr(self, stage)):
                x_BCHW = self._run_block(x_BCHW, block, f'{stage}.{i}')
        return self._outputs(self._pool(x_BCHW))

    def project(self, token_BD: torch.Tensor) -> torch.Tensor:
        """Token features to features (B, E) in the space of the text, not normalised."""
        return self.attnpool.c_proj(token_BD)

    def _norm(self, x_BCHW: torch.Tensor, site: str) -> torch.Tensor:
        x_BCHW = self.get_submodule(site)(x_BCHW)
        for method in self.peft.values():
            x_BCHW = method.on_conv(x_BCHW, site)
        return x_BCHW

    def _run_block(self, x_BCHW: torch.Tensor, block: nn.Module, name: str) -> torch.Tensor:
        """One bottleneck of open_clip, with the places where PEFT methods act."""
        out_BCHW = block.act1(self._norm(block.conv1(x_BCHW), f'{name}.bn1'))
        out_BCHW = block.act2(self._norm(block.conv2(out_BCHW), f'{name}.bn2'))
        out_BCHW = self._norm(block.conv3(block.avgpool(out_BCHW)), f'{name}.bn3')
        if block.downsample is not None:
            # Average pooling, convolution, batch norm.
            pool, conv, _ = block.downsample
            x_BCHW = self._norm(conv(pool(x_BCHW)), f'{name}.downsample.1')
        return block.act3(out_BCHW + x_BCHW)

    def _pool(self, x_BCHW: torch.Tensor) -> torch.Tensor:
        """Attention pooling (B, D): the mean of all places asks, all places answer."""
        pool = self.attnpool
        position_TD = resize_position_embedding(
            pool.positional_embedding, self.grid_size, x_BCHW.shape[-2:]
        )
        x_BTD = x_BCHW.flatten(2).transpose(1, 2)
        x_BTD = torch.cat([x_BTD.mean(dim=1, keepdim=True), x_BTD], dim=1) + position_TD
        q_BN1K, k_BNTK, v_BNTK = (
            projected.unflatten(-1, (pool.num_heads, -1)).transpose(1, 2)
            for projected in (pool.q_proj(x_BTD[:, :1]), pool.k_proj(x_BTD), pool.v_proj(x_BTD))
        )
        return F.scaled_dot_product_attention(q_BN1K, k_BNTK, v_BNTK).flatten(1)
