"""Finding runs again by their own files, wherever their folders were copied to."""

from __future__ import annotations

import json
import math
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, get_type_hints

from typeguard import CollectionCheckStrategy, TypeCheckError, check_type

from deft_mm.comparison.plan import PlannedRun
from deft_mm.comparison.run_folder import (
    RECORD_FILE,
    SUMMARY_FILE,
    RunFolder,
    is_old,
    read_json,
)
from deft_mm.comparison.run_setting import RunSetting, method_name
from deft_mm.engine.work_folder import RESOLVED_CONFIG
from deft_mm.evaluation import DETECTION_METRICS, DetectionCurve
from deft_mm.fileio import write_atomically
from deft_mm.run_lock import is_held
from deft_mm.user_file import parse_json, read_bytes

PLAN_FILE = 'compare_plan.json'
_ACCURACY = 'accuracy/top1'
# The stage whose accuracy is a run's: the first of these that it has.
_STAGES = ('classifier', 'model', 'detector')


@dataclass
class RunResult:
    """What a run's own files say.

    Args:
        folder (Path): Its folder.
        setting (RunSetting): Method, data, noise, variant.
        seed (int, optional): Its seed, where one is set.
        status (str): 'done', or what it is in place of that.
        metrics (Mapping[str, float]): 'precision', 'recall', 'f1' and 'auroc' of the selection, and
            'last' and 'best' accuracy, preceded by a name where there are several test sets; in
            percent, those that there are.
        hours (float, optional): What training, validation and scoring took.
        made_with (tuple): Digests of the config without the seed and of the code; empty if they
            were not noted.
        curve (DetectionCurve, optional): Its detection curve. Defaults to None.
    """

    folder: Path
    setting: RunSetting
    seed: int | None
    status: str
    metrics: Mapping[str, float]
    hours: float | None
    made_with: tuple[str, ...] = ()
    curve: DetectionCurve | None = None


