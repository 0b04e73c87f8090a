"""Which keys of a config somebody reads, so that an override of another one is no silent nothing.

A key is read if the config has it already, or the class that its dict is the arguments of takes it.
Where that can't be told, as with dicts that a class takes as they are, it counts as read.
"""

from __future__ import annotations

import ast
import copy
import difflib
import inspect
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import mmpretrain.registry
from mmengine.config import Config
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from mmengine.registry import Registry
from mmengine.runner import (
    EpochBasedTrainLoop,
    IterBasedTrainLoop,
    LogProcessor,
    Runner,
    TestLoop,
    ValLoop,
    set_random_seed,
)
from mmpretrain.models import ClsDataPreprocessor
from torch import nn
from torch.utils.data import DataLoader

from deft_mm.engine.config_walk import DATALOADERS, datasets_in, has_key, parts_of
from deft_mm.models.algorithms.deft import STAGES

_REGISTRIES = [v for v in vars(mmpretrain.registry).values() if isinstance(v, Registry)]
# Arguments of MMEngine's runner, and what it, the tools or our hooks read beside them.
_TOP_KEYS = {
    *(set(inspect.signature(Runner.__init__).parameters) - {'self', 'cfg'}),
    *('activation_checkpointing', 'compile', 'custom_imports', 'efficient_conv_bn_eval'),
    *('find_unused_parameters', 'model_wrapper_cfg', 'runner_type', 'sync_bn'),
    *('tta_model', 'tta_pipeline'),
}
# Taken out of a dict by what builds the object.
_BUILDERS_KEYS = ('type', '_scope_', '_delete_', 'priority', 'convert_to_iter_based')
_WRAPPER_KEYS = ('constructor', 'optimizer', 'paramwise_cfg')
_LOADER_KEYS = ('dataset', 'num_batch_per_epoch', 'worker_init_fn')
_HOOKS = ('runtime_info', 'timer', 'sampler_seed', 'logger', 'param_scheduler', 'checkpoint')
# What takes the keys of a part of the config that needs no `type`: callables, and keys beside.
_PARTS: dict[str, tuple[tuple[Callable, ...], tuple[str, ...]]] = {
    **dict.fromkeys(DATALOADERS, ((DataLoader,), _LOADER_KEYS)),
    'train_cfg': ((EpochBasedTrainLoop, IterBasedTrainLoop), ('by_epoch',)),
    'val_cfg': ((ValLoop,), ()),
    'test_cfg': ((TestLoop,), ()),
    'optim_wrapper': ((OptimWrapper, AmpOptimWrapper), _WRAPPER_KEYS),
    'param_scheduler': ((), STAGES),
    'randomness': ((set_random_seed,), ()),
    'log_processor': ((LogProcessor,), ()),
    'data_preprocessor': ((ClsDataPreprocessor,), ()),
    'auto_scale_lr': ((), ('enable', 'base_batch_size')),
    'env_cfg': ((), ('cudnn_benchmark', 'mp_cfg', 'dist_cfg', 'resource_limit', 'tf32')),
}


def check_read(cfg: Config, options: Mapping[str, Any], meant: Sequence[str] = ()) -> None:
    """Refuse overrides that nothing reads.

    Args:
        cfg (Config): A config, without the overrides.
        options (Mapping[str, Any]): Values by dotted key.
        meant (Sequence[str]): Keys that are fine whatever reads them. Defaults to none.

    Raises:
        ValueError: If there is one; the message names the nearest key that is read.
    """
    content = cfg.to_dict()
    for key in options:
        _check_path(content, key, options)
    merged = Config(copy.deepcopy(content))
    merged.merge_from_dict(copy.deepcopy(dict(options)))
    for key in options:
        if key not in meant:
            _check_variable(content, key)
            _check_key(content, merged.to_dict(), key)


def taken_by(callable_: Callable) -> set[str] | None:
    """Names of the arguments that a class or function takes.

    ``**kwargs`` that ``__init__`` hands on to the next class's are looked up there.

    Args:
        callable_ (Callable): A class or function.

    Returns:
        set[str], optional: The names; None if any name may be fine, since ``**kwargs`` go where
        that can't be seen.
    """
    names: set[str] = set()
    if not inspect.isclass(callable_):
        return None if _add_names(callable_, names) else names
    for class_ in callable_.__mro__:
        init = vars(class_).get('__init__')
        if class_ in (object, nn.Module):  # neither takes keywords
            return names
        if init is None:
            continue
        kwargs = _add_names(init, names)
        if kwargs is None:
            return names
        handed_on, taken_out = _uses(init, kwargs)
        if not handed_on:
            return None
        names |= taken_out
    return names


def _check_path(cfg: Mapping, key: str, options: Mapping) -> None:
    """Refuse keys that can't be merged at all."""
    value: Any = cfg
    keys = key.split('.')
    for depth, name in enumerate(keys):
        where = '.'.join(keys[:depth])
        if isinstance(value, (list, tuple)):
            if not name.isdigit() or int(name) >= len(value):
                raise ValueError(
                    f'The override {key!r} does not fit: {where!r} is a list of {len(value)}, of '
                    f'which {name!r} is no index (they start at 0).'
                )
            value = value[int(name)]
        elif isinstance(value, Mapping):
            if options.get(f'{where}._delete_') or name not in value:
                return
            value = value[name]
        elif options.get(f'{where}._delete_') or where in options:
            return
        else:
            raise ValueError(
                f'The override {key!r} does not fit: {where!r} is {value!r} in the config, which '
                f'has no keys. {where}._delete_=True beside it puts a dict there.'
            )


