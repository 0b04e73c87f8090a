"""A value of another type, for every argument of every registered class."""

import typing
from collections.abc import Sequence
from types import NoneType, UnionType

import pytest

from deft_mm.engine.config_readers import REGISTRIES, arguments_of
from mistakes.rows import DIGITS

# Where a class of a registry stands in a config.
PLACES = {
    'dataset': 'train_dataloader.dataset',
    'hook': 'custom_hooks.0',
    'model': 'model.detector.head',
    'batch augment': 'val_dataloader.dataset.pipeline.0',
    'transform': 'val_dataloader.dataset.pipeline.0',
    'task util': 'default_hooks.noise_filter.selector',
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


def config_text(place: str, part: dict) -> str:
    """A config file with a dict at a place, in place of what the base has there."""
    keys = place.split('.')
    value: object = {'_delete_': True, **part}
    for key in reversed(keys[1:]):
        value = [part] if key.isdigit() else {key: value}
    return f'_base_ = {str(DIGITS)!r}\n{keys[0]} = {value!r}\n'


@pytest.mark.parametrize('mistake', list(mistakes()))
def test_value_of_another_type(mistake, ends_with):
    place, class_, name, value, words = mistake

    def command(folder):
        (folder / 'mine.py').write_text(config_text(place, {'type': class_, name: value}))
        return ['train.py', 'mine.py', '--work-dir', 'run']

    key = f'{place}.{name}={value!r}: {name} of '.replace('.', r'\.')
    for special in '[]{}':
        key = key.replace(special, f'\\{special}')
    ends_with(command, rf'^train\.py: {key}\w+ takes {words}')
