"""Mistakes in a plan that no run would complain about, and that would make a false table."""

from __future__ import annotations

import difflib
import inspect
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mmengine.runner import Runner

if TYPE_CHECKING:
    from deft_mm.comparison.plan import PlannedRun

# What a config may have at the top beside the arguments of MMEngine's runner.
_MORE_KEYS = ('compile', 'custom_imports')
# What the comparison sets itself, and where it takes it from.
_OWN_KEYS = {
    'randomness.seed': 'give `seeds`, or --seeds',
    'work_dir': 'give --work-dir',
    'resume': 'interrupted runs are resumed anyway',
    'launcher': 'give --launcher, or --gpus',
}


def check_known_keys(keys: Iterable[str], config: Mapping[str, Any], path: str) -> None:
    """Refuse overrides without an effect: of keys that the comparison sets, and of top-level keys
    that nothing reads, which MMEngine would add silently.

    Args:
        keys (Iterable[str]): Dotted keys, with or without '?'.
        config (Mapping[str, Any]): The config, before the overrides.
        path (str): Its path, for the error.

    Raises:
        ValueError: If there is such a key.
    """
    known = {*config, *inspect.signature(Runner.__init__).parameters, *_MORE_KEYS} - {'self'}
    for key in keys:
        if key.removesuffix('?') in _OWN_KEYS:
            remedy = _OWN_KEYS[key.removesuffix('?')]
            raise ValueError(f'The comparison sets {key!r} of each run itself: {remedy}.')
        top = key.removesuffix('?').partition('.')[0]
        if top not in known and not key.endswith('?'):
            close = difflib.get_close_matches(top, known, 1)
            hint = f', is it {close[0]!r}?' if close else '.'
            raise ValueError(
                f"The override {key!r} changes nothing: '{path}' has no key {top!r}{hint}"
            )


def check_folders(runs: Sequence[PlannedRun]) -> None:
    """Refuse two runs in one folder.

    Args:
        runs (Sequence[PlannedRun]): All runs of a plan.

    Raises:
        ValueError: If there are such runs.
    """
    repeated = [name for name, n in Counter(run.name for run in runs).items() if n > 1]
    if repeated:
        raise ValueError(
            f'Two runs of the comparison have the same folder, {repeated[0]}: give the configs '
            'different names, or each seed once.'
        )


def check_optional_keys(keys: Iterable[str], runs: Sequence[PlannedRun], where: str) -> None:
    """Refuse a key with '?' that none of the configs has.

    Args:
        keys (Iterable[str]): Dotted keys; those without '?' are left alone.
        runs (Sequence[PlannedRun]): The runs that they were meant for.
        where (str): Their place in the plan, for the error.

    Raises:
        ValueError: If there is such a key.
    """
    for key in keys:
        name = key.removesuffix('?')
        used = any(argument.startswith(f'{name}=') for run in runs for argument in run.arguments)
        if key != name and not used:
            raise ValueError(f'{where}: none of the configs has {name!r}, so {key!r} does nothing.')


def check_variants_differ(runs: Sequence[PlannedRun]) -> None:
    """Refuse two variants that are the same for every method.

    Args:
        runs (Sequence[PlannedRun]): All runs of a plan.

    Raises:
        ValueError: If there are such variants.
    """
    digests: dict[str, set] = {}
    for run in runs:
        made_of = (run.setting.method, run.config, run.seed, run.seedless_digest)
        digests.setdefault(run.setting.variant, set()).add(made_of)
    first: dict[frozenset, str] = {}
    for variant, made_of in digests.items():
        other = first.setdefault(frozenset(made_of), variant)
        if other != variant:
            raise ValueError(
                f'The variants {other!r} and {variant!r} make the same runs: their overrides leave '
                'every config as it is, or are the same.'
            )
