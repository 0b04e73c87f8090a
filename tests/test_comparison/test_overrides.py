"""Overrides reach a run as the plan has them, or not at all."""

import pytest
from mmengine.config import Config

from deft_mm.comparison.overrides import flatten, settle_optional, to_arguments
from deft_mm.engine.options import parse_options


@pytest.mark.parametrize(
    'value',
    [
        2,
        0.2,
        -1e-4,
        True,
        None,
        'SymmetricNoise',
        'a photo of a',
        [1, 2.5],
        (3,),
        [],
        [(1, 'a'), [True]],
    ],
)
def test_value_reads_back_from_the_command_line(value):
    read = parse_options(to_arguments({'a.b': value}))['a.b']
    assert repr(read) == repr(value)


@pytest.mark.parametrize('value', [' a photo', '5e-4', '1', 'None', 'a,b', '(,', {}, [{}], ['']])
def test_value_that_would_become_another_is_refused(value):
    with pytest.raises(ValueError, match=r'a\.b=.* would reach the run as another value'):
        to_arguments({'a.b': value})


def test_nested_overrides_become_dotted_keys():
    nested = {'a': {'b': {'c': 1, '_delete_': True}, 'd': 2}, 'e.f': {'g': 3}}
    assert flatten(nested) == {'a.b.c': 1, 'a.b._delete_': True, 'a.d': 2, 'e.f.g': 3}


def test_key_with_a_question_mark_counts_where_the_config_has_it():
    cfg = Config(dict(a=dict(b=1), c=[dict(d=None)]))
    options = {'a.b?': 2, 'a.x?': 3, 'c.0.d?': 4, 'c.1.d?': 5, 'a.b.z?': 6, 'new': 7}
    assert settle_optional(options, cfg) == {'a.b': 2, 'c.0.d': 4, 'new': 7}
