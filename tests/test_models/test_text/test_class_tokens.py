"""Class names to token ids."""

from __future__ import annotations

import pytest

from deft_mm.models.clip import build_tokenizer
from deft_mm.models.text import clean_class_name, tokenize_classes, unpad
from deft_mm.models.text.class_tokens import PAD


@pytest.fixture(scope='module')
def tokenizer():
    return build_tokenizer(dict(model='ViT-B-32'))


def test_underscores_become_single_spaces():
    assert clean_class_name('Black_footed__Albatross ') == 'Black footed Albatross'


@pytest.mark.parametrize(('name', 'error'), [('_ ', ValueError), (7, TypeError)])
def test_name_without_words_is_an_error(name, error):
    with pytest.raises(error, match='class_names'):
        clean_class_name(name)


def test_name_and_full_stop_are_tokenised_as_one_string(tokenizer):
    bird, apple = unpad(tokenize_classes(tokenizer, ['(bird of prey)', 'apple'], 12, 'a context'))
    assert bird[-1:] == tokenizer.encode(').') and tokenizer.decode(bird[-1:]).strip() == ').'
    assert apple == tokenizer.encode('apple') + tokenizer.encode('.')


def test_rows_are_padded_with_an_id_that_no_word_has(tokenizer):
    ids = tokenize_classes(tokenizer, ['!', 'apple'], 5, 'a context')
    assert ids.shape == (2, 5)
    # '!' has the id 0 in CLIP's vocabulary before a full stop: a padding of 0 would lose it.
    assert ids[1].tolist() == tokenizer.encode('apple.') + [PAD] * 3
    assert unpad(ids) == [tokenizer.encode('!.'), tokenizer.encode('apple.')]


def test_name_that_does_not_fit_is_named(tokenizer):
    room = 'a context of 6 tokens'
    tokenize_classes(tokenizer, ['one two three'], 4, room)
    with pytest.raises(ValueError, match=f"'one two three four' is too long.*{room}"):
        tokenize_classes(tokenizer, ['apple', 'one two three four'], 4, room)
