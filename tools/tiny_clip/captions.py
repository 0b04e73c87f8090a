"""Captions for the drawings.

Filler words are there for a reason: a learned prompt puts 16 context vectors in front of
the class name, so the name stands far behind the start of the text. Short captions alone
would leave the position embeddings out there at their random start.
"""

from __future__ import annotations

import numpy as np

from .concepts import CONCEPTS, Concept

PROMPT = 'a photo of a {}.'

_TEMPLATES = (
    PROMPT,
    PROMPT,
    PROMPT,
    'a photo of the {}.',
    'an image of a {}.',
    'a picture of a {}.',
    'a drawing of a {}.',
    'a sketch of the {}.',
    'a blurry photo of a {}.',
    'a low resolution photo of a {}.',
    'a handwritten {}.',
    'a printed {}.',
    'a small {} on a plain background.',
    'this is a {}.',
    'there is a {} here.',
    '{}.',
    '{}',
)

_LOOKS = (
    *('small', 'large', 'tiny', 'thin', 'thick', 'bold', 'faint', 'blurry', 'sharp', 'rough'),
    *('clean', 'dark', 'bright', 'pale', 'simple', 'plain', 'crooked', 'tilted', 'narrow'),
    *('wide', 'round', 'soft', 'clear', 'noisy', 'grey', 'white', 'black', 'painted', 'old'),
)

_MEDIA = ('photo', 'drawing', 'picture', 'image', 'sketch', 'scan', 'print', 'painting', 'sign')

_PLACES = (
    'on a white background',
    'on a black background',
    'on a sheet of paper',
    'in the middle of the page',
    'with a soft pencil',
    'with a thick pen',
    'with thin lines',
    'with some noise around it',
    'in a low resolution',
    'seen from the front',
    'written by hand',
    'drawn in a hurry',
    'made of a few strokes',
    'in the corner of a book',
    'under a bright lamp',
    'next to nothing else',
)

_FILLERS = (
    *('the', 'of', 'and', 'to', 'in', 'is', 'that', 'it', 'was', 'for', 'on', 'are', 'with'),
    *('as', 'his', 'they', 'be', 'at', 'have', 'this', 'from', 'or', 'had', 'by', 'but', 'some'),
    *('what', 'there', 'we', 'can', 'out', 'other', 'were', 'all', 'your', 'when', 'up', 'use'),
    *('word', 'how', 'said', 'an', 'each', 'she', 'which', 'do', 'their', 'time', 'if', 'will'),
    *('way', 'about', 'many', 'then', 'them', 'would', 'write', 'like', 'so', 'these', 'her'),
    *('long', 'make', 'thing', 'see', 'him', 'has', 'look', 'more', 'day', 'could', 'go'),
    *('come', 'did', 'my', 'sound', 'no', 'most', 'who', 'over', 'know', 'water', 'than'),
    *('call', 'first', 'people', 'may', 'down', 'side', 'been', 'now', 'find', 'any', 'new'),
    *('work', 'part', 'take', 'get', 'place', 'made', 'live', 'where', 'after', 'back', 'little'),
    *('only', 'year', 'came', 'show', 'every', 'good', 'me', 'give', 'our', 'under', 'name'),
)


def names(concept: Concept) -> tuple[str, ...]:
    """What a concept may be called; its own name comes first."""
    if concept.kind == 'digit':
        word, figure = concept.name, concept.symbol
        return (word, word, word, f'digit {word}', f'number {word}', figure, f'digit {figure}')
    if concept.kind == 'letter':
        letter = concept.symbol
        return (concept.name, concept.name, f'character {letter}', f'{letter} letter')
    return (concept.name, concept.name, f'{concept.name} shape', f'{concept.name} symbol')


def _pick(options: tuple[str, ...], rng: np.random.Generator, count: int) -> list[str]:
    return [options[index] for index in rng.integers(len(options), size=count)]


def write_caption(concept: Concept, rng: np.random.Generator) -> str:
    """One random caption: a template, a wordy description, or fillers before the name."""
    name = _pick(names(concept), rng, 1)[0]
    family = rng.random()
    if family < 0.4:
        return _pick(_TEMPLATES, rng, 1)[0].format(name)
    if family < 0.65:
        looks = ' '.join(_pick(_LOOKS, rng, int(rng.integers(0, 4))))
        places = ', '.join(_pick(_PLACES, rng, int(rng.integers(0, 4))))
        start = f'a {looks} {_pick(_MEDIA, rng, 1)[0]} of a {_pick(_LOOKS, rng, 1)[0]} {name}'
        return ' '.join(f'{start} {places}.'.split()).replace(' .', '.')
    fillers = _pick(_FILLERS, rng, int(rng.integers(1, 31)))
    return ' '.join([*fillers, name]) + '.'


def write_captions(per_concept: int, seed: int) -> list[list[str]]:
    """Captions for every concept: a list per entry of `CONCEPTS`, `per_concept` long each."""
    rng = np.random.default_rng((seed, 2))
    return [[write_caption(concept, rng) for _ in range(per_concept)] for concept in CONCEPTS]


def caption_corpus(seed: int, per_concept: int = 40, name_weight: int = 150) -> list[str]:
    """The text that the byte-pair merges are learned from: captions, and every known word.

    Names are repeated `name_weight` times, so that most become one token each.
    """
    captions = [caption for group in write_captions(per_concept, seed) for caption in group]
    own_names = [concept.name for concept in CONCEPTS] * name_weight
    return [*captions, *own_names, *_LOOKS, *_MEDIA, *_FILLERS, *_PLACES]
