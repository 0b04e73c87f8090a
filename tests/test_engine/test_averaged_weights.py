"""EMA: with every loss in both stages, and in the scoring pass."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from mmpretrain.registry import DATASETS, MODELS

from deft_mm.datasets import sample_table_of
from deft_mm.engine.scoring_pass import score_samples
from deft_mm.selection import read_selection
from runner_utils import run, same_state, tiny

CONFIG = 'deft/deft_digits_sym40.py'
EMA = [dict(type='mmengine.EMAHook', momentum=0.1)]
ELR = dict(type='ELRLoss', num_classes=10)
LOSSES = [
    dict(type='LogitAdjustedLoss'),
    dict(type='ClassBalancedLoss', beta=0.9),
    dict(type='SmallLoss', noise_ratio=0.5),
    dict(type='SCELoss'),
    dict(type='GCELoss'),
    ELR,
    dict(type='ClassBalancedLoss', loss=dict(type='SmallLoss', noise_ratio=0.2, loss=ELR)),
]


@pytest.mark.parametrize('update_buffers', [False, True])
@pytest.mark.parametrize('loss', LOSSES, ids=lambda loss: f'{loss["type"]}{len(loss)}')
def test_every_loss_of_stage_two_trains_beside_averaged_weights(tmp_path, loss, update_buffers):
    cfg = tiny(CONFIG, tmp_path)
    cfg.custom_hooks = [dict(EMA[0], update_buffers=update_buffers)]
    cfg.model.classifier.head.loss = dict(loss)
    cfg.default_hooks.noise_filter.selector = dict(type='KeepEvenIndices')
    state = run(cfg).model.state_dict()
    assert all(torch.isfinite(value).all() for value in state.values())


@pytest.mark.parametrize('epoch', [1, 2])
def test_resume_with_class_counts_and_averages_equals_uninterrupted_run(tmp_path, epoch):
    cfg = tiny(CONFIG, tmp_path / 'whole', train_cfg__max_epochs=3)
    cfg.default_hooks.checkpoint.max_keep_ckpts = -1
    cfg.custom_hooks = EMA
    cfg.model.classifier.head.loss = dict(type='LogitAdjustedLoss')
    cfg.default_hooks.noise_filter.selector = dict(type='KeepEvenIndices')
    whole = run(cfg)
    cfg.work_dir = str(tmp_path / 'resumed')
    cfg.resume, cfg.load_from = True, str(tmp_path / 'whole' / f'epoch_{epoch}.pth')
    assert same_state(run(cfg).model.state_dict(), whole.model.state_dict())


@pytest.mark.parametrize('update_buffers', [False, True])
def test_checkpoint_is_of_the_stage_in_which_it_was_saved(tmp_path, update_buffers):
    cfg = tiny(CONFIG, tmp_path / 'first')
    cfg.custom_hooks = [dict(EMA[0], update_buffers=update_buffers)]
    cfg.default_hooks.noise_filter.selector = dict(type='KeepEvenIndices')
    run(cfg)
    cfg.work_dir = str(tmp_path / 'second')
    cfg.load_from = str(tmp_path / 'first' / 'epoch_2.pth')
    run(cfg)
    for name in ('first', 'second'):
        for epoch in (1, 2):
            file = torch.load(tmp_path / name / f'epoch_{epoch}.pth', weights_only=True)
            stages = file['state_dict']['stage'], file['ema_state_dict']['module.stage']
            assert stages == (epoch - 1, epoch - 1)


def score_with(cfg, weights) -> np.ndarray:
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(dict(cfg.model, data_preprocessor=cfg.get('data_preprocessor')))
        dataset = DATASETS.build(cfg.train_dataloader.dataset)
        model.detector.head.set_class_names(dataset.metainfo['classes'])
        model.load_state_dict(weights)
        table, pipeline = sample_table_of(dataset), cfg.val_dataloader.dataset.pipeline
        return score_samples(model.detector, dataset, table, pipeline, batch_size=4).clean_prob


def test_samples_are_scored_with_the_weights_that_validation_uses(tmp_path):
    cfg = tiny(CONFIG, tmp_path)
    cfg.model.classifier = None
    cfg.default_hooks.noise_filter.selector = dict(type='KeepEvenIndices')
    cfg.custom_hooks = EMA
    cfg.optim_wrapper.detector.optimizer.lr = 0.5
    runner = run(cfg)
    checkpoint = torch.load(tmp_path / 'epoch_1.pth', weights_only=True)
    raw = {
        name.removeprefix('module.'): value
        for name, value in checkpoint['ema_state_dict'].items()
        if name.startswith('module.')
    }
    selected = read_selection(tmp_path / 'selection.csv').clean_prob
    np.testing.assert_allclose(selected, score_with(cfg, checkpoint['state_dict']), rtol=1e-5)
    assert np.abs(selected - score_with(cfg, raw)).max() > 1e-3
    # and the run goes on with its own
    assert same_state(runner.model.state_dict(), raw)
    assert 'averaged weights of EMAHook' in next(tmp_path.glob('*/*.log')).read_text()


def test_after_a_validation_text_features_are_those_of_the_weights_that_are_back(tmp_path):
    cfg = tiny(CONFIG, tmp_path)
    cfg.model = dict(cfg.model.detector, data_preprocessor=cfg.get('data_preprocessor'))
    cfg.optim_wrapper = dict(optimizer=dict(type='SGD', lr=0.5))
    cfg.param_scheduler = None
    cfg.default_hooks.pop('noise_filter')
    cfg.custom_hooks = EMA
    head = run(cfg).model.head
    with torch.no_grad():
        kept = head.text_features()
        head.eval()  # computes them anew
        assert torch.equal(kept, head.text_features())
