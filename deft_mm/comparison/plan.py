"""What is compared: configs, variants of them, and seeds."""

from __future__ import annotations

import copy
import glob
import inspect
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from mmengine.config import Config
from mmpretrain.registry import TASK_UTILS

from deft_mm.comparison.identity import config_digest
from deft_mm.comparison.overrides import flatten, settle_optional, to_arguments
from deft_mm.comparison.run_setting import RunSetting, method_name
from deft_mm.engine.config_check import is_of
from deft_mm.engine.config_walk import datasets_in
from deft_mm.engine.launch import config_of_file
from deft_mm.engine.options import merge_options
from deft_mm.user_file import read_bytes

# What the keys of a plan take, and those of a method in it.
_Seeds = int | list[int]
_Overrides = Mapping[Any, Any] | None
_KEYS = dict(
    configs=(
        list[str | Mapping] | Mapping[Any, str | Mapping],
        'the paths of configs, a list, or by the names of methods',
    ),
    variants=(Mapping[Any, _Overrides] | None, 'overrides by the name of the variant'),
    seeds=(_Seeds, 'a number from 0 on, or a list of these'),
    overrides=(_Overrides, 'values by dotted key'),
)
_METHOD_KEYS = dict(config=(str, 'a path'), seeds=_KEYS['seeds'], overrides=_KEYS['overrides'])
# How many values a plan may have: far more than anybody can run.
_MOST = 1_000_000
# What the comparison sets itself, and where it takes it from.
_OWN_KEYS = {
    'randomness.seed': 'give `seeds`, or --seeds',
    'work_dir': 'give --work-dir',
    'resume': 'interrupted runs are resumed anyway',
    'launcher': 'give --launcher, or --gpus',
}
_TRAINING = ('train_dataloader',)


class _Loader(getattr(yaml, 'CSafeLoader', yaml.SafeLoader)):  # that of C also takes {a?: 1}
    """Refuses a key that stands twice, of which YAML's own take the last value."""

    def construct_document(self, node: yaml.Node) -> Any:
        _check_nodes(node)
        return super().construct_document(node)


@dataclass(frozen=True)
class PlannedRun:
    """One run: a config with its overrides and a seed.

    Args:
        name (str): Its folder in the work directory, such as 'ce_digits_sym40-sym20/seed0'.
        setting (RunSetting): Method, data, noise, variant.
        seed (int): Of training, and of the noise where it is drawn anew.
        config (str): Path of the config file.
        arguments (Sequence[str]): What ``--cfg-options`` gets.
        cfg (Config): The config, everything merged.
        seedless_digest (str): Digest of the config without the seed.
    """

    name: str
    setting: RunSetting
    seed: int
    config: str
    arguments: Sequence[str]
    cfg: Config
    seedless_digest: str


@dataclass(frozen=True)
class _Method:
    name: str
    config: str
    seeds: Sequence[int]
    overrides: dict[str, Any]


