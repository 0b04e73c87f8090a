"""Running a command line tool within the process of the tests, which saves importing everything."""

from __future__ import annotations

import gc
import runpy
import sys
from pathlib import Path
from typing import Any

import mmengine.config.config
import pytest
import yapf.yapflib.yapf_api
from mmengine.utils import ManagerMixin

from runner_utils import REPO

# What is started as ``python tools/NAME.py``.
TOOLS = [
    path
    for path in sorted((REPO / 'tools').glob('*.py'))
    if "if __name__ == '__main__':" in path.read_text()
]
# A command line for each that its parser takes. That there are no such files is found out later.
COMPLETE = {
    **{path.name: ['x'] for path in TOOLS},
    **dict.fromkeys(('apply_corrections.py', 'detect.py', 'predict.py', 'test.py'), ['x', 'y']),
    'export.py': ['x', '--to', 'checkpoint'],
    'export_selection.py': ['x', '--to', 'csv', '--out', 'y.csv'],
    'import_selection.py': ['x', '--kept', 'y'],
}


def tool(monkeypatch: pytest.MonkeyPatch, name: str, *arguments: Any) -> int | None:
    """Run a tool with a command line; return its exit code.

    What it raises is raised: the sentence that a user sees is made of it by
    :func:`deft_mm.command_line.run_tool`.
    """
    monkeypatch.setattr(sys, 'argv', [name, *map(str, arguments)])
    # As in a process of its own: a run that begins in the same second has the same name.
    forget_global_instances()
    module = runpy.run_path(str(REPO / 'tools' / name))
    return module['main'](module['parse_args']())


def trained(folder: Path, config: Path, *options: str) -> Path:
    """Train a config with overrides, for tests that share the run; return its work directory."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        tool(monkeypatch, 'train.py', config, '--work-dir', folder, '--cfg-options', *options)
    return folder


def leave_out_what_takes_long() -> None:
    """Let a process make small runs in little more than they take themselves.

    A runner formats its config before training and at every checkpoint with YAPF, which takes
    longer than all the rest; MMEngine collects garbage for each data set that it reads, for half a
    second if what has been imported is looked at, too.
    """
    # The one MMEngine has it in its module, the other imports it when it formats.
    for module in (mmengine.config.config, yapf.yapflib.yapf_api):
        module.FormatCode = lambda text, **kwargs: (text, True)
    gc.freeze()


def _managed_classes(base: type = ManagerMixin) -> list[type]:
    return [base, *(found for cls in base.__subclasses__() for found in _managed_classes(cls))]


def forget_global_instances() -> None:
    """Drop MMEngine's global loggers, message hubs, visualizers and default scopes.

    They are found by name, so that whoever builds a Runner would otherwise write into the log file
    and go on with the history of an earlier one.
    """
    for cls in _managed_classes():
        for instance in cls._instance_dict.values():
            for handler in getattr(instance, 'handlers', ()):
                handler.close()
        cls._instance_dict.clear()
