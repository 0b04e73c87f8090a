"""Packed prompts give the features and gradients of the full text tower, in less memory."""

from __future__ import annotations

import importlib
from functools import cache

import pytest
import torch
import torch.nn.functional as F
from torch.autograd.graph import saved_tensors_hooks

from deft_mm.models.clip import load_text_tower
from deft_mm.models.text import CLASS_POSITIONS, PackedPrompts, encode_prompts, lay_out_prompts

LONG = ' '.join(['name'] * 58)  # with its full stop 59 tokens: the limit at 16 context vectors
NAMES = ['apple', 'maple tree', '(bird of prey)', 'apple', 'a name of six words altogether', LONG]

TOWERS = {
    'gelu': dict(),
    'quick_gelu': dict(quick_gelu=True),
    'custom_text': dict(custom_text=True, proj_bias=True),
    'layer_scale': dict(ls_init_value=0.3),
    'no_projection': dict(proj_type='none'),
    'one_wide_head': dict(heads=1, layers=1, mlp_ratio=2.0),
    'many_heads': dict(heads=8, layers=4, context_length=90),
}


@cache
def tower(kind='gelu'):
    """A text tower in which no weight is at its initial 0 or 1."""
    text_cfg = dict(context_length=77, vocab_size=49408, width=32, heads=2, layers=2)
    model = dict(embed_dim=32, vision_cfg=dict(image_size=8, patch_size=8, layers=1, width=64))
    options = dict(TOWERS[kind])
    for key in ('quick_gelu', 'custom_text'):
        if key in options:
            model[key] = options.pop(key)
    torch.manual_seed(0)
    text = load_text_tower(dict(model=dict(model, text_cfg=dict(text_cfg, **options))))
    with torch.no_grad():
        for value in text.parameters():
            value.add_(0.05 * torch.randn_like(value))
    return text


def lay_out(text, names, n_ctx, position, class_specific=False):
    tokens = [text.tokenizer.encode(f'{name}.') for name in names]
    return lay_out_prompts(tokens, n_ctx, position, text.tokenizer, class_specific)


def random_ctx(text, n_classes, n_ctx, class_specific, n_polarities=2):
    shape = (n_classes, n_ctx) if class_specific else (n_ctx,)
    return torch.randn(n_polarities, *shape, text.width).mul(0.1).requires_grad_()


def dense_prompts(text, layout, ctx, n_tokens):
    """Prompts (P, C, T, D) with positions, a row a class, unused places at the end."""
    ids = torch.tensor([prompt + [0] * (n_tokens - len(prompt)) for prompt in layout])
    x = text.token_embedding(ids.clamp(min=0)).repeat(len(ctx), 1, 1, 1)
    x[:, ids < 0] = ctx.flatten(1, -2)[:, -1 - ids[ids < 0]]
    return x + text.positional_embedding[:n_tokens]


def plain_features(text, layout, ctx, n_tokens=None):
    """Every prompt on its own through open_clip's transformer, at the context length."""
    n_tokens = n_tokens or text.context_length
    x = dense_prompts(text, layout, ctx, n_tokens).flatten(0, 1)
    x = text.ln_final(text.transformer(x, attn_mask=text.attn_mask[:n_tokens, :n_tokens]))
    x = x[torch.arange(len(x)), [len(prompt) - 1 for prompt in layout] * len(ctx)]
    return F.normalize(text.project(x), dim=-1).unflatten(0, (len(ctx), -1))


def relative_error(actual, expected):
    assert actual.shape == expected.shape
    return ((actual - expected).abs().max() / expected.abs().max()).item()


def assert_same_features_and_gradients(text, layout, ctx, **pack):
    prompts = PackedPrompts.pack(text, layout, n_polarities=len(ctx), **pack)
    feats, expected = encode_prompts(text, prompts, ctx), plain_features(text, layout, ctx)
    upstream = torch.randn_like(feats)
    (grad,) = torch.autograd.grad(feats, ctx, upstream)
    (expected_grad,) = torch.autograd.grad(expected, ctx, upstream)
    assert relative_error(feats, expected) < 1e-5
    assert relative_error(grad, expected_grad) < 1e-5
    return prompts