@dataclass
class ComparisonResults:
    """Runs that were found, runs that should be there, and what is wrong with them.

    Args:
        runs (list[RunResult]): Runs that were found. Defaults to none.
        expected (list[tuple[RunSetting, int]]): Setting and seed of the runs that the plan names,
            in its order. Defaults to none.
        notes (list[str]): What a reader of a table has to know. Defaults to none.
        left_out (list[Path]): Folders of runs, and files of plans, that can't be read; there is a
            note of each. Defaults to none.
    """

    runs: list[RunResult] = field(default_factory=list)
    expected: list[tuple[RunSetting, int]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    left_out: list[Path] = field(default_factory=list)

    @property
    def is_damaged(self) -> bool:
        """bool: Whether the tables lack something because files are damaged."""
        return bool(self.left_out) or any(run.status == 'damaged' for run in self.runs)


def write_expected(work_dir: str | Path, runs: Sequence[PlannedRun]) -> None:
    """Note in a work directory which runs the comparison consists of."""
    content = [dict(setting=asdict(run.setting), seed=run.seed) for run in runs]
    write_atomically(json.dumps(content, indent=1).encode(), Path(work_dir) / PLAN_FILE)


def read_results(folders: Sequence[str | Path]) -> ComparisonResults:
    """Read all runs below some folders: of ``tools/compare.py`` and of ``tools/train.py``.

    Nothing but the runs' own small files is needed, neither data nor checkpoints. They are read as
    data: no code of theirs runs.

    Args:
        folders (Sequence[str | Path]): Where to look, at any depth.

    Returns:
        ComparisonResults: What was found. What can't be read is left out, and in the notes.

    Raises:
        FileNotFoundError: If one of the folders does not exist, or there is no run in them.
        ValueError: If none of the runs can be read.
    """
    results = ComparisonResults()
    for folder in map(Path, folders):
        if not folder.is_dir():
            raise FileNotFoundError(f"No folder '{folder}' to read runs from.")
        for path in _folders_of_runs(folder):
            with _noting(results, path):
                results.runs.append(_read_run(RunFolder(path)))
        plan = folder / PLAN_FILE
        with _noting(results, plan):
            results.expected += _read_expected(plan) if plan.is_file() else []
    results.expected = list(dict.fromkeys(results.expected))
    if not results.runs and not results.expected:
        if results.left_out:
            raise ValueError(f'No run can be read: {results.notes[0]}')
        raise FileNotFoundError(
            f'No run below {", ".join(map(str, folders))}: a run has a {SUMMARY_FILE}.'
        )
    _tell_repeats_apart(results)
    _note_mixtures(results)
    return results


@contextmanager
def _noting(results: ComparisonResults, path: Path) -> Iterator[None]:
    """What can't be read is left out, with a note."""
    try:
        yield
    except Exception as error:  # what is in damaged files can bring about anything
        told = isinstance(error, ValueError)
        what = error if told else f'its files are damaged: {type(error).__name__}: {error}'
        results.notes.append(f'{path} is left out: {what}')
        results.left_out.append(path)


def _folders_of_runs(top: Path) -> Iterator[Path]:
    for folder, names, files in os.walk(top):
        names[:] = sorted(name for name in names if not is_old(name) and name[0] != '.')
        if RECORD_FILE in files or SUMMARY_FILE in files:
            yield Path(folder)


def _read_expected(plan: Path) -> list[tuple[RunSetting, int]]:
    content = parse_json(read_bytes(plan))
    expected = [(_checked(RunSetting(**entry['setting'])), entry['seed']) for entry in content]
    _check(expected, list[tuple[RunSetting, int]], 'its seeds')
    return expected


def _read_run(folder: RunFolder) -> RunResult:
    record, summary = folder.read_record(), folder.read_summary()
    seconds = sum(summary['seconds'].values()) if 'seconds' in summary else None
    status, made_with = 'done' if summary.get('finished', True) else 'unfinished', ()
    if record is None:
        setting, seed = _read_config(folder.path, summary)
    else:
        setting, seed = RunSetting(**record['setting']), record['seed']
        status, _ = folder.state()
        if status in ('failed', 'interrupted') and (is_held(folder.lock_path) or folder.is_busy()):
            status = 'running'
        seconds = record['seconds'] if seconds is None else seconds
        made_with = (record['seedless_digest'], record['identity']['code'])
    hours = None if seconds is None else seconds / 3600
    path = folder.path / 'detection_curve.csv'
    curve = DetectionCurve.read(path) if path.is_file() else None
    metrics = _metrics(summary)
    _checked(setting)
    return _checked(RunResult(folder.path, setting, seed, status, metrics, hours, made_with, curve))


def _checked(made: Any) -> Any:
    """Return a dataclass made of what a file says, if all of it is of the types declared."""
    for name, type_ in get_type_hints(type(made)).items():
        _check(getattr(made, name), type_, name)
    return made


def _check(value: Any, type_: Any, name: str) -> None:
    try:
        check_type(value, type_, collection_check_strategy=CollectionCheckStrategy.ALL_ITEMS)
    except TypeCheckError as error:
        raise ValueError(f'its files are damaged: {name} {error}') from error


def _read_config(folder: Path, summary: Mapping) -> tuple[RunSetting, int | None]:
    """Setting and seed of a run, from the config that it has written."""
    cfg = read_json(folder / RESOLVED_CONFIG)
    if cfg is None:
        raise ValueError(f'there is no config in it that can be read as data, {RESOLVED_CONFIG}')
    try:
        seed = (cfg.get('randomness') or {}).get('seed')
        return RunSetting.from_config(cfg, method_name(str(summary.get('config') or ''))), seed
    except (AttributeError, TypeError) as error:
        raise ValueError(
            f"'{folder / RESOLVED_CONFIG}' is damaged: it is not the config of a run ({error})"
        ) from error


def _metrics(summary: Mapping) -> dict[str, float]:
    selection = summary.get('selection') or {}
    metrics = {name: selection[name] for name in DETECTION_METRICS if name in selection}
    epochs = summary.get('epochs', [])
    stages = {entry['stage'] for entry in epochs}
    stage = next((stage for stage in _STAGES if stage in stages), None)
    values: dict[str, list[float]] = {}
    for entry in epochs:
        if entry['stage'] == stage:
            for name, value in entry['metrics'].items():
                values.setdefault(name.removesuffix(_ACCURACY).rstrip('/'), []).append(value)
    for name, series in values.items():
        metrics[f'{name} last'.lstrip()] = series[-1]
        metrics[f'{name} best'.lstrip()] = max(series)
    numbers = {name: v for name, v in metrics.items() if isinstance(v, (int, float))}
    return {name: value for name, value in numbers.items() if not math.isnan(value)}


def _tell_repeats_apart(results: ComparisonResults) -> None:
    """Name runs after their folder where others have the same setting and seed.

    They differ in something, or they would be one run: no mean is taken over them.
    """
    counts = Counter((run.setting, run.seed) for run in results.runs)
    repeated = {setting for (setting, _), count in counts.items() if count > 1}
    if not repeated:
        return
    common = os.path.commonpath([run.folder.parent.resolve() for run in results.runs])
    for run in results.runs:
        if run.setting in repeated:
            where = run.folder.resolve()
            # A comparison has a folder for each seed in that of the setting.
            where = where.parent if run.made_with else where
            path = os.path.relpath(where, common)
            run.setting = replace(run.setting, variant=f'{run.setting.variant} {path}'.strip())
    results.expected = [e for e in results.expected if e[0] not in repeated]


def _note_mixtures(results: ComparisonResults) -> None:
    """Say which means are taken over runs that were not made with the same."""
    made_with: dict[RunSetting, set] = {}
    for run in results.runs:
        if run.status == 'done' and run.made_with:
            made_with.setdefault(run.setting, set()).add(run.made_with)
    for setting, found in made_with.items():
        seedless, codes = map(set, zip(*found, strict=True))
        what = [name for name, kinds in (('configs', seedless), ('code', codes)) if len(kinds) > 1]
        if what:
            variant = f' ({setting.variant})' if setting.variant else ''
            results.notes.append(
                f'{setting.method}, {setting.noise_text}{variant}: the runs are of different '
                f'{" and ".join(what)}'
            )
