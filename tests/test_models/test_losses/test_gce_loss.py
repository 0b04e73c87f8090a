"""GCELoss: its formula, its limits, and its gradient where the label is all but impossible."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from mmpretrain.registry import MODELS

import deft_mm.models.losses  # noqa: F401  (registers the loss)


def build(**cfg):
    return MODELS.build(dict(type='GCELoss', **cfg))


def batch():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(6, 4, generator=generator), torch.tensor([0, 1, 2, 3, 0, 1])


def test_loss_is_one_minus_the_power_of_the_probability():
    logits, labels = batch()
    p = logits.softmax(1)[torch.arange(6), labels]
    loss = build(q=0.7)(logits, labels, reduction_override='none')
    torch.testing.assert_close(loss, (1 - p**0.7) / 0.7)


def test_small_exponent_is_cross_entropy_and_one_is_the_absolute_error():
    logits, labels = batch()
    p = logits.softmax(1)[torch.arange(6), labels]
    torch.testing.assert_close(build(q=1.0)(logits, labels), (1 - p).mean())
    torch.testing.assert_close(
        build(q=1e-6)(logits, labels), F.cross_entropy(logits, labels), rtol=1e-4, atol=0
    )


def test_gradient_is_that_of_cross_entropy_times_the_power_of_the_probability():
    logits, labels = batch()
    logits.requires_grad_()
    (grad,) = torch.autograd.grad(build(q=0.7)(logits, labels, reduction_override='sum'), logits)
    (grad_ce,) = torch.autograd.grad(F.cross_entropy(logits, labels, reduction='sum'), logits)
    p = logits.detach().softmax(1)[torch.arange(6), labels]
    torch.testing.assert_close(grad, grad_ce * p[:, None] ** 0.7)


@pytest.mark.parametrize('dtype', [torch.float32, torch.float16])
def test_impossible_label_has_a_finite_loss_and_gradient(dtype):
    logits = torch.tensor([[500.0, -500.0]], dtype=dtype, requires_grad=True)
    loss = build(q=0.7)(logits, torch.tensor([1]))
    loss.backward()
    assert loss.dtype == torch.float32 and loss.item() == pytest.approx(1 / 0.7)
    assert torch.isfinite(logits.grad).all()


def test_sample_weight_avg_factor_and_loss_weight():
    logits, labels = batch()
    each = build()(logits, labels, reduction_override='none')
    weight = torch.tensor([1, 0, 1, 0, 2, 0])
    loss = build(loss_weight=3.0)(logits, labels, weight=weight, avg_factor=5)
    torch.testing.assert_close(loss, 3.0 * (each * weight).sum() / 5)


@pytest.mark.parametrize('q', [0.0, 1.5])
def test_exponent_out_of_range_is_an_error_that_names_it(q):
    with pytest.raises(ValueError, match='GCELoss.q'):
        build(q=q)


def test_mixed_labels_and_unknown_reduction_are_errors():
    with pytest.raises(ValueError, match='GCELoss.*Mixup'):
        build()(torch.zeros(2, 3), torch.zeros(2, 3))
    with pytest.raises(ValueError, match='GCELoss.reduction.*none, mean, sum'):
        build(reduction='average')