@pytest.mark.parametrize('class_specific', [False, True])
@pytest.mark.parametrize('position', CLASS_POSITIONS)
@pytest.mark.parametrize('n_ctx', [1, 16])
def test_features_and_gradients_equal_the_full_towers(n_ctx, position, class_specific):
    text = tower()
    ctx = random_ctx(text, len(NAMES), n_ctx, class_specific)
    layout = lay_out(text, NAMES, n_ctx, position, class_specific)
    assert_same_features_and_gradients(text, layout, ctx)


@pytest.mark.parametrize('kind', list(TOWERS))
def test_other_architectures_equal_the_full_tower(kind):
    text = tower(kind)
    ctx = random_ctx(text, len(NAMES), 5, class_specific=False)
    assert_same_features_and_gradients(text, lay_out(text, NAMES, 5, 'end'), ctx)


@pytest.mark.parametrize('n_tokens', [1, 2, 58])
def test_names_of_one_length_equal_the_full_tower(n_tokens):
    text = tower()
    names = [' '.join([word] * n_tokens) for word in ('cat', 'dog', 'tree')]
    layout = lay_out(text, names, 16, 'end')
    assert [len(prompt) for prompt in layout] == [16 + n_tokens + 3] * 3
    assert_same_features_and_gradients(text, layout, random_ctx(text, 3, 16, False))


@pytest.mark.parametrize('class_specific', [False, True])
@pytest.mark.parametrize('position', ['end', 'middle'])
def test_chunks_with_recomputation_equal_the_full_tower(position, class_specific):
    text = tower()
    names = NAMES * 4
    ctx = random_ctx(text, len(names), 4, class_specific)
    layout = lay_out(text, names, 4, position, class_specific)
    prompts = assert_same_features_and_gradients(text, layout, ctx, memory_gb=1e-9)
    assert len(prompts.chunks) > 2


def test_words_without_a_context_equal_open_clips_tower():
    """The prompts of zero-shot classification."""
    text = tower('quick_gelu')
    texts = [f'a photo of a {name}.' for name in NAMES[:4]]
    tokens = [text.tokenizer.encode(t) for t in texts]
    prompts = PackedPrompts.pack(text, lay_out_prompts(tokens, 0, 'end', text.tokenizer))
    with torch.no_grad():
        feats = encode_prompts(text, prompts, torch.empty(1, 0, text.width))
        expected = F.normalize(text(text.tokenizer(texts)), dim=-1)
    assert prompts.prefix.ids.tolist() == [
        [text.tokenizer.sot_token_id, *text.tokenizer.encode('a photo of a')]
    ]
    assert relative_error(feats[0], expected) < 1e-5


# -- memory ------------------------------------------------------------------------


