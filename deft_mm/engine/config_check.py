"""What a config says, held against the arguments that it is for: names, types, registered classes.

A class keeps the checks of ranges, and of what goes with what: these are made when it is built.
"""

from __future__ import annotations

import collections.abc
import difflib
import fnmatch
import inspect
import types
import typing
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, Literal, Union

import numpy as np
import torch
from mmengine.config import Config
from mmengine.runner import EpochBasedTrainLoop, Runner
from torch import nn
from torch.utils.data import DataLoader
from typeguard import CollectionCheckStrategy, TypeCheckError, check_type

from deft_mm.engine.config_readers import (
    REGISTRIES,
    TOP_KEYS,
    Argument,
    arguments_of,
    class_in,
    keeps_keywords,
    readers_of,
    registered,
)
from deft_mm.engine.config_walk import DATALOADERS, parts_of
from deft_mm.engine.read_keys import known_in

_NAMES = {
    int: 'an integer',
    float: 'a number',
    bool: 'True or False',
    str: 'a text',
    types.NoneType: 'None',
    torch.Tensor: 'a tensor',
}
_SEQUENCES = (list, tuple, Sequence, Collection, Iterable)
_NUMBERS = {int, float, bool, types.NoneType}
_NO_TEXT = _NUMBERS | {dict, list, tuple, Sequence, torch.Tensor, nn.Module, DataLoader}
# Where the types of whole numbers are true; those of schedules may be parts of an epoch.
_TRUE_INTEGERS = (
    *('mmengine.dataset', 'mmengine.hooks', 'mmengine.optim.optimizer', 'mmengine.runner'),
    *('mmpretrain.datasets.base_dataset', 'torch.'),
)
_SHOWN = 80
# The least that a setting of others may be.
_LEAST = {
    '*_dataloader.batch_size': 1,
    '*_dataloader.num_workers': 0,
    '*_dataloader.num_batch_per_epoch': 1,
    '*_dataloader.prefetch_factor': 1,
    '*_dataloader.timeout': 0,
    'train_cfg.max_epochs': 1,
    'train_cfg.val_interval': 1,
    'optim_wrapper.*lr': 0,
    'optim_wrapper.*momentum': 0,
    'optim_wrapper.*weight_decay': 0,
    'optim_wrapper.*accumulative_counts': 1,
    'optim_wrapper.*clip_grad.max_norm': 0,
    'optim_wrapper.*clip_grad.clip_value': 0,
    'optim_wrapper.*_mult': 0,
    'auto_scale_lr.base_batch_size': 1,
    'default_hooks.checkpoint.save_begin': 0,
    'default_hooks.logger.interval': 1,
    'log_processor.num_digits': 0,
    'log_processor.window_size': 1,
    'randomness.seed': 0,
    '*param_scheduler*.T_max': 1,
    '*param_scheduler*.step_size': 1,
    '*data_preprocessor.std.*': 1e-6,
    '*_dataloader.*.crop_size': 1,
    '*_dataloader.*.crop_size.*': 1,
    '*_dataloader.*.scale': 1,
    '*backbone.img_size': 1,
    '*head.topk': 1,
    '*head.topk.*': 1,
    '*_evaluator*.topk': 1,
    '*_evaluator*.topk.*': 1,
}
_CHOICES = {
    'log_level': ('DEBUG', 'INFO', 'WARNING', 'ERROR', 'CRITICAL'),
    'env_cfg.mp_cfg.mp_start_method': ('fork', 'spawn', 'forkserver'),
    'optim_wrapper.*clip_grad.type': ('norm', 'value'),
}


def check_config(cfg: Config, meant: Sequence[str] = (), left_open: bool = False) -> None:
    """Refuse what no class takes: a value of another type, a misspelt key, a class there is not.

    Args:
        cfg (Config): A config.
        meant (Sequence[str]): Dotted keys that are fine whatever reads them. Defaults to none.
        left_open (bool): Whether None may stand for what is filled in later. Defaults to False.

    Raises:
        TypeError: If a value is of another type than the argument that it is for.
        ValueError: If a dict has a key that its class doesn't take, if its ``type`` is registered
            nowhere, or if a setting of MMEngine or PyTorch is too small or no choice. The message
            has the dotted key.

    Warns:
        UserWarning: Of a key at the top that nothing reads, if its name is nearly that of one
            that is read.
    """
    content = cfg.to_dict()
    _warn_of_top_keys(content, meant)
    for key, part in parts_of(content):
        if not isinstance(part, Mapping) or key.partition('.')[0] not in {*TOP_KEYS, ''}:
            continue
        keys = key.split('.') if key else []
        if key:
            _check_class(key, part)
            _check_names(key, part, content, meant)
        for name, value in part.items():
            place = f'{key}.{name}' if key else name
            if place not in meant and not (left_open and value is None):
                _check_value(place, value, list(_arguments(keys, part, content, name)))
    _check_settings(content)


