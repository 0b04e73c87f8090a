"""A classifier that begins with the detector's head, on as many samples of each class: TURN."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from mmengine.hooks import Hook

from runner_utils import run, same_state, tiny

CONFIG = 'turn/turn_digits_sym40.py'
EMA = [dict(type='mmengine.EMAHook', momentum=0.1, update_buffers=True)]


class FirstWeights(Hook):
    """Notes the model's weights and their averages before the first step of each stage."""

    priority = 'LOWEST'

    def before_run(self, runner) -> None:
        runner.first = {}

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        hooks = [hook for hook in runner.hooks if hasattr(hook, 'ema_model')]
        models = [runner.model, *(hook.ema_model.module for hook in hooks)]
        states = [{k: v.clone() for k, v in model.state_dict().items()} for model in models]
        runner.first.setdefault(runner.model.active_stage, states)


def settings(work_dir, hooks=()):
    cfg = tiny(CONFIG, work_dir)
    cfg.custom_hooks = [dict(type=FirstWeights), *hooks]
    cfg.default_hooks.noise_filter.selector = dict(type='KeepEvenIndices')
    cfg.default_hooks.checkpoint.interval = 1
    cfg.optim_wrapper.detector.optimizer.lr = 0.1
    return cfg


def children(state: dict) -> tuple[dict, dict]:
    return tuple(
        {
            name.removeprefix(f'{child}.'): value
            for name, value in state.items()
            if name.startswith(f'{child}.')
        }
        for child in ('detector', 'classifier')
    )


@pytest.mark.parametrize('hooks', [(), EMA], ids=['alone', 'averaged'])
def test_stage_two_begins_with_the_probe_of_a_tower_that_stays_as_it_is(tmp_path, hooks):
    runner = run(settings(tmp_path, hooks))
    before, states = runner.first['detector'], runner.first['classifier']
    assert len(states) == 1 + len(hooks)
    for start, state in zip(before, states, strict=True):
        detector, classifier = children(state)
        head = {name for name in detector if name.startswith('head.')}
        assert head == {'head.fc.weight', 'head.fc.bias'}
        assert all(torch.equal(detector[name], classifier[name]) for name in head)
        untrained = children(start)[0]
        changed = {name for name in detector if not torch.equal(detector[name], untrained[name])}
        assert changed == head
    if hooks:  # each has its own
        one, other = (state['detector.head.fc.weight'] for state in states)
        assert not torch.equal(one, other)
    trained, start = runner.model.state_dict(), states[0]
    changed = {name for name in trained if not torch.equal(trained[name], start[name])}
    assert 'classifier.head.fc.weight' in changed
    assert any(name.startswith('classifier.backbone.') for name in changed)
    assert not any(name.startswith('detector.') for name in changed)


@pytest.mark.parametrize('epoch', [1, 2])
def test_resume_equals_uninterrupted_run(tmp_path, epoch):
    cfg = settings(tmp_path / 'whole', EMA)
    cfg.train_cfg.max_epochs = 3
    cfg.default_hooks.checkpoint.max_keep_ckpts = -1
    whole = run(cfg)
    cfg.work_dir = str(tmp_path / 'resumed')
    cfg.resume, cfg.load_from = True, str(tmp_path / 'whole' / f'epoch_{epoch}.pth')
    resumed = run(cfg)
    assert same_state(resumed.model.state_dict(), whole.model.state_dict())
    assert resumed.order.batches == whole.order.batches[-len(resumed.order.batches) :]


def test_classes_are_balanced_in_stage_two(tmp_path):
    cfg = settings(tmp_path)
    labels = [0] * 12 + [1] * 4 + [2] * 8
    cfg.train_dataloader.dataset.dataset.labels = labels
    cfg.train_dataloader.dataset.noise = None
    cfg.default_hooks.noise_filter.keep_num_updates = False
    runner = run(cfg)
    trained = [i for epoch, batch in runner.order.batches if epoch == 1 for i in batch]
    assert Counter(labels[i] for i in trained) == {0: 2, 1: 2, 2: 2}
    assert all(i % 2 == 0 for i in trained)


def test_heads_that_differ(tmp_path):
    cfg = settings(tmp_path)
    cfg.model.classifier.head.num_classes = 11
    with pytest.raises(ValueError, match=r'two heads alike.*\(10, 32\).*\(11, 32\).*leave it out'):
        run(cfg)
    cfg.model.classifier = None
    with pytest.raises(ValueError, match='model.classifier is None: give the model one'):
        run(cfg)