class Kept:
    """Counts the bytes that autograd keeps for the backward pass, weights left out."""

    def __init__(self, text):
        self.weights = {t.untyped_storage().data_ptr() for t in text.parameters()}
        self.sizes = {}

    def __enter__(self):
        self.hooks = saved_tensors_hooks(self._pack, lambda tensor: tensor)
        self.hooks.__enter__()
        return self

    def __exit__(self, *args):
        self.hooks.__exit__(*args)

    def _pack(self, tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in self.weights:
            self.sizes[storage.data_ptr()] = storage.nbytes()
        return tensor

    @property
    def total(self):
        return sum(self.sizes.values())


def kept_bytes(text, compute, *args):
    with Kept(text) as kept:
        result = compute(*args)
    assert result.requires_grad
    return kept.total


def many_names(text, n=60):
    """Names of two to four tokens with their full stop."""
    words = ['cat', 'dog', 'tree', 'fish', 'bird']
    return [' '.join(words[i % 5] for i in range(k, k + 1 + k % 3)) for k in range(n)]


def test_shared_prefix_keeps_a_third_of_what_truncated_prompts_keep():
    text = tower()
    layout = lay_out(text, many_names(text), 16, 'end')
    ctx = random_ctx(text, 60, 16, False)
    prompts = PackedPrompts.pack(text, layout, n_polarities=2)
    n_tokens = max(map(len, layout))
    packed = kept_bytes(text, encode_prompts, text, prompts, ctx)
    truncated = kept_bytes(text, plain_features, text, layout, ctx, n_tokens)
    assert packed < truncated / 3


@pytest.mark.parametrize('kind', ['gelu', 'quick_gelu'])
def test_memory_bound_holds_for_each_chunk_and_is_used(kind):
    text = tower(kind)
    layout = lay_out(text, many_names(text, 120), 16, 'end')
    ctx = random_ctx(text, 120, 16, False)
    whole = PackedPrompts.pack(text, layout, n_polarities=2)
    without = kept_bytes(text, encode_prompts, text, whole, ctx)
    bound = without / 3
    prompts = PackedPrompts.pack(text, layout, n_polarities=2, memory_gb=bound / 2**30)
    assert 3 <= len(prompts.chunks) <= 5

    with Kept(text) as forward:
        feats = encode_prompts(text, prompts, ctx)
    assert forward.total < bound / 2
    # Each chunk alone, as it is computed again.
    ones = [
        kept_bytes(text, encode_prompts, text, one_chunk(prompts, chunk), ctx)
        for chunk in prompts.chunks
    ]
    assert bound / 2 < max(ones) < 1.1 * bound
    feats.sum().backward()


def one_chunk(prompts, chunk):
    order = torch.arange(len(chunk.eot))
    return PackedPrompts(prefix=prompts.prefix, chunks=(chunk,), order=order)


def test_quick_gelu_keeps_no_more_than_gelu():
    kept = []
    for kind in ('quick_gelu', 'gelu'):
        text = tower(kind)
        prompts = PackedPrompts.pack(text, lay_out(text, NAMES, 4, 'end'), n_polarities=2)
        ctx = random_ctx(text, len(NAMES), 4, False)
        kept.append(kept_bytes(text, encode_prompts, text, prompts, ctx))
    assert kept[0] == kept[1]


def test_without_gradients_nothing_is_kept_or_computed_again(monkeypatch):
    text = tower()
    layout = lay_out(text, NAMES * 4, 4, 'end')
    prompts = PackedPrompts.pack(text, layout, n_polarities=2, memory_gb=1e-9)
    ctx = random_ctx(text, len(NAMES) * 4, 4, False)
    # The package's attribute of this name is the function.
    module = importlib.import_module('deft_mm.models.text.encode_prompts')
    monkeypatch.setattr(module, 'checkpoint', lambda *a, **k: pytest.fail('recomputes'))
    with torch.no_grad(), Kept(text) as kept:
        feats = encode_prompts(text, prompts, ctx)
    assert kept.total == 0
    assert relative_error(feats, plain_features(text, layout, ctx)) < 1e-5


def test_weights_of_the_tower_get_no_gradient():
    text = tower()
    ctx = random_ctx(text, 2, 4, False)
    prompts = PackedPrompts.pack(text, lay_out(text, NAMES[:2], 4, 'end'), n_polarities=2)
    encode_prompts(text, prompts, ctx).sum().backward()
    assert ctx.grad.any()
    assert all(parameter.grad is None for parameter in text.parameters())


# -- mixed precision -----------------------------------------------------------------


@pytest.mark.parametrize('memory_gb', [None, 1e-9])
def test_autocast_gives_single_precision_unit_length_and_close_gradients(memory_gb):
    text = tower('quick_gelu')
    ctx = random_ctx(text, len(NAMES), 4, False)
    layout = lay_out(text, NAMES, 4, 'end')
    prompts = PackedPrompts.pack(text, layout, n_polarities=2, memory_gb=memory_gb)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        feats = encode_prompts(text, prompts, ctx)
    assert feats.dtype == torch.float32
    torch.testing.assert_close(feats.norm(dim=-1), torch.ones(2, len(NAMES)))
    upstream = torch.randn_like(feats)
    (grad,) = torch.autograd.grad(feats, ctx, upstream)
    expected = plain_features(text, layout, ctx)
    (expected_grad,) = torch.autograd.grad(expected, ctx, upstream)
    assert relative_error(feats, expected) < 0.03
    assert relative_error(grad, expected_grad) < 0.1
