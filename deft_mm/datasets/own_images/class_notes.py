"""What is odd about names of classes, as CLIP and people read them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from deft_mm.class_words import words_read
from deft_mm.shorten import shorten

# What people and programs write where there is no label.
_NO_LABEL = {
    *('', '-', '?', '#n/a', 'n/a', 'na', 'nan', 'nil', 'none', 'null', 'undefined', 'unknown'),
    *(
        'no label',
        'not labeled',
        'not labelled',
        'unlabeled',
        'unlabelled',
        'unsorted',
        'unassigned',
    ),
    *('todo', 'tbd', 'new folder', 'untitled folder', 'label', 'class'),
}


def class_notes(names: Sequence[str], counts: Sequence[int]) -> list[str]:
    """Look at the names of classes.

    Args:
        names (Sequence[str]): C names.
        counts (Sequence[int]): C numbers of images.

    Returns:
        list[str]: Whole sentences.
    """
    notes = []
    wordless = [name for name in names if not any(map(str.isalpha, name))]
    if wordless:
        notes.append(
            f'class names such as {wordless[0]!r} say nothing to CLIP: give words with '
            'classes=[...].'
        )
    for words, alike in _by_words(names).items():
        if len(alike) > 1:
            notes.append(
                f'CLIP reads {shorten(alike)} as the same words, {words!r}, and will take the '
                'images of all but one for wrong labels: join them, or give other names with '
                'classes=[...].'
            )
    number = dict(zip(names, counts, strict=True))
    none = [name for name in names if words_read(name) in _NO_LABEL]
    if none:
        told = ', '.join(f'{name!r} ({number[name]} images)' for name in none)
        notes.append(f'{told} looks like no label: if it is none, leave these images out.')
    for name in names:
        parts = [part.strip() for part in re.split(r'[;,|/+&]', name)]
        if len(parts) > 1 and len(set(parts) & (number.keys() - {name})) > 1:
            notes.append(
                f'{name!r} ({number[name]} images) has the names of other classes in it: images '
                'with two labels are a class of their own here. Leave them out, or choose one.'
            )
    return notes


def _by_words(names: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(words_read(name), []).append(name)
    return found
