"""Names that CLIP can't tell apart, or that are none, are told before training."""

import unicodedata

import pytest

from deft_mm.datasets.own_images.class_notes import class_notes


@pytest.mark.parametrize(
    'pair',
    [
        ('cat', 'Cat'),
        ('guinea pig', 'guinea_pig'),
        ('caf\u00e9', unicodedata.normalize('NFD', 'caf\u00e9')),
        ('polar bear', 'polar\u00a0bear'),
        ('caf\u00e9', 'caf&eacute;'),
        ('ice  fox', ' ice fox'),
    ],
)
def test_names_of_the_same_words_are_told(pair):
    (note,) = class_notes(['dog', *pair], [1, 1, 1])
    assert 'as the same words' in note and 'wrong labels' in note


@pytest.mark.parametrize('name', ['nan', 'None', 'unlabeled', 'N/A', '#N/A', 'Untitled folder'])
def test_a_name_that_is_no_label_is_told_with_its_images(name):
    found = class_notes(['dog', name], [30, 7])
    assert any(f"'{name}' (7 images) looks like no label" in note for note in found)


@pytest.mark.parametrize('name', ['cat;dog', 'dog, cat', 'cat|dog|cow', 'cat/dog'])
def test_two_labels_in_a_cell_are_told(name):
    (note,) = class_notes(['cat', 'dog', name], [9, 9, 3])
    assert f"'{name}' (3 images) has the names of other classes" in note


def test_other_names_are_fine():
    assert class_notes(['cat', 'dog', 'rock, paper', 'cats and dogs', 'nanny goat'], [1] * 5) == []
