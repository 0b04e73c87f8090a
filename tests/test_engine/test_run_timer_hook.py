"""The time left in the log is that of the whole run."""

from __future__ import annotations

import re

import pytest
from mmengine.hooks import Hook
from mmpretrain.registry import HOOKS

from runner_utils import run, tiny

ETA = re.compile(r'Epoch\(train\)\s+\[(\d+)\]\[\s*(\d+)/(\d+)\].* eta: (\d+):(\d\d):(\d\d)')


@HOOKS.register_module()
class LongIterations(Hook):
    """Sets the clock of the timer back, so that every iteration has taken 1000 seconds."""

    priority = 'ABOVE_NORMAL'

    def after_train_iter(self, runner, *args, **kwargs) -> None:
        timer = next(hook for hook in runner.hooks if hasattr(hook, 'time_sec_tot'))
        timer.t -= 1000


def etas(work_dir) -> list[tuple[int, int, int, int]]:
    """Epoch, iteration, iterations of the epoch, and the time left in thousands of seconds."""
    log = next(work_dir.glob('*/*.log')).read_text()
    found = []
    for epoch, iteration, length, hours, minutes, seconds in ETA.findall(log):
        left = 3600 * int(hours) + 60 * int(minutes) + int(seconds)
        found.append((int(epoch), int(iteration), int(length), round(left / 1000)))
    return found


@pytest.mark.parametrize('resumed', [False, True])
def test_eta_counts_both_stages(tmp_path, resumed):
    cfg = tiny('deft/deft_digits_sym40.py', tmp_path / 'run', num_samples=24)
    cfg.train_cfg.max_epochs, cfg.default_hooks.noise_filter.detector_epochs = 5, 2
    cfg.default_hooks.noise_filter.selector = dict(type='KeepEvenIndices')
    cfg.default_hooks.checkpoint.max_keep_ckpts = -1
    cfg.custom_hooks = [dict(type='LongIterations')]
    cfg.default_hooks.noise_filter.keep_num_updates = False
    run(cfg)
    if resumed:
        cfg.work_dir = str(tmp_path / 'resumed')
        cfg.resume, cfg.load_from = True, str(tmp_path / 'run' / 'epoch_3.pth')
        run(cfg)
    expected = [(epoch, i, 6, 6 * (6 - epoch) - i) for epoch in (1, 2) for i in range(1, 7)]
    # Half of the samples are kept, which is not known before.
    expected += [(epoch, i, 3, 3 * (6 - epoch) - i) for epoch in (3, 4, 5) for i in (1, 2, 3)]
    if resumed:
        expected = [line for line in expected if line[0] > 3]
    assert etas(tmp_path / ('resumed' if resumed else 'run')) == expected
