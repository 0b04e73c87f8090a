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
from mmengine.hooks import CheckpointHook
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
from mmengine.utils.dl_utils import set_multi_processing
from mmpretrain.engine import VisualizationHook
from mmpretrain.models import ClsDataPreprocessor
from mmpretrain.visualization import UniversalVisualizer
from torch import nn
from torch.distributed import init_process_group
from torch.nn.utils import clip_grad_norm_, clip_grad_value_
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


def _dataloader(num_batch_per_epoch: int | None = None) -> None:
    """What MMEngine's runner reads of a dataloader's settings."""


def _paramwise_cfg(
    custom_keys: dict | None = None,
    bias_lr_mult: float | None = None,
    bias_decay_mult: float | None = None,
    norm_decay_mult: float | None = None,
    dwconv_decay_mult: float | None = None,
    flat_decay_mult: float | None = None,
    dcn_offset_lr_mult: float | None = None,
    bypass_duplicate: bool = False,
    layer_decay_rate: float = 1.0,
) -> None:
    """What the constructors of optimiser wrappers below read of ``paramwise_cfg``."""


def _multipliers(lr_mult: float | None = None, decay_mult: float | None = None) -> None:
    """What they read of a dict in ``custom_keys``, beside the optimiser's own arguments."""


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
_CONSTRUCTORS = (
    'DefaultOptimWrapperConstructor',
    'LearningRateDecayOptimWrapperConstructor',
    'StageOptimWrapperConstructor',
)
# Optimisers that read no more than their arguments, and what stands beside these.
_KNOWN = ('torch.optim', __name__)
_LOADER_KEYS = ('dataset', 'worker_init_fn')
_HOOKS = ('runtime_info', 'timer', 'sampler_seed', 'logger', 'param_scheduler', 'checkpoint')
# What takes the keys of a part of the config that needs no `type`: callables, and keys beside.
_PARTS: dict[str, tuple[tuple[Callable, ...], tuple[str, ...]]] = {
    **dict.fromkeys(DATALOADERS, ((DataLoader, _dataloader), _LOADER_KEYS)),
    'train_cfg': ((EpochBasedTrainLoop, IterBasedTrainLoop), ('by_epoch',)),
    'val_cfg': ((ValLoop,), ()),
    'test_cfg': ((TestLoop,), ()),
    'optim_wrapper': ((OptimWrapper, AmpOptimWrapper), _WRAPPER_KEYS),
    'optim_wrapper.clip_grad': ((clip_grad_norm_,), ()),
    'optim_wrapper.paramwise_cfg': ((_paramwise_cfg,), ()),
    'param_scheduler': ((), STAGES),
    'randomness': ((set_random_seed,), ()),
    'log_processor': ((LogProcessor,), ()),
    'data_preprocessor': ((ClsDataPreprocessor,), ()),
    'auto_scale_lr': ((_scaled_lr,), ()),
    'env_cfg': ((_environment,), ()),
    'env_cfg.mp_cfg': ((set_multi_processing,), ()),
    'env_cfg.dist_cfg': ((init_process_group,), ('init_backend', 'port')),
}
# Classes that keep their ``**kwargs`` and hand them on late, or never, and to what: nothing is left
# to be given to Runner.save_checkpoint.
_TAKES_KEPT: dict[Callable, tuple[Callable, ...]] = {
    CheckpointHook: (),
    VisualizationHook: (UniversalVisualizer.visualize_cls,),
}
# Types that are missing, or not all that is documented.
_TYPES = {(LogProcessor, 'window_size'): int, (clip_grad_norm_, 'norm_type'): float | str}


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
    keys: Sequence[str], part: Mapping, cfg: Mapping
) -> tuple[tuple[Callable, ...], tuple[str, ...]] | None:
    """What reads the keys of a dict of a config.

    Args:
        keys (Sequence[str]): The parts of its dotted key.
        part (Mapping): The dict.
        cfg (Mapping): The config.

    Returns:
        tuple, optional: The callables whose arguments the keys are, of which any may be meant, and
        the keys that are read beside. None if that can't be told.
    """
    if list(keys) == ['default_hooks']:
        return (), (*(name for name, hook in part.items() if 'type' in (hook or ())), *_HOOKS)
    if len(keys) > 1 and keys[-1] == 'limits':
        return (SelectionLimits,), ()
    is_optim = keys[0] == 'optim_wrapper'
    # Each stage has what the whole has.
    place = '.'.join(key for key in keys if not (is_optim and key in STAGES))
    callables, names = _PARTS.get(place, ((), ()))
    in_custom_keys = place.startswith('optim_wrapper.paramwise_cfg.custom_keys.')
    if in_custom_keys or (is_optim and place in _PARTS):
        if _has_own_constructor(cfg[keys[0]]):
            return None
        if part.get('constructor') == 'StageOptimWrapperConstructor':
            names += STAGES
    if in_custom_keys:
        callables = (_multipliers, *_optimizers(cfg['optim_wrapper']))
        if not all(callable_.__module__.startswith(_KNOWN) for callable_ in callables):
            return None  # an optimiser may read more of its groups: LARS has lars_exclude
    if place == 'optim_wrapper.clip_grad' and part.get('type') == 'value':
        callables = (clip_grad_value_,)
    type_ = class_in(keys[-1], part)
    found = tuple(registered(type_))
    if type_ is not None:
        # Of a type that there is not, the run itself tells.
        return (found, (*names, *BUILDERS_KEYS)) if found else None
    return (callables, (*names, *BUILDERS_KEYS)) if callables or names else None


def _has_own_constructor(optim_wrapper: Mapping) -> bool:
    """Whether a constructor of the user's own, of whatever keys, makes a wrapper."""
    named = (part.get('constructor') for part in _wrappers(optim_wrapper))
    return any(name is not None and name not in _CONSTRUCTORS for name in named)


def _optimizers(optim_wrapper: Mapping) -> Iterable[Callable]:
    """The classes of the optimisers of all stages."""
    for part in _wrappers(optim_wrapper):
        yield from registered((part.get('optimizer') or {}).get('type'))


def _wrappers(optim_wrapper: Mapping) -> list[Mapping]:
    """The settings of all stages, and of each."""
    parts = (optim_wrapper, *map(optim_wrapper.get, STAGES))
    return [part for part in parts if isinstance(part, Mapping)]


def class_in(key: str, part: Mapping) -> Any:
    """The ``type`` of a dict of a config; None for that of ``clip_grad``, which is no class."""
    return None if key == 'clip_grad' else part.get('type')


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


def keeps_keywords(callable_: Callable) -> bool:
    """Whether a class refuses no name itself, although it is known which it can take."""
    return callable_ in _TAKES_KEPT


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
            for function in _TAKES_KEPT.get(class_, ()):
                _add_arguments(function, class_, arguments)
            return arguments, keeps_keywords(class_)
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
            type_ = _TYPES.get((owner, found.name), hints.get(found.name, Any))
            argument = Argument(owner, type_, found.default)
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
