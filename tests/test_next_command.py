"""Commands for people to copy."""

import shlex
from pathlib import Path

import pytest

from deft_mm.next_command import command_line, find_tool, shorter
from runner_utils import REPO


@pytest.mark.parametrize('name', ['a.txt', 'my images/b', "it's", '-x'])
def test_what_is_near_is_named_from_the_current_folder(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    expected = './-x' if name == '-x' else name
    assert shorter(Path(name)) == shorter(tmp_path / name) == expected
    command = command_line(Path('/t.py'), tmp_path / name, '--option')
    assert shlex.split(command) == ['python', '/t.py', expected, '--option']


def test_what_is_far_keeps_its_absolute_path(tmp_path, monkeypatch):
    deep = tmp_path / 'a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p'
    deep.mkdir(parents=True)
    monkeypatch.chdir(deep)
    assert shorter(Path('/near')) == '/near'


def test_tools_are_those_of_the_checkout_or_of_the_tool_that_runs(tmp_path, monkeypatch):
    assert find_tool('review.py') == REPO / 'tools/review.py'
    (tmp_path / 'mine.py').touch()
    monkeypatch.setattr('sys.argv', [str(tmp_path / 'train.py')])
    assert find_tool('mine.py') == tmp_path / 'mine.py'
    assert find_tool('nothing.py') is None
