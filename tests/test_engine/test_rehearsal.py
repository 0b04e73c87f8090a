"""Trying a step changes nothing."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from mmpretrain.registry import DATASETS, MODELS, TRANSFORMS
from torch.utils.data import DataLoader

from deft_mm.datasets import scoring_collate
from deft_mm.engine.rehearsal import rehearse_step
from deft_mm.models.training_context import ContextModule, TrainingContext
from runner_utils import TINY_WIDTH, run, same_state, tiny

LOSSES = [
    dict(type='ELRLoss', num_classes=10),
    dict(type='LogitAdjustedLoss'),
    dict(type='SmallLoss', noise_ratio=0.5),
    dict(type='SCELoss'),
]
BATCH_NORM = dict(type='StackedLinearClsHead', mid_channels=[8], norm_cfg=dict(type='BN1d'))


def build(loss: dict, **head):
    cfg = tiny('ce/ce_digits_sym40.py', 'unused', num_samples=12)
    cfg.model.head.update(head, loss=dict(loss))
    cfg.model.data_preprocessor = cfg.data_preprocessor
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model, dataset = MODELS.build(cfg.model), DATASETS.build(cfg.train_dataloader.dataset)
    context = TrainingContext(num_samples=12, class_counts=torch.ones(10, dtype=torch.int64))
    for module in model.modules():
        if isinstance(module, ContextModule):
            module.enter(context)
    return model, DataLoader(dataset, 4, collate_fn=scoring_collate), context


@pytest.mark.parametrize('training', [True, False])
@pytest.mark.parametrize('loss', LOSSES, ids=lambda loss: loss['type'])
@pytest.mark.parametrize('head', [{}, BATCH_NORM], ids=['linear', 'batch norm'])
def test_a_step_that_is_tried_changes_nothing(loss, head, training):
    model, loader, context = build(loss, **head)
    model.train(training)
    before, numbers = (
        copy.deepcopy(model.state_dict()),
        (np.random.get_state()[1], torch.get_rng_state()),
    )
    calls = []
    handle = model.head.register_forward_hook(lambda *args: calls.append(model.training))
    model.backbone.register_forward_hook(lambda *args: calls.append(model.training))
    rehearse_step(model, loader, 'data')
    handle.remove()
    assert len(calls) == 2 and all(calls)  # backbone and head, in training mode
    assert same_state(before, model.state_dict()) and model.training == training
    assert (np.random.get_state()[1] == numbers[0]).all()
    assert torch.equal(torch.get_rng_state(), numbers[1])
    assert context.data_samples is None
    assert all(p.grad is None for p in model.parameters())


def test_a_step_that_fails_changes_nothing_either():
    model, loader, context = build(dict(type='ELRLoss', num_classes=10))
    before = copy.deepcopy(model.state_dict())
    model.head.loss_module.num_classes = 9
    with pytest.raises(ValueError, match='data: the ImageClassifier .*ELRLoss knows of 9 classes'):
        rehearse_step(model, loader, 'data')
    assert same_state(before, model.state_dict()) and context.data_samples is None


HOOKS = 'deft_mm.engine.hooks'
TRIED = [
    f'{HOOKS}.filter_hook.rehearse_step',
    f'{HOOKS}.loss_context_hook.rehearse_step',
    'deft_mm.engine.loop_checks.make_batch',
]


@pytest.mark.parametrize('config', ['deft/deft_digits_sym40.py', 'ce/ce_digits_sym40.py'])
def test_a_run_with_a_rehearsal_is_that_without_one(tmp_path, monkeypatch, config):
    states, calls = [], []
    for name in ('tried', 'not'):
        cfg = tiny(config, tmp_path / name)
        if name == 'not':
            for place in TRIED:
                monkeypatch.setattr(place, lambda *args: calls.append(args))
        model = cfg.model.get('classifier', cfg.model)
        model.head = dict(
            type='StackedLinearClsHead',
            num_classes=10,
            in_channels=TINY_WIDTH,
            mid_channels=[8],
            dropout_rate=0.5,
            norm_cfg=dict(type='BN1d'),
        )
        if model is not cfg.model:
            cfg.default_hooks.noise_filter.selector = dict(type='KeepEvenIndices')
        states.append(run(cfg).model.state_dict())
    assert len(calls) == 2  # a step, and a batch of validation
    assert same_state(*states)


@pytest.mark.parametrize(('size', 'warns'), [(32, False), (48, True), (224, True)])
def test_images_of_another_size_than_the_clips_are_told(size, warns, recwarn):
    model, loader, _ = build(dict(type='CrossEntropyLoss'))
    resize = TRANSFORMS.build(dict(type='Resize', scale=size))
    loader.dataset.dataset.pipeline.transforms.insert(0, resize)
    rehearse_step(model, loader, 'data')
    told = [str(w.message) for w in recwarn if 'pixels for a CLIP of' in str(w.message)]
    assert bool(told) == warns
    if warns:
        assert f'data: images of {size}x{size} pixels for a CLIP of 32x32, ' in told[0]
