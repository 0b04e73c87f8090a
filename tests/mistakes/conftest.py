"""The driver of the table of mistakes: runs one, and holds what comes out against its sentence.

A row is (name, what to run, regular expression of the sentence): a line in a list of a file here,
under ``@pytest.mark.parametrize`` with ``rows(...)`` of ``mistakes.rows``.
"""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

import pytest
from mmengine.runner import EpochBasedTrainLoop

from deft_mm.command_line import run_tool
from runner_utils import REPO

# What a run leaves behind once it has begun.
RESULTS = ('*.pth', 'last_checkpoint', 'selection.csv', 'summary.json', 'detection_curve.csv')


@pytest.fixture
def folder(tmp_path) -> Path:
    """Where a mistake is made: with a work directory, which has something in it."""
    (tmp_path / 'run').mkdir()
    (tmp_path / 'run' / 'notes.txt').write_text('mine')
    return tmp_path


@pytest.fixture
def ends_with(folder, monkeypatch, capsys):
    """Run a command, and check how it ends: exit code 2, one sentence, before anything is lost."""

    def training_begins(loop):
        raise AssertionError('training has begun')

    monkeypatch.setattr(EpochBasedTrainLoop, 'run_epoch', training_begins)
    monkeypatch.chdir(folder)

    def check(command, sentence: str) -> None:
        tool, *arguments = command(folder) if callable(command) else command
        before = _files(folder)
        monkeypatch.setattr(sys, 'argv', [f'tools/{tool}', *map(str, arguments)])
        module = runpy.run_path(str(REPO / 'tools' / tool))
        with pytest.raises(SystemExit) as end:
            run_tool(module['main'], module['parse_args']())
        lines = capsys.readouterr().err.strip().splitlines()
        assert end.value.code == 2, lines
        assert 'Traceback' not in '\n'.join(lines)
        assert re.search(sentence, lines[-1]), lines[-1]
        after = _files(folder)
        assert {path: after.get(path) for path in before} == before
        assert not [path for path in after.keys() - before.keys() if _is_result(path)]

    return check


def _files(folder: Path) -> dict[Path, tuple[bytes, int]]:
    paths = [path for path in folder.rglob('*') if path.is_file()]
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in paths}


def _is_result(path: Path) -> bool:
    return any(path.match(pattern) for pattern in RESULTS)
