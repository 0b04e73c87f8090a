"""The text tower on prompts that are already embedded.

Shapes: P polarities, C classes, T tokens, D text width, E embedding width of image and text.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .precision import at_least_float32
from .prompt_learner import Prompts


def encode_prompts(text: nn.Module, prompts: Prompts) -> Tensor:
    """Unit-length text features of prompts.

    The prompts are only as long as the longest of them (not the tower's full context length), and
    the last layer norm and the projection see the end tokens alone. Both are exact: under the
    causal mask no token sees a later one, and the feature is read at the end token.

    Args:
        text (nn.Module): The text tower (:func:`deft_mm.models.clip.load_text_tower`).
        prompts (Prompts): Embeddings of shape (P, C, T, D) without position embeddings, and the
            place of the end token.

    Returns:
        Tensor: float32 of shape (P, C, E), each of length 1.
    """
    n_polarities, n_classes, n_tokens, width = prompts.embeddings.shape
    x_NTD = prompts.embeddings.reshape(-1, n_tokens, width)
    x_NTD = x_NTD + text.positional_embedding[:n_tokens].to(x_NTD.dtype)
    x_NTD = text.transformer(x_NTD, attn_mask=text.attn_mask[:n_tokens, :n_tokens])
    eot_N = prompts.eot.repeat(n_polarities)
    x_ND = x_NTD[torch.arange(len(eot_N), device=eot_N.device), eot_N]
    feat_NE = text.project(text.ln_final(x_ND))
    return F.normalize(at_least_float32(feat_NE), dim=-1).reshape(n_polarities, n_classes, -1)