def plan_runs(
    configs: Sequence[str | Mapping] | Mapping[str, Any],
    seeds: Sequence[int] = (0,),
    variants: Mapping[str, Mapping | None] | None = None,
    overrides: Mapping[str, Any] | None = None,
    folder: str | Path = '.',
    only_seeds: Sequence[int] | None = None,
) -> list[PlannedRun]:
    """Plan every config in every variant with every seed.

    A seed is that of training and, where the config draws the noise anew in each run, of the noise,
    unless an override sets the noise's seed. A config with a ``noise_file`` has labels that were
    drawn once, as the paper has instance-dependent noise: all its runs have them, with the seed of
    the config. A variant with another noise draws its own, with that seed and without the file.
    ``noise_file: null`` in the overrides draws it with the run's seed.

    Args:
        configs (Sequence | Mapping): Paths or globs of configs, called after the method in the
            file's name; or the path by the method's name. In place of a path there may be a dict
            with the keys ``config``, ``seeds`` and ``overrides``, the latter for this method alone.
        seeds (Sequence[int]): For all methods that don't say themselves. Defaults to (0,).
        variants (Mapping, optional): Overrides by the variant's name. None is the configs as they
            are. Defaults to None.
        overrides (Mapping, optional): Overrides for all runs, see
            :mod:`deft_mm.comparison.overrides`. Defaults to None.
        folder (str | Path): What paths are relative to. Defaults to '.'.
        only_seeds (Sequence[int], optional): In place of all seeds, a method's own, too. Defaults
            to None.

    Returns:
        list[PlannedRun]: First all of the first seed, so that a whole table is there early.

    Raises:
        FileNotFoundError: If a path or glob finds no config.
        ValueError: If something else is wrong with the plan, such as two runs in one folder, two
            variants that are the same, or an override that changes nothing; the message names it.
    """
    variants = _checked_variants({'': {}} if variants is None else variants)
    overrides = flatten(overrides or {})
    methods = list(_methods(configs, _checked_seeds(seeds), Path(folder)))
    if only_seeds is not None:
        methods = [replace(method, seeds=_checked_seeds(only_seeds)) for method in methods]
    stems = Counter(Path(method.config).stem for method in methods)
    bases = {method.config: config_of_file(method.config) for method in methods}
    ranked = []
    for label, variant in variants.items():
        for method in methods:
            name = Path(method.config).stem
            name += '' if stems[name] == 1 else f'-{_slug(method.name)}'
            name += f'-{label}' if label else ''
            options = {**overrides, **variant, **method.overrides}
            ranked += enumerate(_runs_of(method, label, name, bases[method.config], options))
    runs = [run for _, run in sorted(ranked, key=lambda pair: pair[0])]
    _check_folders(runs)
    _check_optional_keys(overrides, runs, 'overrides')
    for label, variant in variants.items():
        in_variant = [run for run in runs if run.setting.variant == label]
        _check_optional_keys(variant, in_variant, f'variants[{label!r}]')
    for method in methods:
        of_method = [run for run in runs if run.setting.method == method.name]
        _check_optional_keys(method.overrides, of_method, f'configs[{method.name!r}].overrides')
    _check_variants_differ(runs)
    return runs


