"""Images of one list in another one, by their paths."""

import numpy as np
import pytest

from deft_mm.selection.found_by_path import rows_by_path

KNOWN = ['/data/cat/0.png', '/data/cat/1.png', '/data/dog/0.png']


@pytest.mark.parametrize(
    ('paths', 'rows'),
    [
        (['/data/dog/0.png', '/data/cat/0.png'], [2, 0]),
        (['/moved/to/dog/0.png', '/moved/to/cat/9.png'], [2, -1]),
        (['dog/0.png', 'dog/7.png'], [2, -1]),
        (['C:\\images\\dog\\0.png'], [2]),
        # Of the same folder, and taken out of the list, all of them.
        (['/data/cat/9.png'], [-1]),
        # A folder in which most are; what lies elsewhere has another name only by accident.
        (['/x/cat/0.png', '/x/cat/1.png', '/y/dog/0.png'], [0, 1, -1]),
        # The longest name that it can be.
        (['/x/data/cat/0.png'], [0]),
        (['/other/cat/9.png'], None),
        (['0.png'], None),
        ([''], None),
        ([], []),
    ],
)
def test_images_are_found_in_the_folder_that_they_lie_in_now(paths, rows):
    found = rows_by_path(paths, KNOWN)
    assert (found if found is None else found.tolist()) == rows


@pytest.mark.parametrize(
    'known', [[], ['', ''], ['/a/0.png', '/a/0.png'], ['/a/0.png', '']], ids=str
)
def test_what_has_no_names_of_its_own_is_not_found(known):
    assert rows_by_path(['/a/0.png'], known) is None


def test_of_a_long_list_some_tell_where_it_lies():
    known = [f'/data/{i % 7}/{i}.png' for i in range(5000)]
    paths = [f'/elsewhere/{i % 7}/{i}.png' for i in range(0, 9999, 2)]
    found = rows_by_path(paths, known)
    np.testing.assert_array_equal(
        found, np.where(np.arange(5000) < 2500, np.arange(0, 9999, 2), -1)
    )
