"""How a tool ends: a sentence and exit code 2, or a traceback and 1."""

import argparse
import errno
import sys

import pytest
import torch
from mmengine.hooks import Hook
from mmengine.logging import MMLogger
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS
from torch.utils.data import DataLoader

from deft_mm.command_line import is_mistake, run_tool, sentence


def ended(raising, capsys, traceback=False) -> tuple[int, list[str]]:
    """Exit code and lines of stderr of a tool that fails."""
    with pytest.raises(SystemExit) as end:
        run_tool(lambda args: raising(), argparse.Namespace(traceback=traceback))
    return end.value.code, capsys.readouterr().err.strip().splitlines()


@pytest.fixture(autouse=True)
def one_process(monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['tools/train.py'])
    for name in ('RANK', 'SLURM_PROCID', 'OMPI_COMM_WORLD_RANK', 'TORCHELASTIC_ERROR_FILE'):
        monkeypatch.delenv(name, raising=False)


def wrong_value():
    raise ValueError('train_cfg.max_epochs is 0: give 1 or more.')


def no_disk_space():
    raise OSError(errno.ENOSPC, 'No space left on device', 'work_dirs/x/epoch_1.pth')


def unknown_hook():
    HOOKS.build(dict(type='NoSuchHook'))


def argument_that_no_one_takes():
    HOOKS.build(dict(type='LoggerHook', moment=1))


class _Fails(Hook):
    def before_run(self, runner):
        raise TypeError('give model.type=DeFT.')


def hook_that_refuses():
    runner = Runner.__new__(Runner)
    runner._hooks = [_Fails()]
    runner.call_hook('before_run')


class Refuses(torch.utils.data.Dataset):
    def __len__(self):
        return 2

    def __getitem__(self, idx):
        raise ValueError(f'Sample {idx} is no image.')


class Breaks(Refuses):
    def __getitem__(self, idx):
        return {}['img']


def worker_that_refuses():
    next(iter(DataLoader(Refuses(), num_workers=1)))


def worker_that_breaks():
    next(iter(DataLoader(Breaks(), num_workers=1)))


@pytest.mark.parametrize(
    ('raising', 'line'),
    [
        (wrong_value, 'train_cfg.max_epochs is 0: give 1 or more.'),
        (no_disk_space, 'work_dirs/x/epoch_1.pth: No space left on device.'),
        (unknown_hook, "type='NoSuchHook' is no hook that is registered. Is it misspelt, or"),
        (argument_that_no_one_takes, "LoggerHook does not take 'moment'."),
        (hook_that_refuses, 'give model.type=DeFT.'),
        (worker_that_refuses, 'Sample 0 is no image.'),
    ],
    ids=lambda value: getattr(value, '__name__', ''),
)
def test_what_a_user_can_mend_is_one_line(raising, line, capsys):
    code, lines = ended(raising, capsys)
    assert code == 2 and len(lines) == 1
    assert lines[0].startswith('train.py: ') and line in lines[0]


def test_the_traceback_is_printed_if_asked_for_and_the_sentence_stands_above_and_below(capsys):
    code, lines = ended(wrong_value, capsys, traceback=True)
    assert code == 2 and lines[2].startswith('Traceback') and 'in wrong_value' in ''.join(lines)
    assert lines[0] == lines[-1] == 'train.py: train_cfg.max_epochs is 0: give 1 or more.'


@pytest.mark.parametrize(
    ('raising', 'kind'),
    [
        (lambda: 'a' < 1, 'TypeError'),
        (lambda: int('ten'), 'ValueError'),
        (lambda: {}['x'], 'KeyError'),
        (lambda: None.x, 'AttributeError'),
        (lambda: torch.ones(2) @ torch.ones(3), 'RuntimeError'),
        (worker_that_breaks, 'KeyError'),
    ],
)
def test_a_bug_keeps_its_traceback_between_two_lines_that_say_what_it_is(raising, kind, capsys):
    code, lines = ended(raising, capsys)
    assert code == 1 and 'Traceback (most recent call last):' in lines[1:-1]
    assert lines[0].startswith(f'train.py: unforeseen error, please report it: {kind}: ')
    assert lines[-1] == lines[0]


def test_the_log_file_of_a_run_has_the_traceback(tmp_path, capsys):
    log = tmp_path / 'x.log'
    logger = MMLogger.get_instance('x', log_file=str(log))
    ended(wrong_value, capsys)
    for handler in logger.handlers:
        handler.flush()
    assert 'in wrong_value' in log.read_text() and 'give 1 or more' in log.read_text()


def test_after_an_interrupt_there_is_no_traceback(capsys):
    def interrupted():
        raise KeyboardInterrupt('Interrupted. --resume goes on.')

    assert ended(interrupted, capsys) == (130, ['Interrupted. --resume goes on.'])


def formats():
    try:
        raise KeyboardInterrupt
    except:  # noqa: E722
        raise SyntaxError('Failed to format the config file')  # noqa: B904


def explains():
    try:
        formats()
    except SyntaxError as error:
        raise ValueError('The config cannot be read.') from error


@pytest.mark.parametrize('raising', [formats, explains])
def test_what_an_interrupt_was_made_into_is_still_one(raising, capsys):
    assert ended(raising, capsys) == (130, ['Interrupted.'])


def test_a_tool_that_ends_well_keeps_its_exit_code():
    for code in (None, 0, 3):
        with pytest.raises(SystemExit) as end:
            run_tool(lambda args, code=code: code, argparse.Namespace(traceback=False))
        assert end.value.code == code


def test_other_processes_leave_the_word_to_the_main_one(monkeypatch, capsys):
    waited = []
    monkeypatch.setenv('RANK', '1')
    monkeypatch.setattr('deft_mm.command_line.time.sleep', waited.append)

    def main_process():
        raise RuntimeError('The main process failed: ValueError: x')

    code, lines = ended(main_process, capsys)
    assert code == 1 and not lines and len(waited) == 1
    code, lines = ended(wrong_value, capsys)
    assert lines == ['train.py: Process 1: train_cfg.max_epochs is 0: give 1 or more.']
    assert len(waited) == 2


def test_torchelastic_is_told_the_sentence(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv('TORCHELASTIC_ERROR_FILE', str(tmp_path / 'error.json'))
    ended(wrong_value, capsys)
    from torch.distributed.elastic.multiprocessing.errors import ProcessFailure

    failure = ProcessFailure(0, 1, 2, str(tmp_path / 'error.json'))
    assert failure.message['message'] == 'train_cfg.max_epochs is 0: give 1 or more.'


def test_an_assertion_of_mmengine_is_a_mistake_and_one_of_ours_is_not():
    for raising, expected in ((_mmengine_asserts, True), (_ours, False)):
        with pytest.raises(AssertionError) as caught:
            raising()
        assert is_mistake(caught.value) is expected
        assert sentence(caught.value)


def _mmengine_asserts():
    from mmengine.hooks import EMAHook

    EMAHook(begin_iter=1, begin_epoch=1)


def _ours():
    assert not Hook, 'impossible'
