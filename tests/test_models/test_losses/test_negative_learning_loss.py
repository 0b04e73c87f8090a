"""NegativeLearningLoss: its two terms, their weights, and the clamp."""

from __future__ import annotations

import math

import pytest
import torch
from mmpretrain.registry import MODELS

import deft_mm.models.losses  # noqa: F401  (registers the loss)


def build(**cfg):
    return MODELS.build(dict(type='NegativeLearningLoss', **cfg))


def batch():
    p_yes = torch.tensor([[0.9, 0.2, 0.6], [0.3, 0.5, 0.1]])
    return p_yes, 1 - p_yes, torch.tensor([1, 2]), torch.tensor([0, 1])


def test_terms_are_mean_negative_log_probabilities_of_their_labels():
    complementary, positive = build()(*batch())
    assert complementary.item() == pytest.approx(-(math.log(0.8) + math.log(0.9)) / 2)
    assert positive.item() == pytest.approx(-(math.log(0.9) + math.log(0.5)) / 2)


def test_each_weight_scales_its_own_term_only():
    complementary, positive = build()(*batch())
    scaled = build(complementary_weight=0.5, positive_weight=0.1, loss_weight=2.0)(*batch())
    assert scaled[0].item() == pytest.approx(complementary.item())
    assert scaled[1].item() == pytest.approx(positive.item() * 0.2)


def test_avg_factor_replaces_the_number_of_samples():
    complementary, positive = build()(*batch())
    halved = build()(*batch(), avg_factor=torch.tensor(4.0))
    assert halved[0].item() == pytest.approx(complementary.item() / 2)
    assert halved[1].item() == pytest.approx(positive.item() / 2)


def test_probability_below_the_clamp_costs_the_bound_and_has_no_gradient():
    p_no = torch.tensor([[0.0, 0.5], [0.25, 0.5]], requires_grad=True)
    labels = torch.tensor([0, 0])
    complementary, _ = build(clamp=1e-5)(1 - p_no, p_no, labels, labels)
    (grad,) = torch.autograd.grad(complementary, p_no)
    assert complementary.item() == pytest.approx(-(math.log(1e-5) + math.log(0.25)) / 2)
    assert grad.tolist() == [[0.0, 0.0], [pytest.approx(-2.0), 0.0]]


@pytest.mark.parametrize('cfg', [dict(positive_weight=-1.0), dict(clamp=0.0), dict(clamp=1.0)])
def test_senseless_setting_is_an_error_that_names_it(cfg):
    with pytest.raises(ValueError, match=f'NegativeLearningLoss.{next(iter(cfg))}'):
        build(**cfg)
