"""A value of another type, for every argument of every registered class.

The check of a config is called as the tools call it, before anything else; that they end as they
should is for the other tables.
"""

import re
import typing
from collections.abc import Sequence
from types import NoneType, UnionType

import pytest
from mmengine.config import Config

from deft_mm.engine.config_check import check_config
from deft_mm.engine.config_readers import REGISTRIES, arguments_of

# Where a class of a registry stands in a config.
PLACES = {
    'dataset': 'train_dataloader.dataset',
    'hook': 'custom_hooks.0',
    'model': 'model.detector.head',
    'batch augment': 'val_dataloader.dataset.pipeline.0',
    'transform': 'val_dataloader.dataset.pipeline.0',
    'task util': 'custom_hooks.0.selector',
    'model_wrapper': 'model_wrapper_cfg',
}
# What is no such value, and what the sentence says an argument takes.
WRONG = {
    int: (('ten', 1.5, True), 'an integer'),
    float: (('10%', True, [0.5]), 'a number'),
    bool: (('yes', 1), 'True or False'),
    str: ((3, ['a']), 'a text'),
    dict: ((3, ['a']), 'a dict'),
    list: ((3,), 'a list'),
    NoneType: ((), 'None'),
}
ANY = (typing.Any, Sequence[typing.Any])
WORDS = {kind: words for kind, (_, words) in WRONG.items()}


def wrong_values(annotation) -> list[tuple[object, str]]:
    """Values that an argument does not take, with the words of the sentence, as it is short."""
    is_union = typing.get_origin(annotation) in (typing.Union, UnionType)
    members = typing.get_args(annotation) if is_union else (annotation,)
    if not set(members) <= WRONG.keys():
        return [({'no': 'such'}, '')] if not _takes_dicts(annotation) else [(7.5, '')]
    words = ' or '.join(WORDS[member] for member in members)
    return [
        (value, words)
        for value in WRONG[members[0]][0]
        if type(value) not in members and not (type(value) is int and float in members)
    ]


def _takes_dicts(annotation) -> bool:
    return any(word in str(annotation) for word in ('dict', 'Mapping', 'Any', 'Callable'))


def mistakes():
    """Registry, class, argument, wrong value and what it takes."""
    classes = {
        class_: registry.name
        for registry in REGISTRIES
        for class_ in registry.module_dict.values()
        if class_.__module__.startswith('deft_mm') and registry.name in PLACES
    }
    for class_, registry in classes.items():
        for name, argument in arguments_of(class_)[0].items():
            if not argument.owner.__module__.startswith('deft_mm') or argument.annotation in ANY:
                continue
            for value, words in wrong_values(argument.annotation):
                place = PLACES[registry]
                if class_.__name__.endswith('Noise'):
                    place = 'train_dataloader.dataset.noise'
                yield pytest.param(
                    (place, class_.__name__, name, value, words),
                    id=f'{class_.__name__}.{name}={value}',
                )


def config_with(place: str, part: object) -> Config:
    """A config that has nothing but a dict at a place."""
    for key in reversed(place.split('.')):
        part = [part] if key.isdigit() else {key: part}
    return Config(part)


@pytest.mark.parametrize('mistake', list(mistakes()))
def test_value_of_another_type(mistake):
    place, class_, name, value, words = mistake
    key = re.escape(f'{place}.{name}={value!r}: {name} of ')
    with pytest.raises(TypeError, match=rf'^{key}\w+ takes {words}'):
        check_config(config_with(place, {'type': class_, name: value}))
