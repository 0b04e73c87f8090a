"""A run whose loss or weights are not finite, or whose epochs are empty, ends in one sentence."""

import json
from functools import partial

import pytest
import torch
import two_process_utils
from mmengine.hooks import Hook
from mmengine.optim.optimizer import amp_optimizer_wrapper
from mmpretrain.registry import HOOKS
from process_utils import in_processes

from runner_utils import run, tiny

CONFIG = 'deft/deft_digits_sym40.py'
CE = 'ce/ce_digits_sym40.py'


@HOOKS.register_module(force=True)
class SpoilWeights(Hook):
    """Makes a weight infinite after the last iteration of an epoch, or after any."""

    def __init__(self, epoch: int, iteration: int = -1) -> None:
        self.epoch, self.iteration = epoch, iteration

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        last = range(len(runner.train_dataloader))[self.iteration]
        if runner.epoch == self.epoch and batch_idx == last:
            model = getattr(runner.model, 'active', runner.model)
            with torch.no_grad():
                next(p for p in model.parameters() if p.requires_grad).view(-1)[0] = torch.inf


def ends(cfg, match) -> None:
    with pytest.raises(ValueError, match=match):
        run(cfg)


def written(folder) -> set[str]:
    return {path.name for path in folder.glob('*') if path.suffix in ('.pth', '.csv')}


def keep_even(cfg):
    cfg.default_hooks.noise_filter.selector = dict(type='KeepEvenIndices')
    return cfg


@pytest.mark.parametrize(
    ('stage', 'place', 'files'),
    [
        ('detector', r'stage 1 \(the detector\), epoch 1', set()),
        (
            'classifier',
            r'stage 2 \(the classifier\), epoch 2',
            {'epoch_1.pth', 'selection.csv', 'detection_curve.csv'},
        ),
    ],
)
def test_a_learning_rate_that_is_too_high_ends_either_stage(tmp_path, stage, place, files):
    cfg = keep_even(tiny(CONFIG, tmp_path))
    cfg.optim_wrapper[stage].optimizer.lr = 1e30
    ends(
        cfg,
        rf'loss is not finite \(loss.* nan\) in {place}, iteration [23] of \d\. '
        rf'Lower optim_wrapper\.{stage}\.optimizer\.lr \(1e\+30\).*model\.{stage}\.head',
    )
    assert written(tmp_path) == files


def test_a_run_without_stages_is_told_its_own_settings(tmp_path):
    cfg = tiny(CE, tmp_path)
    cfg.optim_wrapper.optimizer.lr = 1e30
    ends(cfg, r'in epoch 1, iteration \d of 6\. Lower optim_wrapper\.optimizer\.lr \(1e\+30\)')


def test_the_term_that_is_not_finite_is_named(tmp_path):
    cfg = tiny(CONFIG, tmp_path)
    cfg.model.detector.head.loss_cls = dict(type='SpoiledLoss', calls=[3])
    ends(cfg, r'\(loss_cls nan\).*iteration 3 of 6\. Lower optim_wrapper\.detector')


def test_before_the_first_step_of_a_stage_the_learning_rate_is_not_blamed(tmp_path):
    cfg = keep_even(tiny(CONFIG, tmp_path))
    # The first call is that of the rehearsal, without gradients.
    cfg.model.classifier.head.loss = dict(type='SpoiledLoss', calls=[1])
    ends(cfg, r'stage 2.*iteration 1 of 6\. No step came before.*model\.classifier\.head')


def test_weights_that_break_in_the_last_step_are_neither_saved_nor_select(tmp_path):
    cfg = tiny(CONFIG, tmp_path, default_hooks__noise_filter__detection_interval=1)
    cfg.custom_hooks = [dict(type='SpoilWeights', epoch=0)]
    ends(
        cfg,
        r'not finite after stage 1 \(the detector\), epoch 1: 1 tensors \(model\.detector\.',
    )
    assert written(tmp_path) == set()


def test_weights_that_break_within_an_epoch_are_not_saved_there(tmp_path):
    cfg = tiny(CE, tmp_path)
    cfg.default_hooks.checkpoint.update(by_epoch=False, interval=1)
    cfg.custom_hooks = [dict(type='SpoilWeights', epoch=0, iteration=1)]
    ends(cfg, 'Weights are not finite')
    assert written(tmp_path) == {'iter_1.pth'}


def test_a_run_that_was_stopped_resumes_from_sound_averaged_weights(tmp_path):
    options = dict(train_cfg__max_epochs=4, default_hooks__noise_filter__detector_epochs=2)
    cfg = keep_even(tiny(CONFIG, tmp_path, **options))
    ema = dict(type='mmengine.EMAHook', momentum=0.1)
    cfg.custom_hooks = [ema, dict(type='SpoilWeights', epoch=1)]
    ends(cfg, 'epoch 2')
    cfg.custom_hooks, cfg.resume = [ema], True
    run(cfg)
    state = torch.load(tmp_path / 'epoch_4.pth', weights_only=True)['state_dict']
    assert all(weight.isfinite().all() for key, weight in state.items() if '.head.' in key)


@pytest.fixture
def scaled(monkeypatch):
    """MMEngine's AMP wrapper with PyTorch's scaler for the CPU."""
    if not hasattr(torch.amp, 'GradScaler'):
        pytest.skip('this PyTorch scales losses on GPUs alone')
    monkeypatch.setattr(amp_optimizer_wrapper, 'is_cuda_available', lambda: True)
    scaler = partial(torch.amp.GradScaler, 'cpu')
    monkeypatch.setattr(amp_optimizer_wrapper, 'GradScaler', scaler)


