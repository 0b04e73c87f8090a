"""What the rows of the table of mistakes are written with."""

from __future__ import annotations

from typing import Any

import pytest

from runner_utils import REPO

DIGITS = REPO / 'configs/deft/deft_digits_sym40.py'
PLAIN = REPO / 'configs/ce/ce_digits_sym40.py'
PROMPT = REPO / 'configs/nlprompt/nlprompt_digits_sym40.py'


def rows(*table: tuple[str, Any, str]) -> pytest.MarkDecorator:
    """The rows of a test: its arguments are ``command`` and ``sentence``.

    Args:
        *table: Name, command, and a regular expression which the last line on stderr has. A command
            is the tool with its arguments, or a function that is given a folder to write what is
            needed into and returns these; tools run in that folder, which has a work directory,
            ``run``.
    """
    parameters = [pytest.param(command, line, id=name) for name, command, line in table]
    return pytest.mark.parametrize(('command', 'sentence'), parameters)


def train(*options: str, config: Any = DIGITS) -> list[Any]:
    """The command that trains with overrides."""
    return ['train.py', config, '--work-dir', 'run', *(['--cfg-options', *options] * bool(options))]
