"""The text tower on packed prompts.

Shapes: P polarities, C classes, M context vectors, L tokens of the shared prefix, G groups of S
tokens, H heads, K width of a head, D text width, E embedding width of image and text.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from deft_mm.models.clip.quick_gelu import activate_

from .packed_prompts import PackedPrompts, Suffixes, Tokens
from .precision import at_least_float32


def encode_prompts(text: nn.Module, prompts: PackedPrompts, ctx: Tensor) -> Tensor:
    """Unit-length text features of prompts.

    They and the gradients of the contexts are those of the tower on prompts of full length, up to
    rounding. Under the causal mask no token sees a later one, and the feature is read at the end
    token. Therefore

    - nothing behind the end token is computed;
    - the prefix that all prompts share runs once a polarity, and the suffixes attend to the keys
      and values that it leaves in every block;
    - in the last block only the end tokens go on behind the attention.

    Of several chunks the activations are computed again in the backward pass.

    Args:
        text (nn.Module): The text tower (:func:`deft_mm.models.clip.load_text_tower`), frozen.
        prompts (PackedPrompts): The prompts, packed for this tower.
        ctx (Tensor): Context vectors, float of shape (P, N, D), or class-specific, (P, C, N, D). N
            may be 0.

    Returns:
        Tensor: float32 of shape (P, C, E), each of length 1.
    """
    ctx_PMD = ctx.flatten(1, -2)
    prefix = _run_prefix(text, _embed(text, prompts.prefix, ctx_PMD).squeeze(1))
    recompute = len(prompts.chunks) > 1 and torch.is_grad_enabled()
    feats = []
    for chunk in prompts.chunks:
        args = text, chunk, ctx_PMD, prefix
        if recompute:
            # Nothing random happens in the tower.
            options = dict(use_reentrant=False, preserve_rng_state=False)
            feats.append(checkpoint(_run_suffixes, *args, **options))
        else:
            feats.append(_run_suffixes(*args))
    return torch.cat(feats, dim=1).index_select(1, prompts.order)


def _embed(text: nn.Module, tokens: Tokens, ctx_PMD: Tensor) -> Tensor:
    """Words, context vectors and positions, (P, rows, tokens, D)."""
    words = text.token_embedding(tokens.ids).to(ctx_PMD.dtype)
    x = words.flatten(0, 1).expand(len(ctx_PMD), -1, -1)
    # Without a context vector here, autograd has nothing to record before the first attention.
    if len(tokens.ctx_places):
        x = x.index_copy(1, tokens.ctx_places, ctx_PMD.index_select(1, tokens.ctx_rows))
    positions = text.positional_embedding[tokens.positions]
    return x.unflatten(1, tokens.ids.shape) + positions.to(x.dtype)


def _run_prefix(text: nn.Module, x_PLD: Tensor) -> list[tuple[Tensor, Tensor]]:
    """The shared prefix; its keys and values in every block, each (P, H, L, K)."""
    kept = []
    for block in text.transformer.resblocks:
        query, key, value = _query_key_value(block, x_PLD)
        kept.append((key, value))
        if len(kept) < len(text.transformer.resblocks):
            out = F.scaled_dot_product_attention(query, key, value, is_causal=True)
            x_PLD = _finish_block(block, x_PLD, out.transpose(1, 2).flatten(2))
    return kept


def _run_suffixes(
    text: nn.Module,
    suffixes: Suffixes,
    ctx_PMD: Tensor,
    prefix: list[tuple[Tensor, Tensor]],
) -> Tensor:
    """Unit-length features (P, classes of the chunk, E), in the order of the end tokens."""
    x_PGSD = _embed(text, suffixes.tokens, ctx_PMD)
    P, G = x_PGSD.shape[:2]
    x_BSD = x_PGSD.flatten(0, 1)  # B = P * G
    mask_B1SL = suffixes.mask.expand(P, -1, -1, -1).flatten(0, 1)[:, None]
    for i, block in enumerate(text.transformer.resblocks):
        query, key, value = _query_key_value(block, x_BSD)
        key, value = (
            torch.cat([shared[:, None].expand(-1, G, -1, -1, -1), own.unflatten(0, (P, G))], dim=3)
            for shared, own in zip(prefix[i], (key, value), strict=True)
        )
        out = F.scaled_dot_product_attention(
            query, key.flatten(0, 1), value.flatten(0, 1), attn_mask=mask_B1SL.to(query.dtype)
        )
        out_BSD = out.transpose(1, 2).flatten(2)
        if i + 1 == len(text.transformer.resblocks):
            out_BSD, x_BSD = (
                tokens.view(P, -1, text.width).index_select(1, suffixes.eot)
                for tokens in (out_BSD, x_BSD)
            )
        x_BSD = _finish_block(block, x_BSD, out_BSD)
    feat_PCE = text.project(text.ln_final(x_BSD))
    return F.normalize(at_least_float32(feat_PCE), dim=-1)


def _query_key_value(block: nn.Module, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Query, key and value (rows, H, tokens, K) of tokens (rows, tokens, D)."""
    attn, x = block.attn, block.ln_1(x)
    # Each on its own: the three in one tensor would be kept as long as the query is.
    parts = zip(attn.in_proj_weight.chunk(3), attn.in_proj_bias.chunk(3), strict=True)
    return tuple(
        F.linear(x, weight, bias).unflatten(-1, (attn.num_heads, -1)).transpose(1, 2)
        for weight, bias in parts
    )


def _finish_block(block: nn.Module, x: Tensor, out: Tensor) -> Tensor:
    """What follows the attention in a residual block of open_clip; ``x`` is the block's input."""
    x = x + block.ls_1(block.attn.out_proj(out))
    hidden = block.mlp.c_fc(block.ln_2(x))
    return x + block.ls_2(block.mlp.c_proj(activate_(block.mlp.gelu, hidden)))
