"""Where context, class name, full stop and end token stand."""

from __future__ import annotations

import pytest

from deft_mm.models.clip import build_tokenizer
from deft_mm.models.text import PromptLayout


@pytest.fixture(scope='module')
def tokenizer():
    return build_tokenizer(dict(model='ViT-B-32'))


def spelled(tokenizer, name, position, n_ctx=3):
    """A prompt as words, with numbered context vectors."""
    longer = tokenizer.encode('a name of five tokens.')
    layout = PromptLayout.build([tokenizer.encode(f'{name}.'), longer], n_ctx, position, tokenizer)
    words = [tokenizer.decode([token]).strip() for token in layout.token_ids[0].tolist()]
    for i, column in enumerate(layout.ctx_columns[0].tolist()):
        words[column] = f'ctx{i}'
    assert layout.token_ids.shape == (2, 1 + n_ctx + len(longer) + 1)
    assert set(words[layout.eot[0] + 1 :]) <= {'!'}
    return ' '.join(words[: layout.eot[0] + 1])


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
        PromptLayout.build([[1]], 2, 'centre', tokenizer)
