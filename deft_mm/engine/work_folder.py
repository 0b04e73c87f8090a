"""The work directory of a run: whose it is, what is in it, and the config that it was made with."""

from __future__ import annotations

import errno
import json
import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner

from deft_mm.engine.checkpoint_files import checkpoint_folder, checkpoint_hook_of, checkpoints_in
from deft_mm.engine.stage_switch import is_resuming
from deft_mm.fileio import remove_leftovers, write_atomically
from deft_mm.main_process import on_main_process
from deft_mm.run_lock import NoLocksError, RunLock, is_held
from deft_mm.shorten import first_few
from deft_mm.user_file import parse_json

# The config as it ran, beside MMEngine's <name>.py: as data, for who reads other people's runs.
RESOLVED_CONFIG = 'config.json'
SUMMARY_FILE = 'summary.json'
LOCK_FILE = '.deft_mm.lock'
# What may differ between a run and its continuation without a word.
_NO_SETTING = ('work_dir', 'resume', 'load_from', 'launcher')


@contextmanager
def own_folder(cfg: Config) -> Iterator[None]:
    """Have a work directory alone, all processes of a run together, while it trains there.

    The kernel ends the lock with the main process, however that ends.

    Args:
        cfg (Config): The config that a run will be made with.

    Yields:
        None: While the lock is held.

    Raises:
        ValueError: If another process trains there, or the run would overwrite another one.
        OSError: If the disk is full or fails; it names the work directory, if no file.
    """
    held: list[RunLock] = []
    try:
        on_main_process(lambda: _enter(cfg, held))
        yield
    except OSError as error:
        # MMEngine's own files are written bit by bit, of which no error knows the name.
        if error.filename is None and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            raise OSError(error.errno, error.strerror, str(cfg.work_dir)) from error
        raise
    finally:
        for lock in held:
            lock.release()


@contextmanager
def locked_folder(folder: str | Path, setting: str) -> Iterator[None]:
    """Have a folder alone, all processes of a tool together, while it writes there.

    Args:
        folder (str | Path): The folder, which is made.
        setting (str): What names it, for the message, such as '--out'.

    Yields:
        None: While the lock is held.

    Raises:
        ValueError: If another process works there.
    """
    held: list[RunLock] = []
    try:
        on_main_process(lambda: _lock(Path(folder), held, f"the folder '{folder}'", setting))
        yield
    finally:
        for lock in held:
            lock.release()


def _enter(cfg: Config, held: list[RunLock]) -> None:
    folder, checkpoints = Path(cfg.work_dir), checkpoint_folder(cfg, cfg.work_dir)
    _lock(folder, held, f'the work directory {folder}', '--work-dir')
    # Work directories of the same last name share one in an out_dir. An address has no lock.
    is_address = '://' in str(checkpoint_hook_of(cfg).get('out_dir'))
    if checkpoints.resolve() != folder.resolve() and not is_address:
        _lock(
            checkpoints,
            held,
            f'the checkpoint folder {checkpoints}',
            '--work-dir, of another last name, or default_hooks.checkpoint.out_dir',
        )
    _require_same_run(cfg, folder)


def _lock(folder: Path, held: list[RunLock], name: str, setting: str) -> None:
    try:
        lock = RunLock.acquire(folder / LOCK_FILE)
    except NoLocksError as error:
        print_log(f'{error} Nothing keeps a second process out.', 'current', logging.WARNING)
        return
    if lock is None:
        raise ValueError(
            f'Another process works in {name}: wait until it ends, or give another {setting}.'
        )
    held.append(lock)


def _require_same_run(cfg: Config, folder: Path) -> None:
    there = run_in(cfg, folder)
    # A run writes its config before it selects.
    is_begun = (folder / RESOLVED_CONFIG).exists()
    if there is None:
        path = _selection_file(cfg, folder)
        if path is not None and path.is_file() and not is_begun:
            raise ValueError(
                f'{path} is not of a run in the work directory {folder}, and one would overwrite '
                'it: give another --work-dir, or move the file away.'
            )
        return
    resumed = cfg.get('load_from') if cfg.get('resume') else ''
    if resumed == '':
        raise ValueError(
            f'The work directory {folder} holds a run ({there.name}), which another one would '
            'overwrite: go on with it with --resume, give another --work-dir, or move the folder '
            'away.'
        )
    is_elsewhere = there.resolve().parent != folder.resolve()
    if resumed is None and is_elsewhere and not _is_of_run(folder, there):
        raise ValueError(
            f'--resume: no run of the work directory {folder} has saved anything, and '
            f'{there.parent} (default_hooks.checkpoint.out_dir) holds {there.name} of another one '
            f'of this name: to go on with that here, --resume {there}; else give the --work-dir of '
            'the run, or one of another last name.'
        )
    if resumed is not None and Path(resumed).resolve().parent != there.resolve().parent:
        raise ValueError(
            f'--resume {resumed} would overwrite the run in the work directory {folder} '
            f'({there.name}): give another --work-dir, or --resume without a path to go on with '
            'the one that is there.'
        )


def _is_of_run(folder: Path, checkpoint: Path) -> bool:
    """Whether a checkpoint in an out_dir is of the run in a work directory, by what it wrote."""
    if (folder / 'last_checkpoint').exists():
        return True
    begun = folder / RESOLVED_CONFIG
    return begun.exists() and begun.stat().st_mtime_ns <= checkpoint.stat().st_mtime_ns


