"""DataTimeHook: the share of an epoch's time that was spent waiting for data."""

from __future__ import annotations

import re
import time
from types import SimpleNamespace

import pytest
from mmengine.logging import MessageHub
from mmpretrain.registry import HOOKS, TRANSFORMS

from deft_mm.engine.hooks import DataTimeHook
from runner_utils import run, tiny

LINE = re.compile(r'Epoch (\d+) waited for data: (\d+)% of the iteration time \((\S+) ms of (\S+)')


@TRANSFORMS.register_module()
class SlowLoad:
    """Takes as long as it is told."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __call__(self, results: dict) -> dict:
        time.sleep(self.seconds)
        return results


class Log:
    def __init__(self) -> None:
        self.lines = []

    def info(self, line: str) -> None:
        self.lines.append(line)


@pytest.fixture
def runner():
    hub = MessageHub.get_instance('data_time_hook')
    return SimpleNamespace(message_hub=hub, logger=Log(), iter=0, epoch=0)


def epoch(hook, runner, times) -> None:
    hook.before_train_epoch(runner)
    for data_time, whole in times:
        runner.message_hub.update_scalar('train/data_time', data_time)
        runner.message_hub.update_scalar('train/time', whole)
        runner.iter += 1
    hook.after_train_epoch(runner)
    runner.epoch += 1


def test_share_is_that_of_the_epochs_own_iterations(runner):
    hook = HOOKS.build(dict(type='DataTimeHook'))
    epoch(hook, runner, [(0.9, 1.0), (0.1, 1.0)])
    epoch(hook, runner, [(0.01, 0.4), (0.02, 0.2), (0.03, 0.6)])
    assert runner.logger.lines == [
        'Epoch 1 waited for data: 50% of the iteration time (500.0 ms of 1000.0 ms)',
        'Epoch 2 waited for data: 5% of the iteration time (20.0 ms of 400.0 ms)',
    ]


def test_without_a_timer_or_iterations_nothing_is_logged(runner):
    hook = DataTimeHook()
    hook.before_train_epoch(runner)
    runner.iter = 3
    hook.after_train_epoch(runner)
    epoch(hook, runner, [])
    assert runner.logger.lines == []


def test_both_stages_log_a_line_an_epoch_and_slow_data_shows(tmp_path):
    cfg = tiny('deft/deft_digits_sym40.py', tmp_path, num_samples=8)
    cfg.train_dataloader.dataset.dataset.pipeline.insert(0, dict(type='SlowLoad', seconds=0.1))
    cfg.default_hooks.noise_filter.selector = dict(type='KeepEvenIndices')
    run(cfg)
    found = LINE.findall(next(tmp_path.glob('*/*.log')).read_text())
    assert [number for number, *_ in found] == ['1', '2']
    for _, share, waited, whole in found:
        assert 400 <= float(waited) < float(whole)  # four samples
        assert int(share) == pytest.approx(100 * float(waited) / float(whole), abs=1)
