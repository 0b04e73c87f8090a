"""Mistakes in a plan that no run would complain about, and that would make a false table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deft_mm.comparison.plan import PlannedRun

# What the comparison sets itself, and where it takes it from.
_OWN_KEYS = {
    'randomness.seed': 'give `seeds`, or --seeds',
    'work_dir': 'give --work-dir',
    'resume': 'interrupted runs are resumed anyway',
    'launcher': 'give --launcher, or --gpus',
}


def check_own_keys(keys: Iterable[str]) -> None:
    """Refuse overrides of what the comparison sets itself.

    Args:
        keys (Iterable[str]): Dotted keys.

    Raises:
        ValueError: If there is such a key.
    """
    for key in keys:
        remedy = _OWN_KEYS.get(key.removesuffix('?').removeprefix('+'))
        if remedy is not None:
            raise ValueError(f'The comparison sets {key!r} of each run itself: {remedy}.')


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
    made_of: dict[str, set] = {}
    for run in runs:
        parts = (run.setting.method, run.config, run.seed, run.seedless_digest)
        made_of.setdefault(run.setting.variant, set()).add(parts)
    first: dict[frozenset, str] = {}
    for variant, parts in made_of.items():
        other = first.setdefault(frozenset(parts), variant)
        if other != variant:
            raise ValueError(
                f'The variants {other!r} and {variant!r} make the same runs: their overrides leave '
                'every config as it is, or are the same.'
            )
