"""SmallLoss against the golden schedule and selection, and what it does at its ends."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from mmpretrain.registry import MODELS

import deft_mm.models.losses  # noqa: F401  (registers the loss)
from deft_mm.models.training_context import TrainingContext
from golden_utils import load_golden


@pytest.fixture(scope='module')
def golden():
    return load_golden('losses')


def build(noise_ratio=0.4, epoch=100, **cfg):
    loss = MODELS.build(dict(type='SmallLoss', noise_ratio=noise_ratio, **cfg))
    if epoch is not None:
        loss.enter(TrainingContext(epoch=epoch))
    return loss


def batch():
    """Logits of which the losses of the samples are ascending from the last to the first."""
    margin = torch.arange(10.0)
    return torch.stack([margin, torch.zeros(10)], dim=1), torch.zeros(10, dtype=torch.int64)


@pytest.mark.parametrize('warmup_epochs', [1, 5])
def test_rate_of_every_epoch_matches_golden(golden, warmup_epochs):
    rates = []
    for epoch in range(10):
        rates.append(build(epoch=epoch, warmup_epochs=warmup_epochs).forget_rate)
    expected = golden[f'small_loss_schedule_noise0p4_epochs10_warmup{warmup_epochs}']
    assert rates == pytest.approx(expected.tolist())


def test_selection_matches_golden(golden):
    loss = torch.from_numpy(golden['small_loss_batch'])
    selected = torch.zeros(64, dtype=torch.bool)
    selected[build().select(loss)] = True
    assert selected.tolist() == golden['small_loss_selected_forget0p4'].tolist()


def test_loss_is_the_mean_over_the_kept_samples_alone():
    logits, labels = batch()
    logits.requires_grad_()
    # ClsHead passes the batch size
    value = build(0.4)(logits, labels, avg_factor=10)
    value.backward()
    torch.testing.assert_close(value, F.cross_entropy(logits[4:], labels[4:]))
    assert not logits.grad[:4].any() and logits.grad[4:].any(dim=1).all()


def test_share_of_a_batch_that_is_whole_is_not_rounded_down():
    # 1 - 0.8 is a little less than 0.2 in floating point
    assert len(build(0.8).select(torch.rand(5))) == 1
    assert len(build(0.4).select(torch.rand(64))) == 38


def test_nothing_kept_costs_zero_and_has_a_gradient():
    logits, labels = batch()
    logits[0] = torch.tensor([-float('inf'), 0.0])  # of infinite loss
    logits.requires_grad_()
    value = build(1.0)(logits, labels)
    value.backward()
    assert value.item() == 0.0 and logits.grad is not None


def test_infinite_loss_of_a_rejected_sample_does_no_harm():
    logits, labels = batch()
    logits[0] = torch.tensor([-float('inf'), 0.0])
    assert torch.isfinite(build(0.4)(logits, labels))


def test_weights_and_reductions_are_of_the_kept_samples():
    logits, labels = batch()
    weight = torch.arange(10.0)
    each = F.cross_entropy(logits, labels, reduction='none') * weight * (torch.arange(10) >= 4)
    loss = build(0.4)
    for reduction, expected in dict(none=each, sum=each.sum(), mean=each.sum() / 6).items():
        value = loss(logits, labels, weight=weight, reduction_override=reduction)
        torch.testing.assert_close(value, expected)


def test_inner_loss_is_exchangeable():
    logits, labels = batch()
    value = build(0.4, loss=dict(type='GCELoss'))(logits, labels)
    expected = MODELS.build(dict(type='GCELoss'))(logits[4:], labels[4:])
    torch.testing.assert_close(value, expected)


def test_evaluation_keeps_every_sample_and_needs_no_epoch():
    logits, labels = batch()
    value = build(epoch=None).eval()(logits, labels, avg_factor=10)
    torch.testing.assert_close(value, F.cross_entropy(logits, labels))


def test_unknown_epoch_and_senseless_settings_are_errors():
    with pytest.raises(ValueError, match=r'epoch.*default_hooks\.loss_context'):
        build(epoch=None)(*batch())
    with pytest.raises(ValueError, match='SmallLoss.noise_ratio'):
        build(1.5)
    with pytest.raises(ValueError, match='SmallLoss.warmup_epochs'):
        build(warmup_epochs=-1)
    with pytest.raises(ValueError, match='SmallLoss.reduction'):
        build(reduction='average')
