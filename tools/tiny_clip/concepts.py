"""The things that the tiny CLIP learns to name: digits, letters and shapes."""

from __future__ import annotations

import string
from dataclasses import dataclass

DIGIT_WORDS = (
    'zero',
    'one',
    'two',
    'three',
    'four',
    'five',
    'six',
    'seven',
    'eight',
    'nine',
)

SHAPE_NAMES = (
    'circle',
    'square',
    'triangle',
    'star',
    'cross',
    'plus',
    'heart',
    'diamond',
    'arrow',
    'hexagon',
    'crescent',
    'zigzag',
    'spiral',
    'wave',
    'house',
    'grid',
)


@dataclass(frozen=True)
class Concept:
    """One class of drawings.

    Attributes:
        kind: `digit`, `letter` or `shape`.
        symbol: what is drawn: a digit character, a lower-case letter, or a shape's name.
        name: what the class is called in a prompt such as "a photo of a {}.".
    """

    kind: str
    symbol: str
    name: str


CONCEPTS: tuple[Concept, ...] = (
    *(Concept('digit', str(value), word) for value, word in enumerate(DIGIT_WORDS)),
    *(Concept('letter', letter, f'letter {letter}') for letter in string.ascii_lowercase),
    *(Concept('shape', shape, shape) for shape in SHAPE_NAMES),
)

# Drawings are shared out over kinds first, else the 26 letters would take half of them.
KIND_SHARES = {'digit': 0.35, 'letter': 0.35, 'shape': 0.30}


def concept_probabilities() -> list[float]:
    """How often each concept is drawn; one number per entry of `CONCEPTS`, summing to 1."""
    counts = {kind: sum(c.kind == kind for c in CONCEPTS) for kind in KIND_SHARES}
    return [KIND_SHARES[concept.kind] / counts[concept.kind] for concept in CONCEPTS]


def concept_indices(kind: str) -> list[int]:
    """Positions in `CONCEPTS` of one kind, in order."""
    return [index for index, concept in enumerate(CONCEPTS) if concept.kind == kind]
