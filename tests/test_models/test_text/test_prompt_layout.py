"""Where context, class name, full stop and end token stand."""

from __future__ import annotations

import pytest

from deft_mm.models.clip import build_tokenizer
from deft_mm.models.text import lay_out_prompts


@pytest.fixture(scope='module')
def tokenizer():
    return build_tokenizer(dict(model='ViT-B-32'))


def spelled(tokenizer, name, position, n_ctx=3):
    """A prompt as words, with numbered context vectors."""
    tokens = tokenizer.encode(f'{name}.')
    (prompt,) = lay_out_prompts([tokens], n_ctx, position, tokenizer)
    return ' '.join(
        f'ctx{-1 - token}' if token < 0 else tokenizer.decode([token]).strip() for token in prompt
    )


@pytest.mark.parametrize(
    ('position', 'expected'),
    [
        ('end', '<start_of_text> ctx0 ctx1 ctx2 maple tree . <end_of_text>'),
        ('front', '<start_of_text> maple tree ctx0 ctx1 ctx2 . <end_of_text>'),
        ('middle', '<start_of_text> ctx0 maple tree ctx1 ctx2 . <end_of_text>'),
    ],
)
def test_order_of_context_name_and_full_stop(tokenizer, position, expected):
    assert spelled(tokenizer, 'maple tree', position) == expected


@pytest.mark.parametrize(
    ('position', 'expected'),
    [
        ('end', '<start_of_text> ctx0 ctx1 ctx2 ( prey ). <end_of_text>'),
        ('front', '<start_of_text> ( prey ). ctx0 ctx1 ctx2 <end_of_text>'),
    ],
)
def test_full_stop_within_the_last_token_stays_with_the_name(tokenizer, position, expected):
    assert spelled(tokenizer, '(prey)', position) == expected


def test_unknown_position_lists_the_known_ones(tokenizer):
    with pytest.raises(ValueError, match="'centre'.*end, front, middle"):
        lay_out_prompts([[1]], 2, 'centre', tokenizer)


@pytest.mark.parametrize('class_specific', [False, True])
def test_class_specific_contexts_are_counted_through(tokenizer, class_specific):
    prompts = lay_out_prompts([[7], [8, 9]], 2, 'front', tokenizer, class_specific)
    sot, eot = tokenizer.sot_token_id, tokenizer.eot_token_id
    second = [-3, -4] if class_specific else [-1, -2]
    assert prompts == [[sot, 7, -1, -2, eot], [sot, 8, 9, *second, eot]]
