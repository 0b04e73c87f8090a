"""Running a command line tool within the process of the tests, which saves importing everything."""

from __future__ import annotations

import runpy
import sys
from typing import Any

import pytest

from runner_utils import REPO


def tool(monkeypatch: pytest.MonkeyPatch, name: str, *arguments: Any) -> int | None:
    """Run a tool with a command line; return its exit code.

    What it raises is raised: the sentence that a user sees is made of it by
    :func:`deft_mm.command_line.run_tool`.
    """
    monkeypatch.setattr(sys, 'argv', [name, *map(str, arguments)])
    module = runpy.run_path(str(REPO / 'tools' / name))
    return module['main'](module['parse_args']())
