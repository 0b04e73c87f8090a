"""What is compared: configs, variants of them, and seeds."""

from __future__ import annotations

import copy
import glob
import inspect
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from mmengine.config import Config
from mmpretrain.registry import TASK_UTILS

from deft_mm.comparison.identity import config_digest
from deft_mm.comparison.overrides import flatten, settle_optional, to_arguments
from deft_mm.comparison.plan_checks import (
    check_folders,
    check_optional_keys,
    check_own_keys,
    check_variants_differ,
)
from deft_mm.comparison.run_setting import RunSetting, method_name
from deft_mm.engine.config_walk import datasets_in
from deft_mm.engine.options import merge_options

_KEYS = ('configs', 'variants', 'seeds', 'overrides')
_METHOD_KEYS = ('config', 'seeds', 'overrides')
_Loader = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)  # that of C also takes {a?: 1}
_TRAINING = ('train_dataloader',)
_PLAN_SUFFIXES = ('.yml', '.yaml', '.json')


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


class ComparisonPlan:
    """Every config in every variant with every seed.

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

    Raises:
        FileNotFoundError: If a path or glob finds no config.
        ValueError: If something else is wrong with the plan; the message names it.

    Example:

        .. code:: yaml

            # A file for ComparisonPlan.from_file; paths are relative to it.
            configs:
              CE: {config: ../ce/ce_digits_sym40.py, seeds: [0, 1, 2, 3, 4]}
              small-loss: ../small_loss/small_loss_digits_sym40.py
            seeds: [0, 1, 2]
            variants:
              sym20:
                train_dataloader.dataset.noise.ratio: 0.2
                model.head.loss.noise_ratio?: 0.2
    """

    def __init__(
        self,
        configs: Sequence[str] | Mapping[str, Any],
        seeds: Sequence[int] = (0,),
        variants: Mapping[str, Mapping] | None = None,
        overrides: Mapping[str, Any] | None = None,
        folder: str | Path = '.',
    ) -> None:
        self.folder = Path(folder)
        self.seeds = _checked_seeds(seeds)
        self.variants = _checked_variants({'': {}} if variants is None else variants)
        self.overrides = flatten(overrides or {})
        self.methods = list(self._methods(configs))

    @classmethod
    def from_file(
        cls,
        path: str | Path,
        seeds: Sequence[int] | None = None,
        overrides: Mapping[str, Any] | None = None,
    ) -> ComparisonPlan:
        """Read a plan: YAML or JSON, with the arguments of this class as keys. It runs no code.

        Args:
            path (str | Path): The file.
            seeds (Sequence[int], optional): In place of all seeds of the plan. Defaults to None.
            overrides (Mapping, optional): On top of the plan's. Defaults to None.

        Returns:
            ComparisonPlan: The plan.

        Raises:
            FileNotFoundError: If there is none.
            ValueError: If it can't be read, lacks ``configs`` or has other keys.
        """
        content = _read_plan(path)
        unknown = sorted(set(content) - set(_KEYS))
        if unknown or 'configs' not in content:
            what = f'unknown key {unknown[0]!r}' if unknown else 'there is no `configs`'
            raise ValueError(f'{path}: {what}; a plan has the keys {", ".join(_KEYS)}.')
        content['overrides'] = {**flatten(content.get('overrides') or {}), **(overrides or {})}
        plan = cls(**content, folder=Path(path).parent)
        if seeds is not None:
            plan.methods = [(name, config, seeds, own) for name, config, _, own in plan.methods]
        return plan

    def runs(self) -> list[PlannedRun]:
        """Build all runs: first all of the first seed, so that a whole table is there early.

        Returns:
            list[PlannedRun]: The runs.

        Raises:
            ValueError: If a config can't be read, two runs have the same folder, two variants are
                the same, or an override can't be passed on or changes nothing.
        """
        stems = Counter(Path(config).stem for _, config, _, _ in self.methods)
        bases = {config: _read_config(config) for _, config, _, _ in self.methods}
        runs = []
        for label, variant in self.variants.items():
            for method, config, seeds, own in self.methods:
                stem = Path(config).stem
                folder = stem if stems[stem] == 1 else f'{stem}-{_slug(method)}'
                folder += f'-{label}' if label else ''
                options = {**self.overrides, **variant, **own}
                check_own_keys(options)
                for rank, seed in enumerate(seeds):
                    name = f'{folder}/seed{seed}'
                    run = _planned_run(name, method, label, config, bases[config], options, seed)
                    runs.append((rank, run))
        runs = [run for _, run in sorted(runs, key=lambda ranked: ranked[0])]
        self._check(runs)
        return runs

    def _check(self, runs: Sequence[PlannedRun]) -> None:
        check_folders(runs)
        check_optional_keys(self.overrides, runs, 'overrides')
        for label, variant in self.variants.items():
            in_variant = [run for run in runs if run.setting.variant == label]
            check_optional_keys(variant, in_variant, f'variants[{label!r}]')
        for method, _, _, own in self.methods:
            of_method = [run for run in runs if run.setting.method == method]
            check_optional_keys(own, of_method, f'configs[{method!r}].overrides')
        check_variants_differ(runs)

    def _methods(self, configs: Any) -> Iterator[tuple[str, str, Sequence[int], dict]]:
        """Yield name, config, seeds and overrides of each method."""
        named = configs if isinstance(configs, Mapping) else dict(enumerate(configs))
        for name, entry in named.items():
            entry = dict(entry) if isinstance(entry, Mapping) else dict(config=entry)
            if 'config' not in entry or set(entry) - set(_METHOD_KEYS):
                raise ValueError(
                    f'configs[{name!r}] has the keys {sorted(entry)}: it is a path, or has '
                    '`config` and, if need be, `seeds` and `overrides`.'
                )
            paths = self._find(entry['config'])
            if isinstance(configs, Mapping) and len(paths) > 1:
                raise ValueError(f'configs[{name!r}]: one config, found {len(paths)}: {paths}.')
            for path in paths:
                yield (
                    str(name) if isinstance(configs, Mapping) else method_name(path),
                    path,
                    _checked_seeds(entry.get('seeds', self.seeds)),
                    flatten(entry.get('overrides') or {}),
                )

    def _find(self, pattern: str) -> list[str]:
        found = sorted(glob.glob(str(self.folder / pattern), recursive=True))
        if not found:
            raise FileNotFoundError(
                f"No config '{self.folder / pattern}': give the path of a config or plan that "
                'exists, or a glob that matches some.'
            )
        return [os.path.relpath(path) for path in found]