def _arguments(keys: Sequence[str], part: Mapping, cfg: Mapping, name: str) -> Iterable[Argument]:
    """What a key of a dict may be for."""
    if not keys:
        callables = (Runner,) if name in TOP_KEYS else ()
    else:
        callables = (readers_of(keys, part, cfg) or ((), ()))[0]
    for callable_ in callables:
        argument = arguments_of(callable_)[0].get(name)
        if argument is not None:
            yield argument


def _check_value(key: str, value: Any, arguments: Sequence[Argument]) -> None:
    if not arguments or any(_fits(value, argument) for argument in arguments):
        return
    argument = arguments[0]
    default = argument.default
    kept = '' if default in (inspect.Parameter.empty, None) else f' ({default!r} by default)'
    shown = repr(value)
    shown = shown if len(shown) <= _SHOWN else f'{shown[: _SHOWN - 3]}...'
    raise TypeError(
        f'{key}={shown}: {key.rpartition(".")[2]} of {argument.owner.__name__.lstrip("_")} takes '
        f'{_described(argument.annotation)}{kept}.'
    )


def _fits(value: Any, argument: Argument) -> bool:
    if type(value) is type(argument.default) and value == argument.default:
        return True
    members = _members(argument.annotation)
    if Any in members or inspect.Parameter.empty in members:
        return True
    if not _is_ours(argument.owner):
        return _fits_others(value, argument.owner, members)
    kinds = {typing.get_origin(member) or member for member in members}
    if isinstance(value, bool) and not kinds & {bool, object, Literal}:
        return False
    if isinstance(value, str) and kinds <= {*_SEQUENCES, types.NoneType}:
        return False  # a text is a sequence, too
    return any(is_of(form, argument.annotation) for form in (value, _tuples(value), _lists(value)))


def _fits_others(value: Any, owner: Callable, members: Sequence[Any]) -> bool:
    """Whether a value may be of one of the types of an argument of a class of others.

    These are not always true: a list for a dict, a number for a text. No text passes for a number.
    """
    kinds = {typing.get_origin(member) or member for member in members}
    if isinstance(value, str) and kinds <= _NO_TEXT:
        return False
    if isinstance(value, float) and int in kinds and not kinds & {float, object, Any}:
        # Loops take 2.0 epochs.
        is_whole = value.is_integer() and owner.__module__ == EpochBasedTrainLoop.__module__
        return is_whole or not owner.__module__.startswith(_TRUE_INTEGERS)
    return not (isinstance(value, Mapping) and kinds <= _NUMBERS)


def is_of(value: Any, annotation: Any) -> bool:
    """Whether a value is of a type, and all that it holds.

    Args:
        value: Any value.
        annotation: A type, as annotations give it.

    Returns:
        bool: True if it is.
    """
    try:
        check_type(value, annotation, collection_check_strategy=CollectionCheckStrategy.ALL_ITEMS)
    except TypeCheckError:
        return False
    return True


def _tuples(value: Any) -> Any:
    return tuple(map(_tuples, value)) if isinstance(value, (list, tuple)) else _plain(value)


def _lists(value: Any) -> Any:
    return list(map(_lists, value)) if isinstance(value, (list, tuple)) else _plain(value)


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _members(annotation: Any) -> tuple:
    """The types that an annotation allows."""
    if typing.get_origin(annotation) in (Union, types.UnionType):
        return tuple(m for part in typing.get_args(annotation) for m in _members(part))
    return (types.NoneType if annotation is None else annotation,)


def _described(annotation: Any) -> str:
    """An annotation in words."""
    words = dict.fromkeys(_word(member) for member in _members(annotation))
    return ' or '.join(words)


def _word(member: Any) -> str:
    if member in _NAMES:
        return _NAMES[member]
    origin, arguments = typing.get_origin(member) or member, typing.get_args(member)
    if origin is Literal:
        return ' or '.join(map(repr, arguments))
    if origin in _SEQUENCES:
        inner = [_described(part) for part in arguments if part is not Ellipsis]
        if origin is tuple and Ellipsis not in arguments:
            return f'a list of {len(inner)}' + (f': {", ".join(inner)}' if inner else '')
        return f'a list, each {inner[0]}' if inner else 'a list'
    if origin in (dict, Mapping, collections.abc.Mapping):
        return 'a dict'
    return getattr(origin, '__name__', str(origin))


