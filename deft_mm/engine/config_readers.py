"""Who reads a dict of a config: the class or function that its keys are the arguments of."""

from __future__ import annotations

import ast
import contextlib
import inspect
import textwrap
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import mmengine.registry
import mmpretrain.registry
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

from deft_mm.engine.config_walk import DATALOADERS
from deft_mm.models.algorithms.deft import STAGES
from deft_mm.selection import SelectionLimits


def _environment(
    cudnn_benchmark: bool | int = False,
    mp_cfg: dict | None = None,
    dist_cfg: dict | None = None,
    resource_limit: int = 4096,
    tf32: bool = True,
) -> None:
    """What MMEngine and ``RunSettingsHook`` read of ``env_cfg``."""


def _scaled_lr(enable: bool = False, base_batch_size: int | None = None) -> None:
    """What MMEngine reads of ``auto_scale_lr``."""


REGISTRIES = [
    value
    for module in (mmpretrain.registry, mmengine.registry)
    for value in vars(module).values()
    if isinstance(value, Registry)
]
# Arguments of MMEngine's runner, and what it, the tools or our hooks read beside them.
TOP_KEYS = {
    *(set(inspect.signature(Runner.__init__).parameters) - {'self', 'cfg'}),
    *('activation_checkpointing', 'compile', 'custom_imports', 'efficient_conv_bn_eval'),
    *('find_unused_parameters', 'model_wrapper_cfg', 'runner_type', 'sync_bn'),
    *('tta_model', 'tta_pipeline'),
}
# Taken out of a dict by what builds the object.
BUILDERS_KEYS = ('type', '_scope_', '_delete_', 'priority', 'convert_to_iter_based')
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
    'auto_scale_lr': ((_scaled_lr,), ()),
    'env_cfg': ((_environment,), ()),
}


@dataclass(frozen=True)
class Argument:
    """An argument of a class or function.

    Args:
        owner (Callable): The function, of a class the one in whose ``__init__`` it stands.
        annotation: Its type; ``Any`` where it has none.
        default: Its default; ``inspect.Parameter.empty`` without one.
    """

    owner: Callable
    annotation: Any = Any
    default: Any = inspect.Parameter.empty


def readers_of(
    keys: Sequence[str], part: Mapping
) -> tuple[tuple[Callable, ...], tuple[str, ...]] | None:
    """What reads the keys of a dict of a config.

    Args:
        keys (Sequence[str]): The parts of its dotted key.
        part (Mapping): The dict.

    Returns:
        tuple, optional: The callables whose arguments the keys are, of which any may be meant, and
        the keys that are read beside. None if that can't be told.
    """
    if list(keys) == ['default_hooks']:
        return (), (*(name for name, hook in part.items() if 'type' in (hook or ())), *_HOOKS)
    callables, names = _PARTS.get(keys[0], ((), ())) if len(keys) == 1 else ((), ())
    if len(keys) > 1 and keys[-1] == 'limits':
        return (SelectionLimits,), ()
    if keys[0] == 'optim_wrapper':
        if 'constructor' in part:
            if part['constructor'] != 'StageOptimWrapperConstructor':
                return None
            names += STAGES
        elif len(keys) == 2 and keys[1] in STAGES:
            callables, names = _PARTS['optim_wrapper']
    found = tuple(registered(part.get('type')))
    if part.get('type') is not None:
        # Of a type that there is not, the run itself tells.
        return (found, (*names, *BUILDERS_KEYS)) if found else None
    return (callables, (*names, *BUILDERS_KEYS)) if callables or names else None


def registered(type_: Any) -> Iterable[Callable]:
    """What a ``type`` stands for, in any registry.

    Args:
        type_ (str | Callable, optional): A registered name, or what it would stand for.

    Returns:
        Iterable[Callable]: The classes and functions of this name.
    """
    if not isinstance(type_, str):
        return [] if type_ is None else [type_]
    for registry in REGISTRIES:
        registry.import_from_location()
    # get() takes a hundred times as long; it finds 'mmdet.ClassName' and 'module.ClassName', too.
    find = Registry.get if '.' in type_ else lambda registry, name: registry.module_dict.get(name)
    found = (find(registry, type_) for registry in REGISTRIES)
    return dict.fromkeys(callable_ for callable_ in found if callable_ is not None)


def taken_by(callable_: Callable) -> set[str] | None:
    """Names of the arguments that a class or function takes.

    Args:
        callable_ (Callable): A class or function.

    Returns:
        set[str], optional: The names; None if any name may be fine, since ``**kwargs`` go where
        that can't be seen.
    """
    arguments, complete = arguments_of(callable_)
    return set(arguments) if complete else None


@cache
def arguments_of(callable_: Callable) -> tuple[dict[str, Argument], bool]:
    """The arguments that a class or function takes.

    ``**kwargs`` that ``__init__`` hands on to the next class's are looked up there.

    Args:
        callable_ (Callable): A class or function.

    Returns:
        tuple[dict[str, Argument], bool]: The arguments by name, and whether these are all.
    """
    arguments: dict[str, Argument] = {}
    if not inspect.isclass(callable_):
        return arguments, _add_arguments(callable_, callable_, arguments) is None
    for class_ in callable_.__mro__:
        init = vars(class_).get('__init__')
        if class_ in (object, nn.Module):  # neither takes keywords
            return arguments, True
        if init is None:
            continue
        kwargs = _add_arguments(init, class_, arguments)
        if kwargs is None:
            return arguments, True
        handed_on, taken_out = _uses(init, kwargs)
        if not handed_on:
            return arguments, False
        for name in taken_out:
            arguments.setdefault(name, Argument(class_))
    return arguments, True


def _add_arguments(
    function: Callable, owner: Callable, arguments: dict[str, Argument]
) -> str | None:
    """Add a function's arguments; return the name of its ``**kwargs``, if any."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # of C
        return '**'
    hints = _hints(function)
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    for found in parameters:
        if found.kind in kinds and found.name != 'self':
            argument = Argument(owner, hints.get(found.name, Any), found.default)
            arguments.setdefault(found.name, argument)
    return next((p.name for p in parameters if p.kind is inspect.Parameter.VAR_KEYWORD), None)


def _hints(function: Callable) -> dict[str, Any]:
    """The types of a function's arguments, of those that can be told."""
    hints = {}
    for name, annotation in getattr(function, '__annotations__', {}).items():
        one = types.SimpleNamespace(__annotations__={name: annotation})
        # A name may be there for type checkers only, or the syntax be a newer Python's.
        with contextlib.suppress(Exception):
            hints |= typing.get_type_hints(one, getattr(function, '__globals__', {}))
    return hints


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
