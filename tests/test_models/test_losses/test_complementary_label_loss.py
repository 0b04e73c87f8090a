"""ComplementaryLabelLoss: what it draws, what it costs, and its clamp."""

from __future__ import annotations

import math

import pytest
import torch
from mmpretrain.registry import MODELS

import deft_mm.models.losses  # noqa: F401  (registers the loss)


def build(**cfg):
    return MODELS.build(dict(type='ComplementaryLabelLoss', **cfg))


def test_complementary_labels_are_uniform_over_the_other_classes():
    labels = torch.arange(4).repeat(3000)
    drawn = build().draw_complementary_labels(labels, 4)
    counts = torch.zeros(4, 4, dtype=torch.int64).index_put(
        (labels, drawn), torch.tensor(1), accumulate=True
    )
    assert (counts.diagonal() == 0).all()
    others = counts[~torch.eye(4, dtype=torch.bool)]
    assert (others - 1000).abs().max() < 150  # six standard deviations


def test_loss_is_the_negative_log_of_not_being_the_complementary_class():
    p = torch.tensor([[0.7, 0.2, 0.1], [0.25, 0.25, 0.5]])
    loss = build(loss_weight=2.0)
    loss.draw_complementary_labels = lambda labels, num_classes: torch.tensor([1, 2])
    value = loss(p.log(), torch.tensor([0, 1]))
    assert value.item() == pytest.approx(-2 * (math.log(0.8) + math.log(0.5)) / 2)


def test_with_two_classes_it_is_the_cross_entropy():
    logits, labels = torch.randn(5, 2), torch.tensor([0, 1, 1, 0, 1])
    expected = torch.nn.functional.cross_entropy(logits, labels)
    torch.testing.assert_close(build()(logits, labels), expected)


def test_certain_complementary_class_costs_the_bound_and_has_no_gradient():
    logits = torch.tensor([[-60.0, 60.0]], requires_grad=True)
    loss = build(clamp=1e-5)(logits, torch.tensor([0]))
    loss.backward()
    assert loss.item() == pytest.approx(-math.log(1e-5)) and not logits.grad.any()


def test_mixed_labels_and_senseless_clamp_are_errors():
    with pytest.raises(ValueError, match='ComplementaryLabelLoss.*Mixup'):
        build()(torch.zeros(2, 3), torch.zeros(2, 3))
    with pytest.raises(ValueError, match='ComplementaryLabelLoss.clamp'):
        build(clamp=0.0)
