"""SampleWeightedLoss: a weighted mean. Of several processes: test_losses_distributed.py."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample

import deft_mm.models.losses  # noqa: F401  (registers the loss)
from deft_mm.models.training_context import TrainingContext

WEIGHTS = [1.0, 0.25, 0.0, 0.5]


def samples(weights):
    """As a pipeline gives them: numbers, or tensors."""
    told = []
    for weight in weights:
        told.append(DataSample())
        told[-1].set_field(torch.tensor([weight]), 'sample_weight')
    told[0].set_field(weights[0], 'sample_weight')
    return told


def build(weights=WEIGHTS, **cfg):
    loss = MODELS.build(dict(type='SampleWeightedLoss', **cfg))
    if weights is not None:
        loss.enter(TrainingContext(data_samples=samples(weights)))
    return loss


def batch():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(4, 3, generator=generator), torch.tensor([0, 1, 2, 0])


@pytest.mark.parametrize('inner', ['CrossEntropyLoss', 'SCELoss'])
def test_loss_is_the_weighted_mean(inner):
    logits, labels = batch()
    each = MODELS.build(dict(type=inner))(logits, labels, reduction_override='none')
    # ClsHead passes the batch size
    value = build(loss=dict(type=inner))(logits, labels, avg_factor=4)
    torch.testing.assert_close(value, (each * torch.tensor(WEIGHTS)).sum() / 1.75)


def test_scale_of_the_weights_does_not_matter():
    logits, labels = batch()
    scaled = build([1e-3 * w for w in WEIGHTS])(logits, labels)
    torch.testing.assert_close(scaled, build()(logits, labels))


def test_batch_of_weights_zero_costs_zero_and_has_a_gradient():
    logits, labels = batch()
    logits.requires_grad_()
    value = build([0.0] * 4)(logits, labels)
    value.backward()
    assert value.item() == 0.0 and torch.equal(logits.grad, torch.zeros(4, 3))


def test_weights_passed_by_the_head_multiply_and_sum_reductions_do_not_divide():
    logits, labels = batch()
    each = F.cross_entropy(logits, labels, reduction='none') * torch.tensor(WEIGHTS)
    weight = torch.tensor([1, 1, 1, 0])
    value = build()(logits, labels, weight=weight, avg_factor=3)
    torch.testing.assert_close(value, each[:3].sum() / 1.25)
    for reduction, expected in dict(none=each, sum=each.sum()).items():
        value = build()(logits, labels, avg_factor=4, reduction_override=reduction)
        torch.testing.assert_close(value, expected)


def test_evaluation_is_unweighted_and_needs_no_samples():
    logits, labels = batch()
    value = build(None).eval()(logits, labels, avg_factor=4)
    torch.testing.assert_close(value, F.cross_entropy(logits, labels))


def test_missing_samples_and_weights_are_errors_with_a_remedy():
    with pytest.raises(ValueError, match=r'samples of the batch.*default_hooks\.loss_context'):
        build(None)(*batch())
    with pytest.raises(ValueError, match='told 3 samples, but got scores of 4'):
        build([1.0] * 3)(*batch())
    loss = build(None)
    loss.enter(TrainingContext(data_samples=[DataSample()] * 4))
    with pytest.raises(ValueError, match='`sample_weight`.*CleanProbWeightedDataset'):
        loss(*batch())
    with pytest.raises(ValueError, match='SampleWeightedLoss.reduction'):
        build(reduction='average')
