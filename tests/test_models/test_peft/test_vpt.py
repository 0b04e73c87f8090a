"""Prompt tokens: where they go and which they replace."""

import pytest
import torch

from clip_utils import VIT
from deft_mm.models.backbones import CLIPVisionTransformer
from deft_mm.models.peft import VPT


def _sequence(**options):
    """Number of tokens in every block, and the tokens that entered, for one image."""
    backbone = CLIPVisionTransformer(dict(model=VIT), peft=dict(type='VPT', **options))
    vpt = backbone.peft['vpt']
    x_BTD = torch.randn(1, 17, 32)
    entered, x = [], x_BTD
    for block in range(3):
        x = vpt.on_tokens(x, block)
        entered.append(x)
    return x_BTD, entered, vpt


def test_deep_tokens_replace_those_of_the_block_before():
    x, entered, vpt = _sequence(num_tokens=4)
    for block, tokens in enumerate(entered):
        assert torch.equal(tokens[0, 1:5], vpt.tokens[str(block)])
        assert torch.equal(tokens[:, :1], x[:, :1])
        assert torch.equal(tokens[:, 5:], x[:, 1:])


def test_shallow_tokens_enter_once():
    x, entered, vpt = _sequence(num_tokens=4, deep=False)
    assert torch.equal(entered[0][0, 1:5], vpt.tokens['0'])
    assert entered[1] is entered[0]
    assert entered[2] is entered[0]


def test_tokens_of_the_last_blocks_enter_there():
    x, entered, _ = _sequence(num_tokens=4, last_n_blocks=2)
    assert [tokens.shape[1] for tokens in entered] == [17, 21, 21]
    assert entered[0] is x


@pytest.mark.parametrize('num_tokens', [0, -1, 1.5, True])
def test_number_of_tokens_must_be_positive(num_tokens):
    with pytest.raises(ValueError, match=r'VPT\.num_tokens'):
        VPT(num_tokens=num_tokens)


def test_shallow_with_last_n_blocks_is_refused():
    with pytest.raises(ValueError, match='deep=False'):
        VPT(deep=False, last_n_blocks=2)
