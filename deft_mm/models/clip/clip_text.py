"""The frozen text tower of a CLIP.

B texts, L tokens, D width, E embed dim.
"""

import torch
from open_clip import SimpleTokenizer
from open_clip.transformer import TextTransformer
from torch import nn


class CLIPText(nn.Module):
    """Text tower of a CLIP: causal transformer, read at the end-of-text token, projected.

    All of it is frozen and in evaluation mode from the start. Names in the state dict are
    open_clip's.

    Args:
        tower (TextTransformer): open_clip's text tower, whose modules are taken over.
        logit_scale (Tensor): Logarithm of the scale of the logits, as in the checkpoint.
        embed_dim (int): Size E of the features.
        tokenizer (SimpleTokenizer): Its tokenizer, with ``sot_token_id`` and ``eot_token_id``.

    Attributes:
        token_embedding (nn.Embedding): (vocabulary, D).
        positional_embedding (Parameter): (context_length, D).
        transformer (nn.Module): open_clip's ``Transformer`` of ``ResidualAttentionBlock``.
        ln_final (nn.LayerNorm): Before the projection.
        text_projection (Parameter or nn.Linear or None): (D, E).
        logit_scale (Tensor): Scalar buffer.
        attn_mask (Tensor): Causal mask (context_length, context_length), 0 and -inf; not in the
            state dict.
        context_length, width, embed_dim (int): Sizes.
        tokenizer (SimpleTokenizer): As given.
    """

    def __init__(
        self,
        tower: TextTransformer,
        logit_scale: torch.Tensor,
        embed_dim: int,
        tokenizer: SimpleTokenizer,
    ) -> None:
        super().__init__()
        self.token_embedding = tower.token_embedding
        self.positional_embedding = tower.positional_embedding
        self.transformer = tower.transformer
        self.ln_final = tower.ln_final
        self.text_projection = tower.text_projection
        self.register_buffer('attn_mask', tower.attn_mask, persistent=False)
        self.register_buffer('logit_scale', logit_scale.detach().float().reshape(()).clone())
        self.context_length = tower.context_length
        self.width = tower.width
        self.embed_dim = embed_dim
        self.tokenizer = tokenizer
        self.requires_grad_(False)
        self.eval()

    def project(self, x_BD: torch.Tensor) -> torch.Tensor:
        """Features before the projection to features (B, E), not normalised."""
        if self.text_projection is None:
            return x_BD
        if isinstance(self.text_projection, nn.Linear):
            return self.text_projection(x_BD)
        return x_BD @ self.text_projection

    def forward(self, tokens_BL: torch.Tensor) -> torch.Tensor:
        """Text features (B, E), not normalised, of token ids (B, L), L up to context_length."""
        length = tokens_BL.shape[1]
        x_BLD = self.token_embedding(tokens_BL) + self.positional_embedding[:length]
        x_BLD = self.transformer(x_BLD, attn_mask=self.attn_mask[:length, :length])
        rows_B = torch.arange(len(tokens_BL), device=tokens_BL.device)
        # The end-of-text token has the largest id of the vocabulary.
        return self.project(self.ln_final(x_BLD)[rows_B, tokens_BL.argmax(dim=1)])