def _check_class(key: str, part: Mapping) -> None:
    type_ = class_in(key.rpartition('.')[2], part)
    if not isinstance(type_, str) or any(True for _ in registered(type_)):
        return
    known = sorted({name for registry in REGISTRIES for name in registry.module_dict})
    near = ' or '.join(map(repr, difflib.get_close_matches(type_, known, 3, cutoff=0.65)))
    # Other dicts have a `type` as well: the layers that LoRA adapts, for one.
    if near or not type_.islower() or key.endswith('collate_fn'):
        hint = f'Is it {near}?' if near else 'custom_imports imports what registers your own.'
        raise ValueError(f'{key}.type={type_!r}: nothing of this name is registered. {hint}')


def _check_names(key: str, part: Mapping, cfg: Mapping, meant: Sequence[str]) -> None:
    """Refuse keys that a class of ours does not take, or no reader of a part without a class.

    Classes of others refuse them themselves, but for those that what builds them takes out.
    """
    keys = key.split('.')
    known, (callables, _) = known_in(keys, part, cfg), readers_of(keys, part, cfg) or ((), ())
    class_ = class_in(keys[-1], part)
    if known is None or class_ is not None and not all(map(_tells_names, callables)):
        return
    for name in part:
        place = f'{key}.{name}'
        is_meant = any(other == place or other.startswith(f'{place}.') for other in meant)
        # None takes a hook away that a base config has.
        is_removed = key == 'default_hooks' and part[name] is None
        if name not in known and not (is_meant or is_removed):
            near = difflib.get_close_matches(str(name), sorted(known), 1, cutoff=0.5)
            reader = 'nothing reads' if class_ is None else f'{class_} does not take'
            hint = f': is it {near[0]!r}?' if near else '.'
            raise ValueError(f'{key} has the key {name!r}, which {reader}{hint}')


def _tells_names(callable_: Any) -> bool:
    """Whether it is to be told here what a class takes."""
    return _is_ours(callable_) or keeps_keywords(callable_)


def _is_ours(callable_: Any) -> bool:
    return callable_.__module__.partition('.')[0] == 'deft_mm'


def _check_settings(content: Mapping) -> None:
    """Check what MMEngine and PyTorch refuse later, and without the key, or never."""
    for key, value in parts_of(content):
        for pattern, least in _LEAST.items():
            is_number = isinstance(value, (int, float))
            if is_number and value < least and fnmatch.fnmatchcase(key, pattern):
                raise ValueError(f'{key}={value!r}: give {least} or more.')
        for pattern, choices in _CHOICES.items():
            if (
                isinstance(value, str)
                and value not in choices
                and fnmatch.fnmatchcase(key, pattern)
            ):
                raise ValueError(f'{key}={value!r}: choose one of {", ".join(choices)}.')
        _check_bound(key, value)
        _check_indices(key, value)
    for part in ('val', 'test'):
        group = [f'{part}_dataloader', f'{part}_cfg', f'{part}_evaluator']
        absent = [name for name in group if content.get(name) is None]
        if len(absent) in (1, 2):
            verb = 'is' if len(absent) == 1 else 'are'
            raise ValueError(
                f'{" and ".join(absent)} {verb} None or missing: a config has all three of '
                f'{", ".join(group)}, or None for each.'
            )


def _check_bound(key: str, value: Any) -> None:
    """A bound of gradients has a value: PyTorch misses it at the first step, of stage 2 as well."""
    if key.rpartition('.')[2] != 'clip_grad' or not isinstance(value, Mapping):
        return
    bound = 'clip_value' if value.get('type') == 'value' else 'max_norm'
    if value.get(bound) is None:
        raise ValueError(f'{key} has no {bound}: give it, or {key}=None to bound no gradient.')


def _check_indices(key: str, value: Any) -> None:
    """A data set has a sample."""
    is_none = isinstance(value, (int, list, tuple)) and not value
    if is_none and key.partition('.')[0] in DATALOADERS and key.endswith('.indices'):
        raise ValueError(
            f'{key}={value!r} leaves no sample: give the number of the first samples to take, -N '
            'for the last N, a list of their indices, or None for all.'
        )


def _warn_of_top_keys(content: Mapping, meant: Sequence[str]) -> None:
    """Warn of keys that are nearly those of the runner; variables of a config may have any name."""
    used = [found for place, found in parts_of(content) if place.partition('.')[0] in TOP_KEYS]
    readers = TOP_KEYS - {'tta_pipeline', 'tta_model'}  # test_pipeline is a variable
    for name in set(content) - TOP_KEYS - set(meant):
        near = difflib.get_close_matches(name, sorted(readers), 1, cutoff=0.8)
        if near and content[name] not in used:
            warnings.warn(f'Nothing reads {name!r} of the config: is it {near[0]!r}?', stacklevel=2)