def amp(work_dir, loss_scale='dynamic', calls=(), **options):
    cfg = tiny(CE, work_dir, num_samples=80, **options)
    # bfloat16 computes on every CPU; that there is a scaler is what matters.
    cfg.optim_wrapper.update(type='AmpOptimWrapper', loss_scale=loss_scale, dtype='bfloat16')
    cfg.model.head.loss = dict(type='SpoiledLoss', calls=list(calls))
    return cfg


def test_steps_that_are_skipped_until_the_loss_scale_fits_are_no_fault(scaled, tmp_path):
    cfg = amp(tmp_path, calls=range(1, 4))
    cfg.model.head.loss.gradients = True
    runner = run(cfg)
    assert runner.optim_wrapper.loss_scaler.get_scale() == 2.0**13
    assert all(weight.isfinite().all() for weight in runner.model.parameters())
    cfg.default_hooks.guard.max_skipped_steps = 2
    ends(
        cfg,
        'skipped 3 steps in a row up to epoch 1, iteration 3 of 20: their gradients overflow at a '
        'scale of 8192, too',
    )


@pytest.mark.parametrize(
    ('calls', 'fails'),
    [
        (range(1, 18), True),
        # As many, with a step in between.
        ([*range(1, 17), 18], False),
    ],
)
def test_so_many_skipped_steps_in_a_row_end_a_run(scaled, tmp_path, calls, fails):
    cfg = amp(tmp_path, calls=calls)
    if fails:
        ends(cfg, r'17 steps in a row .*iteration 17 of 20: the loss is not finite \(loss nan\) at')
    else:
        assert all(weight.isfinite().all() for weight in run(cfg).model.parameters())


def test_a_step_counts_by_all_the_losses_that_are_accumulated_in_it(scaled, tmp_path):
    cfg = amp(tmp_path, calls=[1, 3, 5], default_hooks__guard__max_skipped_steps=2)
    cfg.optim_wrapper.accumulative_counts = 2
    ends(cfg, r'skipped 3 steps in a row up to epoch 1, iteration 6 of 20')


def test_without_loss_scaling_nothing_is_borne(scaled, tmp_path):
    ends(amp(tmp_path, dict(enabled=False), calls=[2]), r'loss nan\) in epoch 1, iteration 2')


def of_two_processes(cfg, tmp_path) -> list[str]:
    imports = ['deft_mm', 'runner_utils', 'two_process_utils']
    cfg.custom_imports = dict(imports=imports, allow_failed_imports=False)
    cfg.dump(tmp_path / 'config.py')
    in_processes(two_process_utils.error_in_process, str(tmp_path))
    return [(tmp_path / f'{rank}.txt').read_text() for rank in range(2)]


def test_a_fault_of_one_process_ends_both_with_the_same_sentence(tmp_path):
    cfg = tiny(CE, tmp_path, num_samples=24)
    cfg.model.head.loss = dict(type='SpoiledLoss', calls=[2], rank=1)
    first, second = of_two_processes(cfg, tmp_path)
    assert first == second and 'loss nan) in epoch 1, iteration 2 of 3.' in first
    assert written(tmp_path) == set()


@pytest.mark.parametrize('config', [CONFIG, CE])
@pytest.mark.parametrize('loader', ['train_dataloader', 'val_dataloader'])
def test_an_epoch_without_a_batch_is_refused(tmp_path, config, loader):
    cfg = tiny(config, tmp_path)
    cfg[loader].update(batch_size=25, drop_last=True)
    ends(cfg, rf'{loader} has no iteration: of \d+ samples .*batch_size=25 and drop_last=True')
    assert not (tmp_path / 'summary.json').exists()


def test_an_epoch_without_a_batch_for_each_process_is_refused(tmp_path):
    cfg = tiny(CONFIG, tmp_path, num_samples=6, train_dataloader__drop_last=True)
    for error in of_two_processes(cfg, tmp_path):
        assert 'has no iteration: of 6 samples each process has 3, with batch_size=4' in error


@pytest.mark.parametrize(
    ('key', 'value', 'match'),
    [
        ('train_cfg.val_interval', 0, r'train_cfg\.val_interval is 0: set it to 1.*--no-validate'),
        ('train_cfg.val_interval', -1, r'train_cfg\.val_interval is -1'),
        ('train_cfg.val_begin', 0, r'train_cfg\.val_begin is 0'),
        ('train_cfg.max_epochs', 0, r'train_cfg\.max_epochs is 0: set it to 1 or more\.$'),
        ('default_hooks.checkpoint.interval', 0, r'checkpoint\.interval is 0.*-1 for no check'),
        ('default_hooks.checkpoint.max_keep_ckpts', 0, r'max_keep_ckpts is 0.*-1 for all'),
        ('default_hooks.guard.max_skipped_steps', -1, r'TrainingGuardHook\.max_skipped_steps is -'),
        ('default_hooks.guard.interval', 0, r'TrainingGuardHook\.interval is 0'),
    ],
)
def test_intervals_are_checked_before_training(tmp_path, key, value, match):
    # MMEngine's schedulers have errors of their own for a run without an epoch.
    cfg = tiny(CE, tmp_path, param_scheduler=None)
    cfg.merge_from_dict({key: value})
    ends(cfg, match)
    assert written(tmp_path) == set() and not (tmp_path / 'summary.json').exists()


def test_a_sound_run_is_not_disturbed(tmp_path):
    run(keep_even(tiny(CONFIG, tmp_path)))
    assert json.loads((tmp_path / 'summary.json').read_text())['finished']
