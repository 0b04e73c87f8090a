"""ClassBalancedLoss: the weights, where they apply, and classes without samples."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from mmpretrain.registry import MODELS

import deft_mm.models.losses  # noqa: F401  (registers the loss)
from deft_mm.models.training_context import TrainingContext

COUNTS = torch.tensor([80, 15, 5])


def build(counts=COUNTS, **cfg):
    loss = MODELS.build(dict(type='ClassBalancedLoss', **cfg))
    if counts is not None:
        loss.enter(TrainingContext(class_counts=counts))
    return loss


def batch():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(6, 3, generator=generator), torch.tensor([0, 1, 2, 0, 1, 2])


def test_class_weights_are_inverse_effective_numbers_with_mean_one():
    weight = build(beta=0.9).class_weight
    expected = torch.tensor([0.1 / (1 - 0.9**count) for count in COUNTS.tolist()])
    torch.testing.assert_close(weight, expected / expected.mean())
    assert build(beta=0.0).class_weight.tolist() == [1.0, 1.0, 1.0]


def test_weights_near_beta_one_are_inverse_counts():
    weight = build(beta=1 - 1e-9).class_weight
    torch.testing.assert_close(weight * COUNTS, (weight * COUNTS)[:1].expand(3), rtol=1e-4, atol=0)


@pytest.mark.parametrize('inner', ['CrossEntropyLoss', 'SCELoss'])
def test_training_loss_weights_each_sample_by_its_class(inner):
    logits, labels = batch()
    each = MODELS.build(dict(type=inner))(logits, labels, reduction_override='none')
    loss = build(beta=0.9, loss=dict(type=inner))
    weight = torch.tensor([1.0, 0.0, 1.0, 1.0, 0.5, 1.0])
    value = loss(logits, labels, weight=weight, avg_factor=4)
    torch.testing.assert_close(value, (each * loss.class_weight[labels] * weight).sum() / 4)


def test_evaluation_is_unweighted_and_needs_no_counts():
    logits, labels = batch()
    expected = F.cross_entropy(logits, labels)
    torch.testing.assert_close(build(counts=None).eval()(logits, labels), expected)
    torch.testing.assert_close(build().eval()(logits, labels), expected)


def test_class_without_samples_leaves_the_other_weights_as_they_are():
    weight = build(torch.tensor([80, 15, 0, 5]), beta=0.9).class_weight
    torch.testing.assert_close(weight[[0, 1, 3]], build(beta=0.9).class_weight)
    assert torch.isfinite(weight).all()


def test_counts_follow_the_model_and_are_not_saved():
    loss = build().to('meta')
    assert loss.class_weight.device.type == 'meta' and not loss.state_dict()


def test_missing_counts_mixed_labels_and_senseless_beta_are_errors():
    logits, labels = batch()
    with pytest.raises(ValueError, match=r'class counts.*default_hooks\.loss_context'):
        build(counts=None)(logits, labels)
    with pytest.raises(ValueError, match='ClassBalancedLoss.*Mixup'):
        build()(torch.zeros(2, 3), torch.zeros(2, 3))
    with pytest.raises(ValueError, match='2 classes, but the head scores 3'):
        build(torch.tensor([1, 2]))(logits, labels)
    with pytest.raises(ValueError, match='ClassBalancedLoss.beta'):
        build(beta=1.0)
