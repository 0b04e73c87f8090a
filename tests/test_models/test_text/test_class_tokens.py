"""Class names to token ids."""

from __future__ import annotations

import pytest

from deft_mm.models.clip import build_tokenizer
from deft_mm.models.text import ClassTokens, clean_class_name
from deft_mm.models.text.class_tokens import PAD, unpad


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
    bird, apple = unpad(ClassTokens(tokenizer, 12, 'a context')(['(bird of prey)', 'apple']))
    assert bird[-1:] == tokenizer.encode(').') and tokenizer.decode(bird[-1:]).strip() == ').'
    assert apple == tokenizer.encode('apple') + tokenizer.encode('.')


def test_rows_are_padded_with_an_id_that_no_word_has(tokenizer):
    ids = ClassTokens(tokenizer, 5, 'a context')(['!', 'apple'])
    assert ids.shape == (2, 5)
    # '!' has the id 0 in CLIP's vocabulary before a full stop: a padding of 0 would lose it.
    assert ids[1].tolist() == tokenizer.encode('apple.') + [PAD] * 3
    assert unpad(ids) == [tokenizer.encode('!.'), tokenizer.encode('apple.')]


def test_name_that_does_not_fit_is_named(tokenizer):
    class_tokens = ClassTokens(tokenizer, 4, 'a context of 6 tokens')
    class_tokens(['one two three'])
    with pytest.raises(ValueError, match="'one two three four' is too long.*a context of 6 tokens"):
        class_tokens(['apple', 'one two three four'])
