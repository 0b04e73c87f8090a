"""SplitLoss: which sample has which loss. Training with it: test_engine/test_prompt_methods.py."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample

import deft_mm.models.losses  # noqa: F401  (registers the loss)
from deft_mm.models.training_context import TrainingContext

KEPT = [True, False, False, True]


def samples(flags):
    told = []
    for flag in flags:
        told.append(DataSample())
        told[-1].set_field(torch.tensor(flag), 'kept')
    return told


def build(kept=KEPT, **cfg):
    loss = MODELS.build(dict(type='SplitLoss', **cfg))
    if kept is not None:
        loss.enter(TrainingContext(data_samples=samples(kept)))
    return loss


def batch():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(4, 3, generator=generator), torch.tensor([0, 1, 2, 0])


def by_hand():
    """Cross entropy of samples 0 and 3, half the absolute error of 1 and 2."""
    logits, labels = batch()
    p = logits.softmax(dim=1)
    each = []
    for i, kept in enumerate(KEPT):
        one_hot = F.one_hot(labels[i], 3)
        each.append(-p[i, labels[i]].log() if kept else (p[i] - one_hot).abs().sum() / 2)
    return torch.stack(each)


def test_kept_samples_have_cross_entropy_and_others_half_the_absolute_error():
    logits, labels = batch()
    for reduction in ('none', 'sum', 'mean'):
        value = build(reduction=reduction)(logits, labels)
        each = by_hand()
        torch.testing.assert_close(
            value, each if reduction == 'none' else getattr(each, reduction)()
        )


def test_a_mean_is_over_the_whole_batch_whatever_is_kept():
    logits, labels = batch()
    weight = torch.tensor([1, 0, 2, 1])
    value = build()(logits, labels, weight=weight, avg_factor=5)
    torch.testing.assert_close(value, (by_hand() * weight).sum() / 5)


@pytest.mark.parametrize('flag', [True, False])
def test_a_side_may_be_empty(flag):
    logits, labels = batch()
    logits.requires_grad_()
    value = build([flag] * 4)(logits, labels)
    value.backward()
    p = logits.detach().softmax(dim=1)[torch.arange(4), labels]
    torch.testing.assert_close(value.detach(), (-p.log() if flag else 1 - p).mean())
    assert logits.grad.isfinite().all() and logits.grad.any()


def test_both_losses_are_those_of_the_config():
    logits, labels = batch()
    found = build(
        loss=dict(type='GCELoss', q=0.5), rejected_loss=dict(type='SCELoss'), reduction='none'
    )(logits, labels)
    for rows, inner in (([0, 3], dict(type='GCELoss', q=0.5)), ([1, 2], dict(type='SCELoss'))):
        each = MODELS.build(inner)(logits, labels, reduction_override='none')
        torch.testing.assert_close(found[rows], each[rows])


def test_one_hot_labels_are_class_indices():
    logits, labels = batch()
    torch.testing.assert_close(
        build()(logits, F.one_hot(labels, 3).float()), build()(logits, labels)
    )


def test_evaluation_has_one_loss_and_needs_no_samples():
    logits, labels = batch()
    value = build(None).eval()(logits, labels, avg_factor=4)
    torch.testing.assert_close(value, F.cross_entropy(logits, labels))


def test_missing_samples_and_flags_are_errors_with_a_remedy():
    with pytest.raises(ValueError, match=r'samples of the batch.*default_hooks\.loss_context'):
        build(None)(*batch())
    loss = build(None)
    loss.enter(TrainingContext(data_samples=[DataSample()] * 4))
    with pytest.raises(ValueError, match='SplitLoss needs `kept` of every sample.*KeptFlagDataset'):
        loss(*batch())
    with pytest.raises(ValueError, match='SplitLoss.reduction'):
        build(reduction='average')
