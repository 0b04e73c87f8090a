"""What a command line is answered before anything that takes long is imported."""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import packaging
import pytest

from common_options import add_scoring_options
from deft_mm.deployment.graph_formats import FORMATS
from deft_mm.detection import DEFAULT_TEMPLATE
from deft_mm.engine.kept_features import DTYPES
from deft_mm.review import SINGLE_FILE_MOST
from deft_mm.visualization import MODES
from runner_utils import REPO
from tool_utils import COMPLETE, TOOLS, tool

# Runs a tool as a script, and says which of the packages that take long it has imported.
PROBE = """
import pathlib, runpy, sys
del sys.argv[0]
sys.path.insert(0, str(pathlib.Path(sys.argv[0]).parent))
try:
    runpy.run_path(sys.argv[0], run_name='__main__')
finally:
    slow = {'torch', 'numpy', 'PIL', 'matplotlib', 'mmengine', 'mmcv', 'mmpretrain', 'deft_mm'}
    print('imported:', *sorted(slow & sys.modules.keys()))
"""


def probe(path, *arguments) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, '-c', PROBE, path, *arguments], capture_output=True, text=True
    )


@pytest.mark.parametrize('path', TOOLS, ids=lambda path: path.name)
def test_help_is_there_at_once(path):
    done = probe(path, '--help')
    assert done.returncode == 0 and not done.stderr
    assert done.stdout.startswith(f'usage: {path.name} [-h]')
    assert done.stdout.endswith('\nimported:\n')


@pytest.mark.parametrize('path', TOOLS, ids=lambda path: path.name)
def test_wrong_command_line_is_refused_at_once(path):
    done = probe(path)
    assert done.returncode == 2 and done.stdout == 'imported:\n'
    assert done.stderr.splitlines()[-1].startswith(f'{path.name}: error: ')


def test_override_without_a_value_is_refused_at_once():
    (train,) = (path for path in TOOLS if path.name == 'train.py')
    done = probe(train, 'config.py', '--cfg-options', 'a=1', 'foo')
    assert done.returncode == 2 and done.stdout == 'imported:\n'
    assert done.stderr.splitlines()[-1] == (
        "train.py: error: argument --cfg-options: An override is KEY=VALUE, found 'foo'."
    )


@pytest.mark.parametrize('traceback', [False, True])
@pytest.mark.parametrize('path', TOOLS, ids=lambda path: path.name)
def test_a_stack_that_is_not_installed_is_told_with_what_installs_it(path, traceback, tmp_path):
    (tmp_path / 'packaging').symlink_to(Path(packaging.__file__).parent)
    options = COMPLETE[path.name] + ['--traceback'] * traceback
    done = subprocess.run(
        [sys.executable, '-S', path, *options],  # without any installed package
        capture_output=True,
        text=True,
        env={**os.environ, 'PYTHONPATH': f'{tmp_path}{os.pathsep}{REPO}'},
    )
    assert done.returncode == 2 and not done.stdout
    told = done.stderr[done.stderr.index(f'{path.name}: ') :]
    assert told.startswith(f'{path.name}: deft_mm needs the OpenMMLab stack')
    assert 'mmengine is not installed.' in told and 'pip install' in told
    assert ('Traceback' in done.stderr) is traceback


def test_options_offer_what_the_package_knows(monkeypatch, capsys):
    parser = argparse.ArgumentParser()
    add_scoring_options(parser, '')
    (dtype,) = (action for action in parser._actions if action.dest == 'feature_dtype')
    assert tuple(dtype.choices) == DTYPES
    for name, text in (
        ('browse_dataset.py', f'--mode {{{",".join(MODES)}}}'),
        ('clean.py', repr(DEFAULT_TEMPLATE)),
        ('detect.py', repr(DEFAULT_TEMPLATE)),
        ('export.py', f'--to {{{",".join([*FORMATS, "checkpoint"])}}}'),
        ('export.py', '--part {classifier,detector}'),
        ('review.py', f'one file for everything, of {SINGLE_FILE_MOST:,} samples at most'),
    ):
        with pytest.raises(SystemExit):
            tool(monkeypatch, name, '--help')
        assert text in ' '.join(capsys.readouterr().out.split())
