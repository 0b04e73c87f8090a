"""What prompts share, and how the rest is packed."""

from __future__ import annotations

import open_clip
import pytest
from mmpretrain.datasets.categories import CIFAR100_CATEGORIES

from deft_mm.models.clip import load_text_tower
from deft_mm.models.text import PackedPrompts, lay_out_prompts

NAMES = ['apple', 'maple tree', 'a name of six words altogether']


@pytest.fixture(scope='module')
def text():
    return load_text_tower(
        dict(
            model=dict(
                embed_dim=8,
                vision_cfg=dict(image_size=8, patch_size=8, layers=1, width=64),
                text_cfg=dict(context_length=77, vocab_size=49408, width=16, heads=2, layers=1),
            )
        )
    )


def pack(text, names, n_ctx=16, position='end', class_specific=False, **options):
    tokens = [text.tokenizer.encode(f'{name}.') for name in names]
    prompts = lay_out_prompts(tokens, n_ctx, position, text.tokenizer, class_specific)
    return prompts, PackedPrompts.pack(text, prompts, **options)


@pytest.mark.parametrize(
    ('position', 'class_specific', 'n_shared'),
    [
        ('end', False, 17),
        ('middle', False, 9),
        ('front', False, 1),
        ('end', True, 1),
        ('middle', True, 1),
    ],
)
def test_prefix_is_what_all_prompts_begin_with(text, position, class_specific, n_shared):
    _, prompts = pack(text, NAMES, position=position, class_specific=class_specific)
    assert prompts.prefix.ids.shape == (1, n_shared)


def test_common_first_words_join_the_prefix_but_end_tokens_never_do(text):
    assert pack(text, ['red fox', 'red cat'])[1].prefix.ids.shape == (1, 18)
    prompts, packed = pack(text, ['fox', 'fox'])
    assert packed.prefix.ids.size(1) == len(prompts[0]) - 1 == 19
    assert [len(chunk.eot) for chunk in packed.chunks] == [2]


@pytest.mark.parametrize('memory_gb', [None, 1e-9])
@pytest.mark.parametrize('class_specific', [False, True])
@pytest.mark.parametrize('position', ['end', 'middle', 'front'])
def test_each_end_token_sees_exactly_its_own_prompt(text, position, class_specific, memory_gb):
    """Prompts read back from prefix, mask and tables are those that were packed."""
    prompts, packed = pack(text, NAMES * 5, 3, position, class_specific, memory_gb=memory_gb)
    assert (len(packed.chunks) > 1) == (memory_gb is not None)
    prefix = spelled(packed.prefix)[0]
    found = []
    for chunk in packed.chunks:
        rows, size = spelled(chunk.tokens), chunk.mask.size(1)
        for place in chunk.eot.tolist():
            seen = chunk.mask[place // size, place % size] == 0
            own = [
                row
                for row, see in zip(rows[place // size], seen[len(prefix) :], strict=True)
                if see
            ]
            assert seen[: len(prefix)].all()
            found.append(prefix + own)
    for c, prompt in enumerate(prompts):
        assert found[packed.order[c]] == list(enumerate(prompt))


def spelled(tokens):
    """Position and token of every place of a table, as :func:`lay_out_prompts` writes tokens."""
    flat = tokens.ids.flatten().tolist()
    for place, row in zip(tokens.ctx_places.tolist(), tokens.ctx_rows.tolist(), strict=True):
        flat[place] = -1 - row
    places = list(zip(tokens.positions.flatten().tolist(), flat, strict=True))
    size = tokens.ids.size(1)
    return [places[i : i + size] for i in range(0, len(places), size)]


@pytest.mark.parametrize(
    ('names', 'most'), [(CIFAR100_CATEGORIES, 1.05), (open_clip.IMAGENET_CLASSNAMES, 1.01)]
)
def test_names_of_different_length_leave_few_places_unused(text, names, most):
    prompts, packed = pack(text, names)
    needed = sum(len(prompt) - packed.prefix.ids.size(1) for prompt in prompts)
    computed = sum(chunk.tokens.ids.numel() for chunk in packed.chunks)
    assert needed <= computed <= most * needed


def test_chunks_are_of_nearly_equal_size(text):
    _, prompts = pack(text, open_clip.IMAGENET_CLASSNAMES, memory_gb=1e-3)
    sizes = [len(chunk.mask) for chunk in prompts.chunks]
    assert len(sizes) > 2 and max(sizes) - min(sizes) <= 1


def test_every_token_sees_something(text):
    """Also unused places: softmax over nothing is NaN."""
    _, prompts = pack(text, NAMES, class_specific=True)
    for chunk in prompts.chunks:
        assert (chunk.mask == 0).any(dim=2).all()