def data_report_of(folder: str | Path) -> Path:
    """Where the table of problems goes if no data set can be made: never over that of a run.

    Args:
        folder (str | Path): The work directory, which need not be there.

    Returns:
        Path: The file.
    """
    is_begun = (Path(folder) / RESOLVED_CONFIG).exists()
    return Path(folder) / ('data_report.new.csv' if is_begun else 'data_report.csv')


def run_in(cfg: Mapping, folder: str | Path) -> Path | None:
    """What a work directory has of a run that must not be lost.

    Args:
        cfg (Mapping): The config of a run in it.
        folder (str | Path): The work directory, which need not be there.

    Returns:
        Path | None: Its newest checkpoint, or the figures of a finished run; None where there is
        neither.
    """
    checkpoints = checkpoints_in(checkpoint_folder(cfg, folder), cfg)
    if checkpoints:
        return checkpoints[0]
    last = _last_checkpoint(cfg, folder)
    if last is not None:
        return last
    summary = Path(folder) / SUMMARY_FILE
    return summary if _object_in(summary).get('finished') else None


def is_selection_of_run(path: str | Path) -> bool:
    """Whether what is written to a selection file would be lost to a run, or the run's to it.

    Args:
        path (str | Path): The file, which need not be there.

    Returns:
        bool: Whether its folder is the work directory of a run, now or before, that has its own
        selection under this name, be it with another ending.
    """
    path = Path(path)
    folder, cfg = path.parent, config_in(path.parent)
    is_used = cfg or is_held(folder / LOCK_FILE) or run_in(cfg, folder) is not None
    # Without a config: that of a hook that is left as it is.
    own = _selection_file(cfg or dict(default_hooks=dict(noise_filter=dict())), folder)
    return bool(is_used) and own is not None and own.stem == path.stem


def _selection_file(cfg: Mapping, folder: Path) -> Path | None:
    """Where a run writes its selection; None where it writes none."""
    hook = (cfg.get('default_hooks') or {}).get('noise_filter')
    if hook is None or hook.get('selection') is not None:
        return None
    return folder / hook.get('out_file', 'selection.csv')


def _last_checkpoint(cfg: Mapping, folder: str | Path) -> Path | None:
    """What MMEngine's ``last_checkpoint`` names, of whatever name; the folder may have moved."""
    try:
        name = (Path(folder) / 'last_checkpoint').read_text().strip().replace('\\', '/')
    except (OSError, ValueError):
        return None
    path = checkpoint_folder(cfg, folder) / name.rpartition('/')[2]
    return path if path.is_file() else None


class ConfigFileHook(Hook):
    """Write the config of a run into its work directory when training begins.

    MMEngine writes it when a runner is built, over that of a finished run, whatever comes of it.
    What killed processes have left half written by then is removed, and a resumed run is told which
    of its settings it was not begun with.
    """

    # What other hooks refuse is refused by now.
    priority = 'LOWEST'

    def __init__(self) -> None:
        self._built = time.time()

    def before_train(self, runner: Runner) -> None:
        """Write ``<name>.py`` as MMEngine would, and ``config.json``, in the main process."""
        if not is_main_process():
            return
        changed = changed_settings(runner.cfg) if is_resuming(runner) else []
        if changed:
            runner.logger.warning(
                f'The run resumes with settings that it was not begun with: {first_few(changed)}.'
            )
        folder = Path(runner.work_dir)
        for place in (folder, checkpoint_folder(runner.cfg, folder)):
            remove_leftovers(place, before=self._built)
        name = Path(runner.cfg.filename or f'{runner.timestamp}.py').name
        write_atomically(runner.cfg.dump().encode(), folder / name)
        # What JSON does not know is written as near as it can be: tuples as lists, classes by name.
        text = json.dumps(runner.cfg.to_dict(), indent=1, default=str)
        write_atomically(text.encode(), folder / RESOLVED_CONFIG)


def config_in(folder: str | Path) -> dict:
    """The config of the run in a work directory.

    Args:
        folder (str | Path): The work directory, which need not be there.

    Returns:
        dict: What its ``config.json`` holds; empty where there is none that can be read.
    """
    return _object_in(Path(folder) / RESOLVED_CONFIG)


def _object_in(path: Path) -> dict:
    """What a JSON file holds; empty where there is none that can be read."""
    try:
        content = parse_json(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def changed_settings(cfg: Config) -> list[str]:
    """What a config has otherwise than that of the run in its work directory.

    Args:
        cfg (Config): The config of a run that resumes.

    Returns:
        list[str]: Such as 'train_cfg.max_epochs 2 -> 3'; none where it isn't known.
    """
    before = dict(_leaves(config_in(cfg.work_dir)))
    if not before:
        return []
    now = dict(_leaves(json.loads(json.dumps(cfg.to_dict(), default=str))))
    keys = [key for key in dict.fromkeys([*before, *now]) if before.get(key) != now.get(key)]
    return [
        f'{key} {before.get(key)!r} -> {now.get(key)!r}'
        for key in keys
        if key.partition('.')[0] not in _NO_SETTING
    ]


def _leaves(value: Any, key: str = '') -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _leaves(item, f'{key}.{name}' if key else name)
    else:
        yield key, value
