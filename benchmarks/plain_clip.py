"""The detector in the plain way, from open_clip's public modules: what ours is held against.

Both prompt sets are encoded for every batch, each prompt with its full 77 tokens; attention is an
explicit softmax of all scores; nothing is cached. Weights, contexts and visual prompts are those
of a detector of ours, so that the two must agree.

Shapes: B samples, C classes, T tokens, D width, H heads, K width of a head, E embedding width, P
visual prompt tokens, N context vectors.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class PlainTextTower:
    """Prompts ``SOT context name . EOT``, padded to the context length, through the text tower.

    Args:
        head (DualPromptHead): Whose text tower and contexts are used, with shared contexts and the
            class name at the end.
        names (Sequence[str]): Class names.
    """

    def __init__(self, head: nn.Module, names: Sequence[str]) -> None:
        self.text, self.contexts = head.text, (head.prompts.pos_ctx, head.prompts.neg_ctx)
        n_ctx, device = len(head.prompts.pos_ctx), head.prompts.pos_ctx.device
        tokenizer = head.text.tokenizer
        rows, eot = [], []
        for name in names:
            words = tokenizer.encode(name.replace('_', ' ') + '.')
            row = [tokenizer.sot_token_id, *([0] * n_ctx), *words, tokenizer.eot_token_id]
            eot.append(len(row) - 1)
            rows.append(row + [0] * (self.text.context_length - len(row)))
        self.tokens_CT = torch.tensor(rows, device=device)
        self.eot_C = torch.tensor(eot, device=device)

    def __call__(self, classes: slice = slice(None)) -> list[Tensor]:
        """Unit-length features of the positive and of the negative prompts, each (C, E).

        Args:
            classes (slice): The classes to encode. Defaults to all.
        """
        return [self._encode(ctx_ND, classes) for ctx_ND in self.contexts]

    def _encode(self, ctx_ND: Tensor, classes: slice) -> Tensor:
        text, tokens_CT, eot_C = self.text, self.tokens_CT[classes], self.eot_C[classes]
        words_CTD = text.token_embedding(tokens_CT)
        ctx_CND = ctx_ND.expand(len(tokens_CT), -1, -1)
        behind = 1 + len(ctx_ND)
        x_CTD = torch.cat([words_CTD[:, :1], ctx_CND, words_CTD[:, behind:]], dim=1)
        x_CTD = x_CTD + text.positional_embedding
        for block in text.transformer.resblocks:
            x_CTD = plain_block(block, x_CTD, text.attn_mask)
        x_CTD = text.ln_final(x_CTD)
        feat_CE = text.project(x_CTD[torch.arange(len(eot_C)), eot_C])
        return F.normalize(feat_CE.float(), dim=-1)


def plain_image_features(backbone: nn.Module, images: Tensor) -> Tensor:
    """Projected features (B, E) of a ViT with VPT-deep, not normalised.

    Args:
        backbone (CLIPVisionTransformer): Whose weights and visual prompts are used.
        images (Tensor): float of shape (B, 3, H, W), in the tower's own resolution.
    """
    x_BTD = backbone.conv1(images).flatten(2).transpose(1, 2)
    class_B1D = backbone.class_embedding.expand(len(x_BTD), 1, -1)
    x_BTD = torch.cat([class_B1D, x_BTD], dim=1) + backbone.positional_embedding
    x_BTD = backbone.ln_pre(x_BTD)
    for i, block in enumerate(backbone.transformer.resblocks):
        prompt_PD = backbone.peft['vpt'].tokens[str(i)]
        patches_BTD = x_BTD[:, 1 if i == 0 else 1 + len(prompt_PD) :]
        prompt_BPD = prompt_PD.expand(len(x_BTD), -1, -1)
        x_BTD = torch.cat([x_BTD[:, :1], prompt_BPD, patches_BTD], dim=1)
        x_BTD = plain_block(block, x_BTD)
    return backbone.ln_post(x_BTD)[:, 0] @ backbone.proj


def plain_block(block: nn.Module, x_BTD: Tensor, mask_TT: Tensor | None = None) -> Tensor:
    """A residual block of open_clip with explicit softmax attention."""
    x_BTD = x_BTD + block.ls_1(_attention(block.attn, block.ln_1(x_BTD), mask_TT))
    return x_BTD + block.ls_2(block.mlp(block.ln_2(x_BTD)))


def _attention(attn: nn.MultiheadAttention, x_BTD: Tensor, mask_TT: Tensor | None) -> Tensor:
    qkv_BT3D = F.linear(x_BTD, attn.in_proj_weight, attn.in_proj_bias)
    q, k, v = qkv_BT3D.unflatten(-1, (3, attn.num_heads, -1)).permute(2, 0, 3, 1, 4)
    scores_BHTT = q @ k.transpose(-2, -1) / q.size(-1) ** 0.5
    if mask_TT is not None:
        scores_BHTT = scores_BHTT + mask_TT
    out_BHTK = scores_BHTT.softmax(dim=-1) @ v
    return attn.out_proj(out_BHTK.transpose(1, 2).flatten(2))


def plain_losses(
    logit_scale: Tensor,
    image_BE: Tensor,
    text_CE: Sequence[Tensor],
    labels_B: Tensor,
    complementary_B: Tensor,
) -> Tensor:
    """The warm-up loss of stage 1: cross entropy and both terms of negative learning.

    Args:
        logit_scale (Tensor): Logarithm of CLIP's scale.
        image_BE (Tensor): Projected image features.
        text_CE (Sequence[Tensor]): Unit-length features of positive and negative prompts.
        labels_B (Tensor): Given labels, int64.
        complementary_B (Tensor): Labels that the samples do not have, int64.

    Returns:
        Tensor: Scalar.
    """
    image_BE = F.normalize(image_BE.float(), dim=-1)
    pos_BC = logit_scale.exp() * image_BE @ text_CE[0].T
    neg_BC = logit_scale.exp() * image_BE.detach() @ text_CE[1].T
    p_BC2 = torch.stack([pos_BC.detach(), neg_BC], dim=-1).softmax(dim=-1).clamp(1e-5, 1)
    rows_B = torch.arange(len(labels_B))
    p_no_B = p_BC2[rows_B, complementary_B, 1]
    p_yes_B = p_BC2[rows_B, labels_B, 0]
    return F.cross_entropy(pos_BC, labels_B) - p_no_B.log().mean() - p_yes_B.log().mean()
