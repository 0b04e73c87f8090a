"""From class names to token ids.

Shapes: C classes, L tokens of the longest text that fits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from deft_mm.class_words import words_of

# Marks unused places in a table of token ids. Not 0: that is the id of '!' in CLIP's vocabulary.
PAD = -1


def clean_class_name(name: str) -> str:
    """A class name as a prompt says it: ``'aquarium_fish'`` becomes ``'aquarium fish'``.

    Raises:
        TypeError: If ``name`` is no string.
        ValueError: If nothing is left of it.
    """
    if not isinstance(name, str):
        raise TypeError(f'class_names must be strings, but one is {name!r}: convert it with str().')
    words = words_of(name)
    if not words:
        raise ValueError(f'class_names has an empty name ({name!r}): every class needs words.')
    return words


def tokenize_classes(
    tokenizer: Any, names: Sequence[str], width: int, room: str, template: str = '{}.'
) -> Tensor:
    """Tokenise one text a class into a table of fixed width.

    Name and punctuation are tokenised as one string: ``'(bird of prey).'`` ends in the single
    token ``').'``.

    Args:
        tokenizer: A BPE tokenizer with ``encode(text) -> list of ids``.
        names (Sequence[str]): Class names, in the order of the labels.
        width (int): L, the number of tokens that a text may have (without start and end token).
        room (str): Where this number comes from, for the error message.
        template (str): The text around a name. Defaults to ``'{}.'``.

    Returns:
        Tensor: int64 of shape (C, L), padded with -1; on the CPU.

    Raises:
        ValueError: If the text of a class, which is named, has more than ``width`` tokens.
    """
    rows = []
    for name in names:
        text = template.format(clean_class_name(name))
        ids = tokenizer.encode(text)
        if len(ids) > width:
            raise ValueError(
                f'class name {name!r} is too long: {text!r} has {len(ids)} tokens, but {room} '
                f'leaves room for {width}. Shorten the name in class_names.'
            )
        rows.append(ids + [PAD] * (width - len(ids)))
    return torch.tensor(rows, dtype=torch.int64, device='cpu')


def unpad(class_token_ids: Tensor) -> list[list[int]]:
    """The rows of a table of token ids without their padding; an unset row is empty."""
    return [[token for token in row if token != PAD] for row in class_token_ids.tolist()]