def is_plan(path: str | Path) -> bool:
    """Whether a file is a plan, not the config of a run.

    Args:
        path (str | Path): A file.

    Returns:
        bool: True for YAML and JSON.
    """
    return Path(path).suffix in _PLAN_SUFFIXES


def _planned_run(
    name: str, method: str, label: str, config: str, base: Config, options: dict, seed: int
) -> PlannedRun:
    firm = {key: value for key, value in options.items() if not key.endswith('?')}
    options = settle_optional(options, _merged(base, firm))
    cfg = _merged(base, options)
    seeded = {**options, 'randomness.seed': seed, **_noise_options(base, cfg, options, seed)}
    return PlannedRun(
        name=name,
        setting=RunSetting.from_config(cfg, method, label),
        seed=seed,
        config=config,
        arguments=to_arguments(seeded),
        cfg=_merged(base, seeded),
        seedless_digest=config_digest(cfg),
    )


def _read_plan(path: str | Path) -> dict:
    """Read a plan's content as data: tags that make objects, or call functions, are refused."""
    if not Path(path).is_file():
        raise FileNotFoundError(f"The plan '{path}' does not exist.")
    try:
        content = yaml.load(Path(path).read_text(), Loader=_Loader)  # JSON is YAML, too
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        problem = ' '.join(str(error).split())
        raise ValueError(f"The plan '{path}' can't be read: {problem}") from error
    if not isinstance(content, dict):
        raise ValueError(f"The plan '{path}' has no keys: it needs `configs`, a list of configs.")
    return content


def _read_config(path: str) -> Config:
    """Read a config; an error names it, not only the base that it comes from."""
    try:
        return Config.fromfile(path)
    except Exception as error:  # a config is code: anything can happen
        raise ValueError(f"'{path}' can't be read: {type(error).__name__}: {error}") from error


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
    if isinstance(seeds, int):
        seeds = [seeds]
    seeds = list(seeds)
    if not seeds or not all(isinstance(s, int) and s >= 0 for s in seeds):
        raise ValueError(f'seeds are one or more numbers from 0 on, found {seeds}.')
    return seeds


def _checked_variants(variants: Mapping[str, Mapping | None]) -> dict[str, dict[str, Any]]:
    if not variants:
        raise ValueError('variants is empty: leave it out to run the configs as they are.')
    for label in variants:
        if label and not re.fullmatch(r'\w[\w.+-]*', str(label)):
            raise ValueError(f'The variant {label!r} has no name for a folder: letters and digits.')
    return {str(label): flatten(options or {}) for label, options in variants.items()}


def _slug(name: str) -> str:
    return re.sub(r'[^\w.]+', '-', name).strip('-').lower()
