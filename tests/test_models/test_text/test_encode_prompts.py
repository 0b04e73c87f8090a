"""Truncated prompts give the features of the full text tower."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from deft_mm.models.clip import load_text_tower
from deft_mm.models.text import ClassTokens, PromptLayout, Prompts, encode_prompts
from deft_mm.models.text.class_tokens import unpad

NAMES = ['apple', 'a name with quite a few more words than the other one']


def clip(**text_cfg):
    return dict(
        model=dict(
            embed_dim=8,
            vision_cfg=dict(image_size=8, patch_size=8, layers=1, width=64),
            text_cfg=dict(
                context_length=77, vocab_size=49408, width=32, heads=2, layers=2, **text_cfg
            ),
        )
    )


@pytest.mark.parametrize('text_cfg', [dict(), dict(proj_bias=True), dict(proj_type='none')])
def test_features_equal_those_of_full_length_token_ids(text_cfg):
    cfg = clip(**text_cfg)
    if text_cfg.get('proj_type') == 'none':
        cfg['model']['embed_dim'] = 32
    text = load_text_tower(cfg)
    tokens = ClassTokens(text.tokenizer, 75, 'a context')(NAMES, 'a photo of a {}.')
    layout = PromptLayout.build(unpad(tokens), 0, 'end', text.tokenizer)
    assert layout.token_ids.size(1) < 25
    prompts = Prompts(text.token_embedding(layout.token_ids)[None].repeat(2, 1, 1, 1), layout.eot)
    with torch.no_grad():
        feats = encode_prompts(text, prompts)
        full = text(text.tokenizer([f'a photo of a {name}.' for name in NAMES]))
    assert feats.shape[:2] == (2, 2)
    for polarity in feats:
        torch.testing.assert_close(polarity, F.normalize(full, dim=-1), rtol=1e-5, atol=1e-6)


def test_features_under_autocast_are_single_precision_of_unit_length():
    text = load_text_tower(clip())
    layout = PromptLayout.build([text.tokenizer.encode('apple.')], 0, 'end', text.tokenizer)
    prompts = Prompts(text.token_embedding(layout.token_ids)[None], layout.eot)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        feats = encode_prompts(text, prompts)
    assert feats.dtype == torch.float32
    torch.testing.assert_close(feats.norm(dim=-1), torch.ones(1, 1))