def read_plan(
    path: str | Path,
    seeds: Sequence[int] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> list[PlannedRun]:
    """Read a plan: YAML or JSON, with arguments of :func:`plan_runs` as keys. It runs no code.

    Example:

        .. code:: yaml

            # Paths are relative to this file.
            configs:
              CE: {config: ../ce/ce_digits_sym40.py, seeds: [0, 1, 2, 3, 4]}
              small-loss: ../small_loss/small_loss_digits_sym40.py
            seeds: [0, 1, 2]
            variants:
              sym20:
                train_dataloader.dataset.noise.ratio: 0.2
                model.head.loss.noise_ratio?: 0.2

    Args:
        path (str | Path): The file.
        seeds (Sequence[int], optional): In place of all seeds of the plan. Defaults to None.
        overrides (Mapping, optional): On top of the plan's. Defaults to None.

    Returns:
        list[PlannedRun]: As :func:`plan_runs` plans them.

    Raises:
        FileNotFoundError: If there is no such file, or no config that it names.
        ValueError: If it can't be read, has a key twice, lacks ``configs``, has other keys, or is
            refused by :func:`plan_runs`.
        TypeError: If a value is of another type than its key takes.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"The plan '{path}' does not exist.")
    try:  # tags that make objects, or call functions, are refused
        content = yaml.load(read_bytes(path), Loader=_Loader)  # JSON is YAML, too
    except (yaml.YAMLError, ValueError) as error:  # the latter of a date that there is not, too
        problem = ' '.join(str(error).split())
        raise ValueError(f"The plan '{path}' can't be read: {problem}") from error
    except RecursionError as error:
        raise ValueError(f"The plan '{path}' can't be read: it is nested too deep.") from error
    if not isinstance(content, dict):
        raise ValueError(f"The plan '{path}' has no keys: it needs `configs`, a list of configs.")
    unknown = sorted(set(content) - set(_KEYS), key=str)
    if unknown or 'configs' not in content:
        what = f'unknown key {unknown[0]!r}' if unknown else 'there is no `configs`'
        raise ValueError(f'{path}: {what}; a plan has the keys {", ".join(_KEYS)}.')
    _check_types(content, _KEYS, f'{path}: ')
    entries = content['configs']
    named = entries.items() if isinstance(entries, Mapping) else enumerate(entries)
    for name, entry in named:
        entry = entry if isinstance(entry, Mapping) else dict(config=entry)
        _check_types(entry, _METHOD_KEYS, f'{path}: configs[{name!r}].')
    content['overrides'] = {**flatten(content.get('overrides') or {}), **(overrides or {})}
    return plan_runs(**content, folder=Path(path).parent, only_seeds=seeds)


def _check_nodes(
    node: yaml.Node, outer: tuple[yaml.Node, ...] = (), sizes: dict[int, int] | None = None
) -> int:
    """Refuse a key that stands twice in a mapping, and an alias within what it stands for.

    Nor may aliases of aliases stand for more than memory holds; each is looked at once. Returns how
    many values a node has, with its aliases written out.
    """
    sizes = {} if sizes is None else sizes
    if id(node) in sizes:
        return sizes[id(node)]
    problem, parts = None, node.value if isinstance(node, yaml.CollectionNode) else ()
    if node in outer:
        problem = 'an alias stands within what it stands for'
    elif isinstance(node, yaml.MappingNode):
        names = [(key.tag, key.value) for key, _ in parts if isinstance(key, yaml.ScalarNode)]
        twice = [name for (_, name), count in Counter(names).items() if count > 1]
        problem = f'the key {twice[0]!r} stands twice in a mapping' if twice else None
        parts = [part for pair in parts for part in pair]
    if not problem:
        size = 1 + sum(_check_nodes(part, (*outer, node), sizes) for part in parts)
        problem = f'its aliases stand for more than {_MOST:,} values' if size > _MOST else None
    if problem:
        raise yaml.constructor.ConstructorError(problem=problem, problem_mark=node.start_mark)
    sizes[id(node)] = size
    return size


def _check_types(content: Mapping, types: Mapping[str, tuple], where: str) -> None:
    for key, (type_, words) in types.items():
        if key in content and not is_of(content[key], type_):
            raise TypeError(f'{where}{key} is {content[key]!r}: give {words}.')


def is_plan(path: str | Path) -> bool:
    """Whether a file is a plan, YAML or JSON, not the config of a run."""
    return Path(path).suffix in ('.yml', '.yaml', '.json')


def _methods(configs: Any, seeds: Sequence[int], folder: Path) -> Iterator[_Method]:
    named = configs if isinstance(configs, Mapping) else dict(enumerate(configs))
    for name, entry in named.items():
        entry = dict(entry) if isinstance(entry, Mapping) else dict(config=entry)
        if 'config' not in entry or set(entry) - set(_METHOD_KEYS):
            raise ValueError(
                f'configs[{name!r}] has the keys {sorted(entry, key=str)}: it is a path, or has '
                '`config` and, if need be, `seeds` and `overrides`.'
            )
        pattern = folder / entry['config']
        if '\0' in str(pattern):
            raise ValueError(f'configs[{name!r}] is {entry["config"]!r}: no path has a NUL in it.')
        paths = [os.path.relpath(path) for path in sorted(glob.glob(str(pattern), recursive=True))]
        if not paths:
            raise FileNotFoundError(
                f"No config '{pattern}': give the path of a config or plan that exists, or a glob "
                'that matches some.'
            )
        if named is configs and len(paths) > 1:
            raise ValueError(f'configs[{name!r}]: one config, found {len(paths)}: {paths}.')
        for path in paths:
            yield _Method(
                str(name) if named is configs else method_name(path),
                path,
                _checked_seeds(entry.get('seeds', seeds)),
                flatten(entry.get('overrides') or {}),
            )


def _runs_of(
    method: _Method, label: str, folder: str, base: Config, options: dict[str, Any]
) -> Iterator[PlannedRun]:
    """The runs of a method in a variant, in the order of its seeds."""
    for key in options:
        remedy = _OWN_KEYS.get(key.removesuffix('?').removeprefix('+'))
        if remedy is not None:
            raise ValueError(f'The comparison sets {key!r} of each run itself: {remedy}.')
    firm = {key: value for key, value in options.items() if not key.endswith('?')}
    options = settle_optional(options, _merged(base, firm))
    cfg = _merged(base, options)
    for seed in method.seeds:
        seeded = {**options, 'randomness.seed': seed, **_noise_options(base, cfg, options, seed)}
        yield PlannedRun(
            name=f'{folder}/seed{seed}',
            setting=RunSetting.from_config(cfg, method.name, label),
            seed=seed,
            config=method.config,
            arguments=to_arguments(seeded),
            cfg=_merged(base, seeded),
            seedless_digest=config_digest(cfg),
        )


def _merged(base: Config, options: Mapping[str, Any]) -> Config:
    """As tools/train.py merges them."""
    cfg = copy.deepcopy(base)
    try:
        merge_options(cfg, options)
    except ValueError as error:
        raise ValueError(f"'{base.filename}': {error}") from error
    return cfg


def _noise_options(base: Config, cfg: Config, options: dict, seed: int) -> dict[str, Any]:
    """Noise that is drawn anew gets the run's seed; a file of another noise's labels goes."""
    before = {key: dataset.get('noise') for key, dataset in datasets_in(base, _TRAINING)}
    changes = {}
    for key, dataset in datasets_in(cfg, _TRAINING):
        noise = dataset.get('noise')
        if not isinstance(noise, Mapping):
            continue
        if dataset.get('noise_file') is None:
            if _has_seed(noise) and f'{key}.noise.seed' not in options:
                changes[f'{key}.noise.seed'] = seed
        elif noise != before.get(key) and f'{key}.noise_file' not in options:
            changes[f'{key}.noise_file'] = None
    return changes


def _has_seed(noise: Mapping) -> bool:
    type_ = noise.get('type')
    class_ = TASK_UTILS.get(type_) if isinstance(type_, str) else type_
    if class_ is None:  # for the run itself to complain about
        return 'seed' in noise
    return 'seed' in inspect.signature(class_).parameters


def _checked_seeds(seeds: Any) -> list[int]:
    seeds = [seeds] if isinstance(seeds, int) else list(seeds)
    if not seeds or not all(type(s) is int and s >= 0 for s in seeds):
        raise ValueError(f'seeds are one or more numbers from 0 on, found {seeds}.')
    return seeds


def _checked_variants(variants: Mapping[str, Mapping | None]) -> dict[str, dict[str, Any]]:
    if not variants:
        raise ValueError('variants is empty: leave it out to run the configs as they are.')
    for label in variants:
        if label and not re.fullmatch(r'\w[\w.+-]*', str(label)):
            raise ValueError(f'The variant {label!r} has no name for a folder: letters and digits.')
    return {str(label): flatten(options or {}) for label, options in variants.items()}


def _check_folders(runs: Sequence[PlannedRun]) -> None:
    repeated = [name for name, n in Counter(run.name for run in runs).items() if n > 1]
    if repeated:
        raise ValueError(
            f'Two runs of the comparison have the same folder, {repeated[0]}: give the configs '
            'different names, or each seed once.'
        )


def _check_optional_keys(keys: Mapping, runs: Sequence[PlannedRun], where: str) -> None:
    """Refuse a key with '?' that none of the configs has."""
    for key in keys:
        name = key.removesuffix('?')
        used = any(argument.startswith(f'{name}=') for run in runs for argument in run.arguments)
        if key != name and not used:
            raise ValueError(f'{where}: none of the configs has {name!r}, so {key!r} does nothing.')


def _check_variants_differ(runs: Sequence[PlannedRun]) -> None:
    """Refuse two variants that are the same for every method."""
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


def _slug(name: str) -> str:
    return re.sub(r'[^\w.]+', '-', name).strip('-').lower()
