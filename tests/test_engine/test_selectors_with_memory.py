"""Selectors that remember: a resumed run selects what the uninterrupted one does."""

import json
from functools import partial

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook
from mmpretrain.registry import HOOKS
from process_utils import run_tool

from deft_mm.selection import read_selection
from runner_utils import run, same_state, tiny

SMALL_LOSS = dict(type='SmallLossSelector', noise_ratio=0.4)
PERSISTENT = dict(type='PersistentSelector', selector=SMALL_LOSS, patience=3)
MARGIN = dict(type='MeanMarginSelector', cut='mixture')
SELECTORS = dict(
    persistent=PERSISTENT,
    margin=MARGIN,
    both=dict(type='PersistentSelector', selector=MARGIN, patience=2),
)
PLANS = dict(
    selects=dict(begin=1, interval=1),
    selects_and_reports=dict(begin=1, interval=2, detection_interval=1),
    reports=dict(detection_interval=1),
)
PAIRS = [
    ('persistent', 'selects'),
    ('margin', 'selects_and_reports'),
    ('both', 'reports'),
    ('both', 'selects'),
]


@HOOKS.register_module()
class KilledInEpochThree(Hook):
    """Breaks in the middle of the third epoch."""

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        if runner.epoch == 2 and batch_idx == 1:
            raise RuntimeError('killed')


def config(work_dir, selector, **options):
    cfg = tiny('ce/ce_digits_sym40.py', work_dir, num_samples=40, train_cfg__max_epochs=5)
    cfg.default_hooks.checkpoint.max_keep_ckpts = -1
    cfg.optim_wrapper.optimizer.lr = 0.02
    cfg.default_hooks.noise_filter = dict(type='RefilterHook', selector=selector, **options)
    cfg.custom_hooks = [dict(type='mmengine.EMAHook', momentum=0.1)]
    return cfg


def columns(folder):
    selection = read_selection(folder / 'selection.csv')
    return selection.kept, selection.score


def assert_equal(folder, other, resumed, whole):
    assert same_state(resumed.model.state_dict(), whole.model.state_dict())
    for found, expected in zip(columns(folder), columns(other), strict=True):
        np.testing.assert_array_equal(found, expected)
    states = [
        torch.load(path / 'epoch_5.pth', weights_only=True)['deft']['selector']['memory']
        for path in (folder, other)
    ]
    assert str(states[0]) == str(states[1])


@pytest.fixture(scope='module', params=PAIRS, ids='-'.join)
def whole(request, tmp_path_factory):
    """An uninterrupted run: a function that makes a config like its own, its folder and runner."""
    folder = tmp_path_factory.mktemp('whole')
    selector, plan = request.param
    make = partial(config, selector=SELECTORS[selector], **PLANS[plan])
    return make, folder, run(make(folder))


@pytest.mark.parametrize('epoch', [1, 3])
def test_resume_equals_uninterrupted_run(whole, tmp_path, epoch):
    make, folder, runner = whole
    cfg = make(tmp_path)
    cfg.resume, cfg.load_from = True, str(folder / f'epoch_{epoch}.pth')
    resumed = run(cfg)
    assert [item for item in runner.order.batches if item[0] >= epoch] == resumed.order.batches
    assert_equal(tmp_path, folder, resumed, runner)


def test_a_run_that_is_killed_within_an_epoch_goes_on_as_if_it_had_not_been(whole, tmp_path):
    make, folder, runner = whole
    cfg = make(tmp_path)
    cfg.custom_hooks = [*cfg.custom_hooks, dict(type='KilledInEpochThree')]
    with pytest.raises(RuntimeError, match='killed'):
        run(cfg)
    cfg.custom_hooks = cfg.custom_hooks[:1]
    cfg.resume, cfg.load_from = True, str(tmp_path / 'epoch_2.pth')
    assert_equal(tmp_path, folder, run(cfg), runner)


def test_without_its_memory_the_run_would_be_another(tmp_path):
    """What is held above depends on what the checkpoint carries."""
    whole = run(config(tmp_path / 'whole', MARGIN, begin=1, interval=1))
    path = tmp_path / 'whole' / 'epoch_3.pth'
    checkpoint = torch.load(path, weights_only=True)
    assert checkpoint['deft']['selector']['memory']['count'].tolist() == [1] * 40
    del checkpoint['deft']['selector']
    torch.save(checkpoint, tmp_path / 'poorer.pth')
    cfg = config(tmp_path / 'resumed', MARGIN, begin=1, interval=1)
    cfg.resume, cfg.load_from = True, str(tmp_path / 'poorer.pth')
    resumed = run(cfg)
    scores = [columns(tmp_path / name)[1] for name in ('whole', 'resumed')]
    assert not np.array_equal(*scores) and resumed.epoch == whole.epoch


def test_another_selector_goes_on_without_it_and_says_so(tmp_path):
    run(config(tmp_path / 'one', MARGIN, begin=1, interval=1))
    cfg = config(tmp_path / 'two', SMALL_LOSS, begin=1, interval=1)
    cfg.resume, cfg.load_from = True, str(tmp_path / 'one' / 'epoch_3.pth')
    run(cfg)
    (log,) = (tmp_path / 'two').glob('*/*.log')
    assert 'what a MeanMarginSelector remembers, and the config has a SmallLoss' in log.read_text()


def test_a_detector_that_reports_every_epoch_remembers_them(tmp_path):
    cfg = tiny('deft/deft_digits_sym40.py', tmp_path, num_samples=40, train_cfg__max_epochs=4)
    cfg.default_hooks.noise_filter.update(
        selector=MARGIN, detector_epochs=3, detection_interval=1, limits=dict(max_rejected=0.5)
    )
    cfg.default_hooks.checkpoint.max_keep_ckpts = -1
    run(cfg)
    memory = torch.load(tmp_path / 'epoch_4.pth', weights_only=True)['deft']['selector']['memory']
    assert memory['count'].tolist() == [2] * 40 and memory['last_epoch'] == 3


def test_two_processes_remember_together_and_resume(tmp_path):
    cfg = config(tmp_path / 'whole', PERSISTENT, begin=1, interval=1)
    cfg.dump(tmp_path / 'config.py')
    imports = 'custom_imports.imports=[deft_mm,runner_utils]'
    options = ['--cfg-options', imports, 'custom_imports.allow_failed_imports=False']
    run_tool('train.py', [tmp_path / 'config.py', *options], tmp_path)
    resume = ['--work-dir', tmp_path / 'resumed', '--resume', tmp_path / 'whole' / 'epoch_3.pth']
    run_tool('train.py', [tmp_path / 'config.py', *resume, *options], tmp_path)
    whole, resumed = (
        torch.load(tmp_path / name / 'epoch_5.pth', weights_only=True)
        for name in ('whole', 'resumed')
    )
    assert same_state(whole['state_dict'], resumed['state_dict'])
    assert whole['deft']['selector']['memory']['epochs'] == [2, 3, 4]
    for found, expected in zip(
        columns(tmp_path / 'resumed'), columns(tmp_path / 'whole'), strict=True
    ):
        np.testing.assert_array_equal(found, expected)
    assert json.loads((tmp_path / 'resumed' / 'summary.json').read_text())['finished']