def _check_variable(cfg: Mapping, key: str) -> None:
    """Refuse variables that a config has made other values of: these don't follow any more."""
    name, _, rest = key.partition('.')
    # Data sets take whole values over from there.
    if name not in cfg or name in _TOP_KEYS or not rest and name in _top_keys(cfg):
        return
    value = cfg[name]
    places = [
        place
        for place, found in parts_of(cfg)
        if place.partition('.')[0] in _TOP_KEYS
        and type(found) is type(value)
        and found == value
        and (isinstance(value, (Mapping, list, tuple)) or place.rpartition('.')[2] == name)
    ]
    if places and value not in ({}, []):
        keys = ', '.join(f'{place}.{rest}' if rest else place for place in places)
        raise ValueError(
            f'The override {key!r} changes nothing: {name!r} is a variable of the config file, and '
            f'what was made of it has its value by now. Set {keys}; +{key} if it is meant.'
        )


def _check_key(cfg: Mapping, merged: Mapping, key: str) -> None:
    """Refuse a key at the first part of it that neither is there nor is taken."""
    keys = key.split('.')
    parent: Any = merged
    for depth, name in enumerate(keys):
        if name == '_delete_':
            return
        if isinstance(parent, Mapping) and not has_key(cfg, keys[: depth + 1]):
            known = _top_keys(cfg) if depth == 0 else _known(keys[:depth], parent)
            if known is not None and name not in known:
                raise ValueError(_unknown(cfg, parent, keys, depth, known))
        parent = parent[int(name)] if isinstance(parent, (list, tuple)) else parent.get(name)
        if not isinstance(parent, (Mapping, list, tuple)):
            return


def _top_keys(cfg: Mapping) -> set[str]:
    """Keys at the top of a config that somebody reads; what data sets take over from there, too."""
    known = set(_TOP_KEYS)
    for _, dataset in datasets_in(cfg):
        known |= {k for k, v in dataset.items() if v is None or (k in cfg and v == cfg[k])}
    return known


def _known(keys: Sequence[str], part: Mapping) -> set[str] | None:
    """Names that are read in a dict of a config; None if any may be."""
    if keys == ['default_hooks']:
        built = (name for name, hook in part.items() if 'type' in (hook or ()))
        return {*built, *_HOOKS}
    callables, names = _PARTS.get(keys[0], ((), ())) if len(keys) == 1 else ((), ())
    if keys[0] == 'optim_wrapper':
        if 'constructor' in part:
            if part['constructor'] != 'StageOptimWrapperConstructor':
                return None
            names += STAGES
        elif len(keys) == 2 and keys[1] in STAGES:
            callables, names = _PARTS['optim_wrapper']
    found = tuple(_found(part.get('type')))
    callables += found
    # Of a type that there is not, the run itself tells.
    if not callables and not names or part.get('type') is not None and not found:
        return None
    taken = [taken_by(callable_) for callable_ in callables]
    if None in taken:
        return None
    return set().union(names, _BUILDERS_KEYS, *taken)


def _found(type_: Any) -> Iterable[Callable]:
    """What a `type` stands for, in any registry."""
    if not isinstance(type_, str):
        return [] if type_ is None else [type_]
    found = (registry.get(type_) for registry in _REGISTRIES)
    return dict.fromkeys(callable_ for callable_ in found if callable_ is not None)


def _unknown(cfg: Mapping, parent: Mapping, keys: list[str], depth: int, known: set[str]) -> str:
    """The sentence for a key that nothing reads, with the nearest one that is read."""
    key, name, where = '.'.join(keys), keys[depth], '.'.join(keys[:depth])
    # The same key further down, for which the way there was left out.
    places = [place for place, _ in parts_of(cfg) if place.partition('.')[0] in _TOP_KEYS]
    below = [place for place in places if place.endswith(f'.{key}')]
    below += ['.'.join([p, *keys[1:]]) for p in places if depth == 0 and p.endswith(f'.{name}')]
    siblings = {str(sibling) for sibling in parent} - {name} | known - set(_BUILDERS_KEYS)
    near = difflib.get_close_matches(name, sorted(siblings), 1, cutoff=0.5)
    hint = [*below, *('.'.join([*keys[:depth], found]) for found in near)][:1]
    what = 'the config' if not where else f"'{where}'"
    return (
        f'The override {key!r} changes nothing: {what} has no {name!r}, and nothing takes it'
        + (f'; is it {hint[0]!r}?' if hint else '.')
        + f' +{key} if it is meant.'
    )


def _add_names(function: Callable, names: set[str]) -> str | None:
    """Add a function's arguments to names; return the name of its ``**kwargs``, if any."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # of C
        return '**'
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    names |= {p.name for p in parameters if p.kind in kinds} - {'self'}
    return next((p.name for p in parameters if p.kind is inspect.Parameter.VAR_KEYWORD), None)


def _uses(init: Callable, kwargs: str) -> tuple[bool, set[str]]:
    """Whether ``**kwargs`` go to another ``__init__``, and what is taken out of them before."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(init)))
    except (OSError, TypeError, SyntaxError):
        return False, set()
    handed_on, taken_out = False, set()
    for call in ast.walk(tree):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Attribute):
            continue
        if call.func.attr == '__init__':
            passed = (keyword.value for keyword in call.keywords if keyword.arg is None)
            handed_on |= any(ast.unparse(value) == kwargs for value in passed)
        elif ast.unparse(call.func) in (f'{kwargs}.pop', f'{kwargs}.get', f'{kwargs}.setdefault'):
            taken_out.add(ast.unparse(call.args[0]).strip("'"))
    return handed_on, taken_out
