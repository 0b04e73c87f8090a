"""The command that may come next, for people to copy."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path


def find_tool(name: str) -> Path | None:
    """Find a tool: in the checkout that the package is in, or beside the tool that runs.

    Args:
        name (str): Its file, such as 'review.py'.

    Returns:
        Path, optional: None if there is none, as where the package alone is installed.
    """
    folders = Path(__file__).resolve().parents[1] / 'tools', Path(sys.argv[0]).resolve().parent
    return next((folder / name for folder in folders if (folder / name).is_file()), None)


def command_line(tool: Path, *arguments: str | Path) -> str:
    """Write a command as a shell takes it.

    Args:
        tool (Path): The tool.
        *arguments (str | Path): Paths are written as :func:`shorter` has them, texts as they are.

    Returns:
        str: For example 'python tools/review.py work_dirs/run'.
    """
    command = (shorter(part) if isinstance(part, Path) else part for part in (tool, *arguments))
    return shlex.join(['python', *command])


def shorter(path: Path) -> str:
    """Return a path from the current folder, or the absolute one where that is shorter.

    Args:
        path (Path): The path.

    Returns:
        str: It is never taken for an option.
    """
    relative = os.path.relpath(path)
    if relative.startswith('-'):
        relative = os.path.join(os.curdir, relative)
    return min(relative, os.path.abspath(path), key=len)
