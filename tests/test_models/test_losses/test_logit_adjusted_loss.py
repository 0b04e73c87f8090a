"""LogitAdjustedLoss: the adjustment, where it applies, and classes without samples."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from mmpretrain.registry import MODELS

import deft_mm.models.losses  # noqa: F401  (registers the loss)
from deft_mm.models.training_context import TrainingContext

COUNTS = torch.tensor([80, 15, 5])


def build(counts=COUNTS, **cfg):
    loss = MODELS.build(dict(type='LogitAdjustedLoss', **cfg))
    if counts is not None:
        loss.enter(TrainingContext(class_counts=counts))
    return loss


def batch():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(6, 3, generator=generator), torch.tensor([0, 1, 2, 0, 1, 2])


@pytest.mark.parametrize('tau', [0.0, 1.0, 2.0])
def test_training_loss_is_the_cross_entropy_of_adjusted_logits(tau):
    logits, labels = batch()
    expected = F.cross_entropy(logits + tau * torch.log(COUNTS / 100), labels)
    torch.testing.assert_close(build(tau=tau)(logits, labels, avg_factor=6), expected)


def test_minimum_is_the_balanced_classifier():
    # one image that shows class 0 and class 2 equally well; its labels follow the frequencies
    logits = torch.zeros(1, 3, requires_grad=True)
    labels = torch.repeat_interleave(torch.arange(3), COUNTS)
    build()(logits.expand(100, 3), labels).backward()
    torch.testing.assert_close(logits.grad, torch.zeros(1, 3), rtol=0, atol=1e-6)


def test_evaluation_is_the_plain_cross_entropy_and_needs_no_counts():
    logits, labels = batch()
    expected = F.cross_entropy(logits, labels)
    torch.testing.assert_close(build(counts=None).eval()(logits, labels), expected)
    torch.testing.assert_close(build().eval()(logits, labels), expected)


def test_class_without_samples_counts_as_one_with_a_single_sample():
    logits, labels = batch()
    loss = build(torch.tensor([98, 0, 1]))(logits, labels)
    torch.testing.assert_close(loss, build(torch.tensor([98, 1, 1]))(logits, labels))
    assert torch.isfinite(loss)


def test_counts_follow_the_model_and_are_not_saved():
    loss = build().to('meta')
    assert loss.log_prior.device.type == 'meta' and not loss.state_dict()


def test_missing_and_foreign_counts_are_errors_with_a_remedy():
    logits, labels = batch()
    with pytest.raises(ValueError, match=r'class counts.*default_hooks\.loss_context'):
        build(counts=None)(logits, labels)
    with pytest.raises(ValueError, match='2 classes, but the head scores 3'):
        build(torch.tensor([1, 2]))(logits, labels)
    with pytest.raises(ValueError, match='LogitAdjustedLoss.tau'):
        build(tau=-1.0)
