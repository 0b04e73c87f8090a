"""Two networks in one run: trained, averaged, resumed, distributed, and put to use."""

from __future__ import annotations

import pytest
import torch
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS

from deft_mm.selection import read_selection
from runner_utils import run, same_state, tiny

CONFIGS = ['co_teaching/co_teaching_digits_sym40.py', 'jocor/jocor_digits_sym40.py']
EMA = [dict(type='mmengine.EMAHook', momentum=0.1)]


def settings(path: str, work_dir, **options):
    cfg = tiny(path, work_dir, **options)
    cfg.model.head.loss.update(noise_ratio=0.5, warmup_epochs=0)
    cfg.default_hooks.checkpoint.interval = 1
    return cfg


@pytest.mark.parametrize('path', CONFIGS)
def test_both_networks_learn_and_the_selection_is_of_their_mean(path, tmp_path):
    cfg = settings(path, tmp_path)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        fresh = MODELS.build(dict(cfg.model, data_preprocessor=cfg.data_preprocessor))
    fresh.init_weights()
    one, two = (peer.fc.weight for peer in fresh.head.peers)
    assert not torch.equal(one, two)  # each its own way
    model = run(cfg).model
    trained = {name for name, value in model.named_parameters() if value.requires_grad}
    pairs = {name for name in trained if '.0.' in name}
    assert {name.replace('s.0.', 's.1.', 1) for name in pairs} == trained - pairs
    images = torch.rand(3, 3, 32, 32)
    model.eval()
    with torch.no_grad():
        feats = model.extract_feat(images)
        each = [peer((feat,)) for peer, feat in zip(model.head.peers, feats, strict=True)]
        torch.testing.assert_close(model(images), (each[0] + each[1]) / 2)
    table = read_selection(tmp_path / 'selection.csv')
    assert table.method == 'SmallLossSelector' and 0 < table.kept.sum() < len(table)


@pytest.mark.parametrize('path', CONFIGS)
@pytest.mark.parametrize('hooks', [[], EMA], ids=['alone', 'averaged'])
def test_resume_equals_uninterrupted_run(path, hooks, tmp_path):
    cfg = settings(path, tmp_path / 'whole')
    cfg.train_cfg.max_epochs, cfg.custom_hooks = 3, hooks
    cfg.model.head.loss.warmup_epochs = 3
    cfg.default_hooks.checkpoint.max_keep_ckpts = -1
    whole = run(cfg)
    cfg.work_dir = str(tmp_path / 'resumed')
    cfg.resume, cfg.load_from = True, str(tmp_path / 'whole' / 'epoch_1.pth')
    assert same_state(run(cfg).model.state_dict(), whole.model.state_dict())


def test_a_classifier_of_stage_two_may_be_two_networks(tmp_path):
    cfg = tiny('deft/deft_digits_sym40.py', tmp_path)
    cfg.default_hooks.noise_filter.selector = dict(type='KeepEvenIndices')
    cfg.model.classifier.type = 'PeerClassifier'
    cfg.model.classifier.head.loss = dict(type='JoCoRLoss', noise_ratio=0.1)
    runner = run(cfg)
    assert runner.model.active_stage == 'classifier' and runner.epoch == 2


@pytest.mark.parametrize(
    'change, message',
    [
        ({'head.loss': dict(type='GCELoss')}, 'PeerClassifier.head.loss is a loss of two.*GCELoss'),
        ({'head.loss': None}, 'PeerClassifier.head.loss is a loss of two.*found None'),
        ({'head.type': 'MultiLabelLinearClsHead'}, 'PeerClassifier.head is a ClsHead.*MultiLabel'),
    ],
)
def test_what_is_no_loss_or_head_of_two_networks(tmp_path, change, message):
    cfg = settings(CONFIGS[0], tmp_path)
    for key, value in change.items():
        cfg.merge_from_dict({f'model.{key}': value})
        if value is None:
            cfg.model.head.pop('loss')
        elif isinstance(value, dict):
            cfg.model.head.loss = value
    with pytest.raises(TypeError, match=message):
        run(cfg)


def test_labels_that_are_mixed_are_refused_before_training(tmp_path):
    cfg = settings(CONFIGS[0], tmp_path)
    cfg.data_preprocessor.batch_augments = dict(augments=dict(type='Mixup', alpha=1.0))
    with pytest.raises(ValueError, match='CoTeachingLoss takes class indices.*batch_augments'):
        run(cfg)
    assert not list(tmp_path.glob('*.pth'))
