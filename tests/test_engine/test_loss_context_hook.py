"""LossContextHook: every loss trains in a real run, and knows of the data what it needs."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mmengine.runner import Runner
from mmpretrain.registry import TRANSFORMS

from deft_mm.datasets import given_labels_of
from runner_utils import run, same_state, scalars, tiny

CONFIG = 'ce/ce_digits_sym40.py'
ELR = dict(type='ELRLoss', num_classes=10)
LOSSES = [
    dict(type='SCELoss'),
    dict(type='GCELoss'),
    ELR,
    dict(type='SmallLoss', noise_ratio=0.5),
    dict(type='ComplementaryLabelLoss'),
    dict(type='LogitAdjustedLoss'),
    dict(type='ClassBalancedLoss', beta=0.9),
    dict(type='SampleWeightedLoss'),
]
NEED_CONTEXT = [
    loss
    for loss in LOSSES
    if loss['type']
    in ('ELRLoss', 'LogitAdjustedLoss', 'ClassBalancedLoss', 'SampleWeightedLoss', 'SmallLoss')
]


@TRANSFORMS.register_module()
class WeightByIndex:
    """Gives the first half of 24 samples the weight 1, the others 0."""

    def __call__(self, results: dict) -> dict:
        results['sample_weight'] = float(results['sample_idx'] < 12)
        return results


def config(work_dir, loss, hook=True, **options):
    cfg = tiny(CONFIG, work_dir, train_cfg__max_epochs=2, **options)
    cfg.model.head.loss = dict(loss)
    cfg.default_hooks.pop('loss_context', None)
    if hook:
        cfg.default_hooks.loss_context = dict(type='LossContextHook')
    if loss['type'] == 'SampleWeightedLoss':
        pack = dict(type='PackInputs', algorithm_keys=('sample_weight',))
        cfg.train_dataloader.dataset.dataset.pipeline = [dict(type='WeightByIndex'), pack]
    return cfg


def loss_of(runner):
    return runner.model.head.loss_module


def seen(targets):
    """Indices of the samples whose target has moved."""
    return set(targets.any(dim=1).nonzero().squeeze(1).tolist())


@pytest.mark.parametrize('loss', LOSSES, ids=lambda loss: loss['type'])
def test_every_loss_trains(tmp_path, loss):
    cfg = config(tmp_path, loss)
    start = Runner.from_cfg(cfg).model.state_dict()
    runner = run(cfg)
    losses = [line['loss'] for line in scalars(tmp_path)]
    assert len(losses) == 12 and np.isfinite(losses).all()
    end = runner.model.state_dict()
    assert not torch.equal(end['head.fc.weight'], start['head.fc.weight'])
    assert all(torch.isfinite(value).all() for value in end.values())


@pytest.mark.parametrize('loss', NEED_CONTEXT, ids=lambda loss: loss['type'])
def test_loss_without_its_context_is_an_error_with_a_remedy(tmp_path, loss):
    cfg = config(tmp_path, loss, hook=False)
    with pytest.raises(ValueError, match=rf'{loss["type"]} was not told.*LossContextHook'):
        run(cfg)


# -- ELR ---------------------------------------------------------------------------


@pytest.fixture(scope='module')
def elr(tmp_path_factory):
    work_dir = tmp_path_factory.mktemp('elr')
    cfg = config(work_dir, ELR, default_hooks__checkpoint__max_keep_ckpts=-1)
    cfg.train_cfg.max_epochs = 3
    return run(cfg), work_dir


def test_every_sample_has_a_target_of_its_own(elr):
    targets = loss_of(elr[0]).targets
    assert targets.shape == (24, 10) and seen(targets) == set(range(24))
    assert len(targets.unique(dim=0)) == 24
    # sum of the moving average after three epochs
    torch.testing.assert_close(targets.sum(1), torch.full((24,), 1 - 0.3**3))


@pytest.mark.parametrize('epoch', [1, 2])
def test_resumed_run_with_elr_equals_uninterrupted_run(elr, tmp_path, epoch):
    whole, whole_dir = elr
    cfg = config(tmp_path, ELR)
    cfg.train_cfg.max_epochs = 3
    cfg.resume, cfg.load_from = True, str(whole_dir / f'epoch_{epoch}.pth')
    resumed = run(cfg)
    assert same_state(whole.model.state_dict(), resumed.model.state_dict())
    later = [line for line in scalars(whole_dir) if line['epoch'] > epoch]
    assert later and later == scalars(tmp_path)


def test_a_new_run_from_the_weights_of_another_has_its_own_targets(elr, tmp_path):
    cfg = config(tmp_path, ELR)
    cfg.train_cfg.max_epochs = 1
    cfg.load_from = str(elr[1] / 'epoch_3.pth')
    targets = loss_of(run(cfg)).targets
    torch.testing.assert_close(targets.sum(1), torch.full((24,), 1 - 0.3))


@pytest.mark.parametrize('hook', [True, False])
def test_checkpoint_with_targets_is_tested_without_a_warning(elr, tmp_path, hook):
    cfg = config(tmp_path, ELR, hook=hook)
    cfg.load_from = str(elr[1] / 'epoch_3.pth')
    runner = Runner.from_cfg(cfg)
    runner.test()
    log = next(tmp_path.glob('*/*.log')).read_text()
    assert 'Load checkpoint from' in log and 'do not match' not in log
    assert same_state(runner.model.state_dict(), elr[0].model.state_dict())


def test_ema_averages_beside_targets_and_counts(tmp_path):
    for loss in (ELR, dict(type='LogitAdjustedLoss')):
        cfg = config(tmp_path / loss['type'], loss)
        cfg.custom_hooks = [dict(type='mmengine.EMAHook', momentum=0.1)]
        runner = run(cfg)
        ema = next(hook for hook in runner.hooks if type(hook).__name__ == 'EMAHook')
        average, last = ema.ema_model.module, ema.src_model
        assert not torch.equal(average.head.fc.weight, last.head.fc.weight)
        for one, two in zip(average.buffers(), last.buffers(), strict=True):
            assert torch.equal(one, two)


def test_parts_of_a_concatenation_need_indices_of_their_own(tmp_path):
    cfg = config(tmp_path, ELR)
    part = cfg.train_dataloader.dataset.dataset
    both = dict(type='ConcatDataset', datasets=[part, part])
    cfg.train_dataloader.dataset = both
    with pytest.raises(ValueError, match="ConcatDataset.*type='NoisyLabelDataset'"):
        run(cfg)
    cfg.train_dataloader.dataset = dict(type='NoisyLabelDataset', dataset=both)
    assert seen(loss_of(run(cfg)).targets) == set(range(48))
    cfg.train_dataloader.num_batch_per_epoch = 2  # MMEngine's cut wraps it once more
    assert loss_of(run(cfg)).targets.shape == (48, 10)


def test_repeated_samples_share_a_target(tmp_path):
    cfg = config(tmp_path, ELR)
    cfg.train_dataloader.dataset = dict(
        type='RepeatDataset', dataset=cfg.train_dataloader.dataset, times=2
    )
    assert seen(loss_of(run(cfg)).targets) == set(range(24))


# -- what is trained on --------------------------------------------------------------


@pytest.fixture(scope='module')
def two_stages(tmp_path_factory):
    """One epoch of detector and two of a classifier on every other sample, each with two losses."""
    work_dir = tmp_path_factory.mktemp('deft')
    cfg = tiny('deft/deft_digits_sym40.py', work_dir, train_cfg__max_epochs=3)
    cfg.default_hooks.noise_filter.update(
        selector=dict(type='KeepEvenIndices'), keep_num_updates=False
    )
    cfg.default_hooks.loss_context = dict(type='LossContextHook')
    cfg.model.detector.head.loss_cls = ELR
    cfg.model.detector.head.loss_warmup = dict(type='LogitAdjustedLoss')
    small_loss = dict(type='SmallLoss', noise_ratio=0.0, loss=ELR)
    cfg.model.classifier.head.loss = dict(type='ClassBalancedLoss', beta=1 - 1e-9, loss=small_loss)
    cfg.model.detector.head.warmup_epochs = 0
    return run(cfg), work_dir


def test_each_stage_is_told_of_its_own_samples(two_stages):
    model = two_stages[0].model
    assert seen(model.detector.head.loss_module.targets) == set(range(24))
    targets = model.classifier.head.loss_module.loss.loss.targets
    # by the index in the whole data set
    assert targets.shape == (24, 10) and seen(targets) == set(range(0, 24, 2))


def test_epochs_are_counted_from_the_start_of_a_stage(two_stages):
    model = two_stages[0].model
    # the second of the classifier, after one of the detector
    assert model.classifier.head.loss_module.loss.context.epoch == 1


def test_class_counts_are_those_of_the_data_that_a_stage_trains_on(two_stages):
    runner = two_stages[0]
    kept = given_labels_of(runner.train_dataloader.dataset)
    whole = given_labels_of(runner.train_dataloader.dataset.dataset)
    assert len(kept) == 12 and len(whole) == 24
    counts = torch.bincount(torch.from_numpy(whole), minlength=10).clamp(min=1)
    log_prior = runner.model.detector.head.loss_warmup.log_prior
    torch.testing.assert_close(log_prior, torch.log(counts / counts.sum()))
    counts = torch.bincount(torch.from_numpy(kept), minlength=10)
    weight = runner.model.classifier.head.loss_module.class_weight
    inverse = 1 / counts.clamp(min=1)
    torch.testing.assert_close(weight, inverse / inverse[counts > 0].mean(), rtol=1e-4, atol=0)


def test_subset_by_a_selection_file_has_targets_by_the_index_in_the_whole(two_stages, tmp_path):
    cfg = config(tmp_path, ELR)
    cfg.train_dataloader.dataset = dict(
        type='CleanSubset',
        dataset=cfg.train_dataloader.dataset,
        selection=str(two_stages[1] / 'selection.csv'),
    )
    targets = loss_of(run(cfg)).targets
    assert targets.shape == (24, 10) and seen(targets) == set(range(0, 24, 2))
