"""Initial contexts."""

from __future__ import annotations

import pytest
import torch

from deft_mm.models.clip import load_text_tower
from deft_mm.models.text import PromptLearner

CLIP = dict(
    model=dict(
        embed_dim=8,
        vision_cfg=dict(image_size=8, patch_size=8, layers=1, width=64),
        text_cfg=dict(context_length=24, vocab_size=49408, width=16, heads=2, layers=1),
    )
)


@pytest.fixture(scope='module')
def text():
    torch.manual_seed(0)
    return load_text_tower(CLIP)


def words(text, sentence):
    return text.token_embedding(torch.tensor(text.tokenizer.encode(sentence)))


def test_random_contexts_have_the_given_spread_and_differ(text):
    prompts = PromptLearner(text, num_classes=200, n_ctx=16, class_specific=True)
    for ctx in (prompts.pos_ctx, prompts.neg_ctx):
        assert ctx.shape == (200, 16, 16)
        assert ctx.std().item() == pytest.approx(0.02, rel=0.05)
        assert abs(ctx.mean().item()) < 1e-3
    assert not torch.equal(prompts.pos_ctx, prompts.neg_ctx)


@pytest.mark.parametrize(('position', 'start'), [('end', 2), ('middle', 0), ('front', 0)])
def test_words_stand_next_to_the_class_name_where_they_fit(text, position, start):
    prompts = PromptLearner(
        text, 2, n_ctx=6, class_position=position, ctx_init='a photo of a', ctx_init_std=0.02
    )
    torch.testing.assert_close(prompts.pos_ctx[start : start + 4], words(text, 'a photo of a'))
    filler = torch.cat([prompts.pos_ctx[:start], prompts.pos_ctx[start + 4 :]])
    assert 0 < filler.abs().max() < 0.1


def test_negative_context_is_the_positive_one_plus_noise_unless_it_has_words(text):
    cfg = dict(num_classes=2, n_ctx=8, ctx_init='a photo of a')
    prompts = PromptLearner(text, **cfg)
    noise = prompts.neg_ctx - prompts.pos_ctx
    assert noise.std().item() == pytest.approx(0.02, rel=0.3)
    own = PromptLearner(text, **cfg, neg_ctx_init='not a photo of')
    torch.testing.assert_close(own.neg_ctx[4:], words(text, 'not a photo of'))


@pytest.mark.parametrize('class_specific', [False, True])
def test_positive_context_comes_first_and_both_get_their_gradients(text, class_specific):
    prompts = PromptLearner(text, 3, n_ctx=2, class_specific=class_specific)
    ctx = prompts()
    assert torch.equal(ctx[0], prompts.pos_ctx) and torch.equal(ctx[1], prompts.neg_ctx)
    ctx[1].sum().backward()
    assert torch.equal(prompts.neg_ctx.grad, torch.ones_like(prompts.neg_ctx))
    assert not prompts.pos_ctx.grad.any()


@pytest.mark.parametrize(
    ('cfg', 'message'),
    [
        (dict(n_ctx=0), 'n_ctx is 0.*between 1 and 20'),
        (dict(n_ctx=21), 'n_ctx is 21'),
        (dict(n_ctx=2, ctx_init='a photo of a'), "ctx_init is 'a photo of a', 4 tokens"),
        (dict(n_ctx=4, ctx_init=''), 'ctx_init'),
        (dict(n_ctx=2, ctx_init='a', neg_ctx_init='not a photo'), 'neg_ctx_init'),
        (dict(ctx_init_std=-1.0), 'ctx_init_std'),
    ],
)
def test_senseless_setting_is_an_error_that_names_it(text, cfg, message):
    with pytest.raises(ValueError, match=message):
        PromptLearner(text, 2, **cfg)
