"""What a training run shows, from its start to the commands that may come next."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from deft_mm.datasets import DigitsDataset
from runner_utils import REPO, tiny
from tool_utils import tool

DIGITS = REPO / 'configs/deft/deft_digits_sym40.py'
SHORT = ['train_cfg.max_epochs=2', 'default_hooks.noise_filter.detector_epochs=1']
# Without what differs from line to line.
STAMP = re.compile(r'^\d\d/\d\d \d\d:\d\d:\d\d - mmengine - ')


@pytest.fixture(scope='module')
def home(tmp_path_factory):
    return tmp_path_factory.mktemp('home')


@pytest.fixture(scope='module')
def console(home):
    """The lines of a short run, with warnings, in a work directory with a blank in its name."""
    done = subprocess.run(
        [sys.executable, REPO / 'tools/train.py', DIGITS]
        + ['--work-dir', 'work dirs/run', '--cfg-options', *SHORT],
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def commands_in(lines) -> dict[str, list[str]]:
    """The words of the commands of a summary."""
    summary = [line for text in lines for line in text.splitlines()]
    summary = summary[next(i for i, line in enumerate(summary) if line.endswith('Summary')) :]
    rows = (re.match(r'  (review|use) +(python .*)$', line) for line in summary)
    return {row[1]: shlex.split(row[2]) for row in rows if row}


def run_command(monkeypatch, folder, command, *options) -> int | None:
    """Run a command that was printed, in that folder."""
    python, path, *arguments = command
    monkeypatch.chdir(folder)
    assert python == 'python' and (folder / path).resolve().parent == REPO / 'tools'
    return tool(monkeypatch, (folder / path).name, *arguments, *options)


def test_the_console_is_short_before_the_first_epoch(console):
    first = next(i for i, line in enumerate(console) if 'Epoch(train) [1]' in line)
    assert 3 < first < 50
    shown = '\n'.join(console[:first])
    assert 'parameters trained' in shown and 'work directory' in shown
    assert 'requires_grad' not in shown and 'paramwise' not in shown


def test_the_log_file_has_all_of_it_and_more(console, home):
    (log,) = home.glob('work dirs/run/*/*.log')
    content = log.read_text()
    for text in (
        'System environment:',
        'Config:\n',
        'Hooks will be executed in the following order:',
        'backbone.conv1.weight is skipped since its requires_grad=False',
        'paramwise_options -- backbone.peft.vpt.tokens.0:lr=',
    ):
        assert text in content and text.strip() not in '\n'.join(console)
    logged = [STAMP.sub('', line) for line in console if STAMP.match(line)]
    assert len(logged) > 10 and all(line in content for line in logged)


def test_the_run_ends_with_the_commands_that_may_come_next(console, home, monkeypatch, tmp_path):
    commands = commands_in(console)
    assert [line.split()[0] for line in console[-2:]] == ['review', 'use'] == [*commands]
    assert commands['review'][2:] == ['work dirs/run']
    assert commands['use'][2:] == ['work dirs/run/epoch_2.pth', 'IMAGES']
    run_command(monkeypatch, home, commands['review'])
    assert (home / 'work dirs/run/review/index.html').is_file()
    Image.fromarray(DigitsDataset().get_data_info(0)['img']).save(tmp_path / 'one.png')
    images = [str(tmp_path) if word == 'IMAGES' else word for word in commands['use']]
    out = tmp_path / 'predictions.csv'
    run_command(monkeypatch, home, images, '--out', out, '--num-workers', 0)
    assert len(out.read_text().splitlines()) == 2


@pytest.fixture(scope='module')
def selection(tmp_path_factory):
    """A selection of the made-up images of a short run."""
    folder = tmp_path_factory.mktemp('given')
    with pytest.MonkeyPatch.context() as monkeypatch:
        commands_of_run(monkeypatch, folder)
    return folder / 'run/selection.csv'


def commands_of_run(
    monkeypatch, folder, config='deft/deft_digits_sym40.py', **options
) -> dict[str, list[str]]:
    """What a run in the folder 'run' names, from the folder above: tool and arguments."""
    monkeypatch.chdir(folder)
    cfg = tiny(config, 'run')
    if 'noise_filter' in cfg.default_hooks:
        cfg.default_hooks.noise_filter.selector = dict(type='KeepEvenIndices')
        cfg.default_hooks.noise_filter.keep_num_updates = False
    cfg.merge_from_dict(options)
    cfg.dump('config.py')
    tool(monkeypatch, 'train.py', 'config.py')
    (log,) = Path('run').glob('*/*.log')
    return commands_in(log.read_text().splitlines())


@pytest.mark.parametrize(
    ('options', 'review', 'use'),
    [
        ({}, ['run'], ['run/epoch_2.pth', 'IMAGES']),
        (
            {'default_hooks.noise_filter.out_file': 'kept.csv'},
            ['--selection', 'run/kept.csv'],
            ['run/epoch_2.pth', 'IMAGES'],
        ),
        ({'default_hooks.checkpoint': None}, ['run'], None),
        (
            {'default_hooks.checkpoint.out_dir': 'elsewhere'},
            ['run'],
            ['elsewhere/run/epoch_2.pth', 'IMAGES', '--config', 'run/config.py'],
        ),
        (
            {'default_hooks.noise_filter.selection': 'given.csv'},
            None,
            ['run/epoch_1.pth', 'IMAGES'],
        ),
    ],
    ids=['all', 'another name', 'no checkpoint', 'checkpoint elsewhere', 'given selection'],
)
def test_what_the_run_has_left_is_named(tmp_path, monkeypatch, selection, options, review, use):
    shutil.copy(selection, tmp_path / 'given.csv')
    found = commands_of_run(monkeypatch, tmp_path, **options)
    expected = {name: words for name, words in (('review', review), ('use', use)) if words}
    assert {name: words[2:] for name, words in found.items()} == expected
    if review:
        run_command(monkeypatch, tmp_path, found['review'])
        assert (tmp_path / 'run/review/index.html').is_file()
    if use:
        Image.new('RGB', (32, 32)).save(tmp_path / 'one.png')
        words = ['one.png' if word == 'IMAGES' else word for word in found['use']]
        run_command(monkeypatch, tmp_path, words)
        assert (tmp_path / 'predictions.csv').is_file()


def test_run_without_a_filter_has_nothing_to_review(tmp_path, monkeypatch):
    found = commands_of_run(monkeypatch, tmp_path, 'ce/ce_digits_sym40.py')
    assert [*found] == ['use'] and found['use'][3:] == ['IMAGES']
    assert Path(found['use'][2]).is_file()
