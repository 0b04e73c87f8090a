"""The ViT of a CLIP as a backbone.

B samples, H height and W width of the image, T tokens, D width, M width of the MLP, E embed
dim, N heads, K width of a head.
"""

from collections.abc import Mapping, Sequence

import torch
from mmpretrain.registry import MODELS
from open_clip.transformer import VisionTransformer
from torch import nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from deft_mm.models.backbones.clip_backbone import CLIPBackbone
from deft_mm.models.backbones.position_embedding import resize_position_embedding
from deft_mm.models.clip import check_block, load_visual_tower
from deft_mm.models.clip.quick_gelu import activate_


@MODELS.register_module()
class CLIPVisionTransformer(CLIPBackbone):
    """Vision transformer of a CLIP (Radford et al., ICML 2021), frozen unless tuned by ``peft``.

    Takes images of any resolution: the position embedding is interpolated to their grid of
    patches (pixels beyond the last whole patch are left out). Names in the state dict are
    open_clip's, with the tuning parameters below ``peft.``. Which parameters are trained is
    settled in ``__init__``, so that DDP sees it. Under autocast the weights and the residual
    stream stay fp32.

    Args:
        clip (dict or str): Architecture and weights, see
            :func:`deft_mm.models.clip.resolve_clip`.
        peft (dict or list[dict], optional): Tuning method(s): ``VPT``, ``LoRA``, ``Adapter``,
            ``AdaptFormer``, ``SSF``, ``BitFit``, ``FullFineTune``. Defaults to None, all frozen.
        out_type (str): 'token': the class token behind the last layer norm (B, D);
            'projected': that times CLIP's projection, not normalised (B, E); 'both': first the
            one, then the other. Defaults to 'projected'.
        img_size (int or tuple[int, int], optional): Resolution (H, W) for which the position
            embedding is interpolated once, while loading. Defaults to None, the model's own.
        grad_checkpointing (bool): Whether blocks are recomputed in the backward pass to save
            memory. Defaults to False.
        init_cfg (dict, optional): MMEngine's initialisation config. Defaults to None.

    Raises:
        ValueError: A tower that is no plain CLIP ViT, an unknown PEFT method or ``out_type``.
    """

    kind = 'vit'

    def __init__(
        self,
        clip: Mapping | str,
        peft: dict | Sequence[dict] | None = None,
        out_type: str = 'projected',
        img_size: int | tuple[int, int] | None = None,
        grad_checkpointing: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(out_type, init_cfg)
        tower = load_visual_tower(clip, image_size=img_size)
        _check_tower(tower)
        self.conv1 = tower.conv1
        self.class_embedding = tower.class_embedding
        self.positional_embedding = tower.positional_embedding
        self.ln_pre = tower.ln_pre
        self.transformer = tower.transformer
        self.ln_post = tower.ln_post
        self.proj = tower.proj
        self.patch_size = tuple(tower.patch_size)
        self.grid_size = tuple(tower.grid_size)
        self.num_layers = len(self.transformer.resblocks)
        self.width = self.transformer.width
        self.mlp_width = self.transformer.resblocks[0].mlp.c_fc.out_features
        self.embed_dim = tower.output_dim
        self.grad_checkpointing = grad_checkpointing
        self._settle(peft)

    def residual_blocks(self) -> list[nn.Module]:
        return list(self.transformer.resblocks)

    def get_layer_depth(self, param_name: str, prefix: str = '') -> tuple[int, int]:
        """Layer of a parameter, for layer-wise learning rates, as MMPretrain's ViT counts them.

        Args:
            param_name (str): Name of the parameter.
            prefix (str): What the backbone's names start with there. Defaults to ''.

        Returns:
            tuple[int, int]: The layer (0 for the stem, ``num_layers - 1`` for what follows the
            blocks) and the number of layers. Parameters of PEFT methods count as the block they
            belong to.
        """
        num_layers = self.num_layers + 2
        if not param_name.startswith(prefix):
            return num_layers - 1, num_layers
        name = param_name[len(prefix) :]
        parts = name.split('.')
        if parts[0] in ('class_embedding', 'positional_embedding', 'conv1', 'ln_pre'):
            return 0, num_layers
        if name.startswith('transformer.resblocks.'):
            return int(parts[2]) + 1, num_layers
        if parts[0] == 'peft' and len(parts) > 3 and parts[3].isdigit():
            return int(parts[3]) + 1, num_layers
        return num_layers - 1, num_layers

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Images (B, 3, H, W) to features, as ``out_type`` says; features (B, E) are returned."""
        if x.dim() == 2:
            return (x,)
        x_BTD = self._embed(x)
        recompute = self.grad_checkpointing and self.training and torch.is_grad_enabled()
        for block in range(self.num_layers):
            if recompute:
                x_BTD = checkpoint(self._run_block, x_BTD, block, use_reentrant=False)
            else:
                x_BTD = self._run_block(x_BTD, block)
        return self._outputs(self.ln_post(x_BTD[:, 0]))

    def project(self, token_BD: torch.Tensor) -> torch.Tensor:
        """Token features to features (B, E) in the space of the text, not normalised."""
        return token_BD @ self.proj

    def _embed(self, x_B3HW: torch.Tensor) -> torch.Tensor:
        height, width = x_B3HW.shape[-2:]
        if height < self.patch_size[0] or width < self.patch_size[1]:
            raise ValueError(
                f'images of {height}x{width} are smaller than one patch '
                f'({self.patch_size[0]}x{self.patch_size[1]}): resize them in the pipeline'
            )
        x_BDHW = self.conv1(x_B3HW)
        position_TD = resize_position_embedding(
            self.positional_embedding, self.grid_size, x_BDHW.shape[-2:]
        )
        x_BTD = x_BDHW.flatten(2).transpose(1, 2)
        class_B1D = self.class_embedding.expand(x_BTD.size(0), 1, -1)
        # Parameters are fp32, so that under autocast this puts the residual stream in fp32.
        return self.ln_pre(torch.cat([class_B1D, x_BTD.to(class_B1D.dtype)], dim=1) + position_TD)

    def _run_block(self, x_BTD: torch.Tensor, i: int) -> torch.Tensor:
        """One pre-norm residual block of open_clip, with the places where PEFT methods act."""
        block = self.transformer.resblocks[i]
        methods = list(self.peft.values())
        for method in methods:
            x_BTD = method.on_tokens(x_BTD, i)
        normed_BTD = block.ln_1(x_BTD)
        qkv_BT3D = F.linear(normed_BTD, block.attn.in_proj_weight, block.attn.in_proj_bias)
        for method in methods:
            qkv_BT3D = method.on_qkv(qkv_BT3D, normed_BTD, i)
        # Only the class token leaves the tower: behind the last block's keys and values, the others
        # are not computed. That is exact, and saves about 6% of a tower of 12 blocks.
        wanted = 1 if i == self.num_layers - 1 else None
        x_BTD = x_BTD[:, :wanted]
        out_BTD = _attention(qkv_BT3D, block.attn.num_heads, wanted)
        out_BTD = block.attn.out_proj(out_BTD)
        for method in methods:
            out_BTD = method.on_attn_out(out_BTD, i)
        x_BTD = x_BTD + block.ls_1(out_BTD)
        hidden_BTM = block.mlp.c_fc(block.ln_2(x_BTD))
        for method in methods:
            hidden_BTM = method.on_mlp_in(hidden_BTM, i)
        out_BTD = block.mlp.c_proj(activate_(block.mlp.gelu, hidden_BTM))
        for method in methods:
            out_BTD = method.on_mlp_out(out_BTD, x_BTD, i)
        return x_BTD + block.ls_2(out_BTD)


def _attention(qkv_BT3D: torch.Tensor, num_heads: int, queries: int | None) -> torch.Tensor:
    """Multi-head self-attention of the first ``queries`` tokens (None: of all), before the output
    projection (B, queries, D)."""
    batch, tokens, _ = qkv_BT3D.shape
    q_BNTK, k_BNTK, v_BNTK = qkv_BT3D.view(batch, tokens, 3, num_heads, -1).permute(2, 0, 3, 1, 4)
    out_BNTK = F.scaled_dot_product_attention(q_BNTK[:, :, :queries], k_BNTK, v_BNTK)
    return out_BNTK.transpose(1, 2).flatten(2)


def _check_tower(tower: nn.Module) -> None:
    """Refuses what the forward pass here would get wrong."""
    if not isinstance(tower, VisionTransformer):
        raise ValueError(
            f'clip.model has a visual tower of type {type(tower).__name__}, but the backbone is '
            f'CLIPVisionTransformer: use CLIPResNet for RN50 and its like'
        )
    reason = None
    if tower.attn_pool is not None:
        reason = 'attentional_pool'
    elif tower.pool_type != 'tok':
        reason = f'pool_type={tower.pool_type!r}'
    elif not isinstance(tower.patch_dropout, nn.Identity):
        reason = f'patch_dropout={tower.patch_dropout.prob} (set it to 0)'
    if reason is not None:
        raise ValueError(
            f'CLIPVisionTransformer does not support vision_cfg with {reason}; it needs the class '
            f'token as output and all patches'
        )
    for block in tower.transformer.resblocks:
        check_block(block, 'clip.model, vision_cfg')
