"""What parts of a model know of the run, and what copies of them know."""

import copy

import torch
from mmengine.model import ExponentialMovingAverage
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import nn

import deft_mm.models.losses  # noqa: F401  (registers the losses)
from deft_mm.models.training_context import ContextModule, TrainingContext


class Reader(ContextModule, nn.Linear):
    """A module of the user's own."""

    context_needs = ('class_counts',)


def test_before_a_run_nothing_is_known():
    module = Reader(2, 2)
    assert module.context is None and module.sample_fields == {}
    context = TrainingContext()
    assert context.epoch == 0 and not context.starts_anew
    assert context.num_samples is context.class_counts is context.data_samples is None


def test_what_the_hook_changes_is_seen_by_all_that_entered():
    modules, context = nn.ModuleList([Reader(2, 2), Reader(2, 2)]), TrainingContext()
    for module in modules:
        module.enter(context)
    context.epoch, context.data_samples = 3, [DataSample()]
    assert all(module.context.epoch == 3 for module in modules)
    assert all(module.context.data_samples is context.data_samples for module in modules)


def test_copies_share_the_context_and_nothing_else():
    module, context = Reader(2, 2), TrainingContext(data_samples=[DataSample()])
    module.enter(context)
    other = copy.deepcopy(module)
    assert other.context is context and other.weight is not module.weight
    averaged = ExponentialMovingAverage(module).module  # as EMAHook makes it
    context.epoch = 5
    assert averaged.context.epoch == other.context.epoch == 5


def test_context_is_no_part_of_the_weights():
    module = Reader(2, 2)
    module.enter(TrainingContext(class_counts=torch.tensor([1, 2])))
    assert set(module.state_dict()) == {'weight', 'bias'}


def test_losses_of_averaged_weights_know_the_epoch_of_the_run():
    loss = MODELS.build(dict(type='SmallLoss', noise_ratio=0.4, warmup_epochs=2))
    context = TrainingContext()
    loss.enter(context)
    averaged = copy.deepcopy(loss)
    assert averaged.forget_rate == 0
    context.epoch = 2
    assert averaged.forget_rate == loss.forget_rate == 0.4
