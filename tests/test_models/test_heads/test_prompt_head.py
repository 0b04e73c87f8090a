"""PromptHead: one learned prompt a class, against open_clip's own text encoding, and its losses."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample

import deft_mm.models  # noqa: F401  (registers heads and backbone)

NAMES = ['apple', 'maple_tree', 'bird of prey']
CLIP = dict(
    model=dict(
        embed_dim=8,
        vision_cfg=dict(image_size=8, patch_size=8, layers=1, width=64),
        text_cfg=dict(context_length=16, vocab_size=49408, width=16, heads=2, layers=2),
    )
)
LABELS = [0, 1, 2] * 4


def build(**cfg):
    torch.manual_seed(0)
    cfg = dict(dict(type='PromptHead', clip=CLIP, num_classes=3, n_ctx=4), **cfg)
    cfg.setdefault('class_names', NAMES)
    cfg.setdefault('ctx_init_std', 0.5)
    return MODELS.build(cfg)


def features(n=12):
    return (torch.randn(n, 8, generator=torch.Generator().manual_seed(1)),)


def samples():
    return [DataSample().set_gt_label(label) for label in LABELS]


def open_clip_logits(head, prompt):
    """A prompt at a time through open_clip's transformer, the context in place of four words."""
    text, rows = head.text, []
    (dog,) = text.tokenizer.encode('dog')
    for c, name in enumerate(NAMES):
        (ids,) = text.tokenizer([prompt.format(name.replace('_', ' '))])
        ctx = head.prompts.pos_ctx if head.prompts.pos_ctx.dim() == 2 else head.prompts.pos_ctx[c]
        x = text.token_embedding(ids).index_copy(0, (ids == dog).nonzero().flatten(), ctx)
        x = (x + text.positional_embedding)[None]
        x = text.ln_final(text.transformer(x, attn_mask=text.attn_mask))
        rows.append(text.project(x[0, ids.argmax()]))
    image_BE = F.normalize(features()[0], dim=-1)
    return text.logit_scale.exp() * image_BE @ F.normalize(torch.stack(rows), dim=-1).T


@pytest.mark.parametrize('class_specific', [False, True])
@pytest.mark.parametrize(
    ('class_position', 'prompt'),
    [
        ('end', 'dog dog dog dog {}.'),
        ('front', '{} dog dog dog dog.'),
        ('middle', 'dog dog {} dog dog.'),
    ],
)
def test_logits_are_those_of_open_clips_text_encoding(class_position, prompt, class_specific):
    head = build(class_position=class_position, class_specific=class_specific)
    expected = open_clip_logits(head, prompt)
    torch.testing.assert_close(head(features()), expected, rtol=1e-4, atol=1e-5)


def test_logits_are_the_positive_ones_of_dual_prompts_with_the_same_context():
    head, dual = build(ctx_init='a photo of a'), build(type='DualPromptHead')
    missing = dual.load_state_dict(head.state_dict(), strict=False).missing_keys
    assert missing == ['prompts.neg_ctx']
    torch.testing.assert_close(head(features()), dual(features()))


def test_the_context_alone_is_trained_and_by_the_backbones_gradient():
    head = build()
    trained = {name for name, value in head.named_parameters() if value.requires_grad}
    assert trained == {'prompts.pos_ctx'}
    feats = (features()[0].requires_grad_(),)
    losses = head.loss(feats, samples())
    assert set(losses) == {'loss'}
    losses['loss'].backward()
    assert head.prompts.pos_ctx.grad.any() and feats[0].grad.any()


@pytest.mark.parametrize('loss', ['CrossEntropyLoss', 'GCELoss'])
def test_loss_is_that_of_the_config(loss):
    head, labels = build(loss=dict(type=loss), cal_acc=True), torch.tensor(LABELS)
    losses = head.loss(features(), samples())
    p = head(features()).softmax(dim=1)[torch.arange(12), labels]
    expected = -p.log() if loss == 'CrossEntropyLoss' else (1 - p**0.7) / 0.7
    torch.testing.assert_close(losses['loss'], expected.mean())
    hits = (head(features()).argmax(dim=1) == labels).float().mean()
    torch.testing.assert_close(losses['accuracy_top-1'], 100 * hits[None])


@torch.no_grad()
def test_prediction_scores_are_the_softmax_of_the_logits():
    head = build().eval()
    scores = head(features()).softmax(dim=1)
    for row, sample in zip(scores, head.predict(features()), strict=True):
        torch.testing.assert_close(sample.pred_score, row)
        assert sample.pred_label.item() == row.argmax() and 'clean_prob' not in sample
    cosines = head.cosine_similarity(features())
    torch.testing.assert_close(head.text.logit_scale.exp() * cosines, head(features()))


@torch.no_grad()
def test_prompts_are_encoded_once_in_an_evaluation_and_again_after_a_step(monkeypatch):
    head, calls = build().eval(), []
    encode = head._encode
    monkeypatch.setattr(head, '_encode', lambda: calls.append(1) or encode())
    first = head(features())
    torch.testing.assert_close(head(features()), first)
    assert len(calls) == 1
    head.prompts.pos_ctx.normal_()
    assert not torch.allclose(head(features()), first) and len(calls) == 2


def test_words_start_the_context():
    head = build(n_ctx=4, ctx_init='a photo of a')
    ids = torch.tensor(head.text.tokenizer.encode('a photo of a'))
    torch.testing.assert_close(head.prompts.pos_ctx, head.text.token_embedding(ids))


@pytest.mark.parametrize(
    ('cfg', 'message'),
    [
        (dict(n_ctx=0), 'n_ctx is 0: .*between 1 and 12'),
        (dict(n_ctx=13), 'n_ctx is 13: .*between 1 and 12'),
        (dict(class_position='left'), "'left'.*end, front, middle"),
        (dict(ctx_init='one two three four five'), 'ctx_init is .*5 tokens'),
        (dict(text_memory_gb=0), r'PromptHead\.text_memory_gb is 0'),
        (dict(class_names=NAMES[:2]), 'PromptHead has num_classes=3, but 2 class names'),
        (dict(class_names=['a', 'b', 'long ' * 10]), "'long long .*too long.*n_ctx=4"),
    ],
)
def test_wrong_setting_is_one_clear_error(cfg, message):
    with pytest.raises(ValueError, match=message):
        build(**cfg)
