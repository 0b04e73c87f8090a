"""The folder of a run: its record, its state, and what is done with an old one."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from pathlib import Path

from deft_mm.comparison.identity import differing_parts
from deft_mm.engine.checkpoint_files import checkpoint_folder, newest_whole
from deft_mm.engine.work_folder import LOCK_FILE, SUMMARY_FILE, config_in, run_in
from deft_mm.fileio import write_atomically
from deft_mm.run_lock import is_held
from deft_mm.user_file import parse_json, read_bytes

FORMAT = 'deft_mm-compare'
FORMAT_VERSION = 1
RECORD_FILE = 'compare.json'
# What a record can't do without.
_RECORD_KEYS = dict(setting=dict, seed=int, identity=dict, status=str, seconds=(int, float))
# Folders that were moved aside.
_OLD = re.compile(r'-old-\d{8}-\d{6}')


class RunFolder:
    """The work directory of one run of a comparison.

    ``compare.json`` in it is the run's record; the lock lies beside it, since the folder may move.

    Args:
        path (str | Path): The folder, which need not be there.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.lock_path = self.path.with_name(f'.{self.path.name}.lock')
        self.log_path = self.path / 'compare.log'

    def read_record(self) -> dict | None:
        """Read the record; None where there is none.

        Raises:
            ValueError: If the file is no record.
        """
        path = self.path / RECORD_FILE
        record = read_json(path)
        if record is None:
            return None
        if (record.get('format'), record.get('format_version')) != (FORMAT, FORMAT_VERSION):
            raise ValueError(
                f"'{path}' is not a record that this version of deft_mm reads "
                f'({FORMAT}, version {FORMAT_VERSION}): move its folder away.'
            )
        for key, type_ in _RECORD_KEYS.items():
            if not isinstance(record.get(key), type_):
                what = 'lacks' if record.get(key) is None else 'has something else for'
                raise ValueError(f"'{path}' is damaged: it {what} {key!r}. Move its folder away.")
        return record

    def write_record(self, record: Mapping) -> None:
        """Write the record, plain values by name."""
        content = dict(format=FORMAT, format_version=FORMAT_VERSION, **record)
        write_atomically(json.dumps(content, indent=2).encode(), self.path / RECORD_FILE)

    def read_summary(self) -> dict:
        """Read what ``SummaryHook`` has written; empty where there is nothing.

        Raises:
            ValueError: If the file is damaged.
        """
        return read_json(self.path / SUMMARY_FILE) or {}

    def is_finished(self) -> bool:
        """Whether the run got to its end, even if what watched it did not."""
        return self.read_summary().get('finished') is True

    def state(self, identity: Mapping | None = None) -> tuple[str, str]:
        """What there is to do, leaving the lock aside.

        Args:
            identity (Mapping, optional): What the run's result depends on now, see
                :func:`differing_parts`. Defaults to None, for what it was made with.

        Returns:
            tuple[str, str]: 'missing', 'interrupted', 'failed', 'done', 'outdated' for a run that
            is done with something else, or 'damaged' where files can't be read or are gone; and
            why. What was begun with something else is missing.
        """
        try:
            record = self.read_record()
            if record is None:
                return 'missing', ''
            finished = self.is_finished()
        except ValueError as error:
            return 'damaged', str(error)
        parts = [] if identity is None else differing_parts(identity, record['identity'])
        other = f'other {" and ".join(parts)}' if parts else ''
        if finished:
            return ('outdated' if other else 'done'), other
        if record['status'] == 'done':
            return 'damaged', (
                f"'{self.path}' is damaged: the run was done, but {SUMMARY_FILE} is gone or says "
                'otherwise. Move the folder away.'
            )
        if other:
            return 'missing', other
        return ('failed' if record['status'] == 'failed' else 'interrupted'), ''

    def checkpoint(self) -> Path | None:
        """The checkpoint to resume from.

        Returns:
            Path | None: The newest one that is whole; None where there is none.
        """
        cfg = config_in(self.path)
        return newest_whole(checkpoint_folder(cfg, self.path), cfg)[0]

    def has_results(self) -> bool:
        """Whether there are figures or a checkpoint, which a new run must not mix with."""
        has_checkpoint = run_in(config_in(self.path), self.path) is not None
        return (self.path / SUMMARY_FILE).is_file() or has_checkpoint

    def is_busy(self) -> bool:
        """Whether a ``tools/train.py`` trains in it, started by whomever."""
        return is_held(self.path / LOCK_FILE)

    def move_aside(self) -> Path:
        """Give the folder another name, so that a new run can have this one; return that name."""
        while True:
            old = self.path.with_name(f'{self.path.name}-old-{time.strftime("%Y%m%d-%H%M%S")}')
            if not old.exists():
                return self.path.rename(old)
            time.sleep(0.1)  # until the next second

    def last_lines(self, number: int = 15) -> str:
        """The end of what the run has printed, so many lines at most."""
        if not self.log_path.is_file():
            return ''
        with self.log_path.open('rb') as file:
            file.seek(max(0, self.log_path.stat().st_size - 200 * number))
            text = file.read().decode(errors='replace')
        return '\n'.join(text.splitlines()[-number:])


def is_old(name: str) -> bool:
    """Whether a folder of this name was moved aside, as 'seed0-old-20261231-120000'."""
    return _OLD.search(name) is not None


def read_json(path: Path) -> dict | None:
    """Read a file of a run that holds an object; None where there is no file.

    Raises:
        ValueError: If the file is damaged.
    """
    if not path.is_file():
        return None
    try:
        content = parse_json(read_bytes(path))
    except ValueError as error:
        raise ValueError(f"'{path}' is damaged: {error}. Move its folder away.") from error
    if not isinstance(content, dict):
        raise ValueError(f"'{path}' is damaged: it holds no object. Move its folder away.")
    return content
