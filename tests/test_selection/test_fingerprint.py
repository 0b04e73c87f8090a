import json

import numpy as np
import pytest

from deft_mm.selection import Fingerprint
from tests.test_selection.selection_utils import GIVEN, NAMES, fingerprint

CHANGES = {
    'class_names': dict(class_names=NAMES[::-1]),
    'given_labels': dict(given_labels=GIVEN[::-1]),
    'images': dict(identities=list('abcde')),
}


@pytest.mark.parametrize('part', CHANGES)
def test_difference_is_named_with_its_likely_cause(part):
    one, two = fingerprint(), fingerprint(**CHANGES[part])
    assert one.differing_parts(two) == [part]
    with pytest.raises(
        ValueError, match='^The file belongs to another data set.*Do this.$'
    ) as error:
        one.require_same(two, 'The file', hint='Do this.')
    message = str(error.value)
    assert part.replace('_', ' ') in message and getattr(one, part) in message
    one.require_same(two, 'The file', ignore=[part])


def test_another_size_is_the_only_difference_named():
    two = fingerprint(given_labels=GIVEN[:4], identities=list('abcd'))
    with pytest.raises(ValueError, match='number of samples differ .5 there, 4 here') as error:
        fingerprint().require_same(two, 'The file')
    assert 'images' not in str(error.value)


def test_equal_fingerprints_pass_and_survive_json():
    one = fingerprint(given_labels=GIVEN.astype(np.int16))
    one.require_same(fingerprint(), 'The file')
    assert Fingerprint.from_dict(json.loads(json.dumps(one.to_dict()))) == fingerprint()


@pytest.mark.parametrize(
    'parts',
    [None, {}, dict(fingerprint().to_dict(), more=1), dict(fingerprint().to_dict(), images=3)],
)
def test_wrong_parts_are_refused(parts):
    with pytest.raises(ValueError, match='fingerprint'):
        Fingerprint.from_dict(parts)


def test_names_are_not_joined_ambiguously():
    one = fingerprint(class_names=['a', 'b c'])
    assert one.differing_parts(fingerprint(class_names=['a b', 'c'])) == ['class_names']


def test_one_text_has_all_parts():
    one = fingerprint()
    assert Fingerprint.from_text(one.to_text()) == one
    for text in ('', 'a-b-c-d', '5-a-b', '5-a-b-c-d', '-5-a-b', '5' * 99 + '-a-b-c'):
        with pytest.raises(ValueError, match='a fingerprint is the num_samples'):
            Fingerprint.from_text(text)
