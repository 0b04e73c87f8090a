"""SCELoss against the golden numbers and MMPretrain's loss interface."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmpretrain.registry import MODELS

import deft_mm.models.losses  # noqa: F401  (registers the loss)

GOLDEN = Path(__file__).parents[2] / 'data' / 'golden' / 'losses.npz'


def build(**cfg):
    return MODELS.build(dict(type='SCELoss', **cfg))


@pytest.fixture(scope='module')
def golden():
    with np.load(GOLDEN) as data:
        return {key: torch.from_numpy(data[key]) for key in data}


def assert_golden(actual, expected):
    torch.testing.assert_close(actual, expected, rtol=0, atol=1e-4 * expected.abs().max().item())


@pytest.mark.parametrize(
    ('cfg', 'key'),
    [
        (dict(), 'sce_per_sample'),
        (dict(alpha=0.1, beta=1.0), 'sce_a0.1_b1_per_sample'),
    ],
)
def test_per_sample_loss_matches_golden(golden, cfg, key):
    loss = build(**cfg)(golden['logits'], golden['labels'], reduction_override='none')
    assert_golden(loss, golden[key])


def test_gradient_of_the_mean_matches_golden(golden):
    logits = golden['logits'].clone().requires_grad_()
    build()(logits, golden['labels']).backward()
    assert_golden(logits.grad, golden['sce_grad'])


def test_without_its_reverse_term_it_is_the_cross_entropy(golden):
    loss = build(beta=0.0)(golden['logits'], golden['labels'])
    torch.testing.assert_close(loss, F.cross_entropy(golden['logits'], golden['labels']))


def test_sample_weight_avg_factor_and_loss_weight(golden):
    logits, labels = golden['logits'], golden['labels']
    weight = (torch.arange(len(labels)) % 2).float()
    loss = build(loss_weight=3.0)(logits, labels, weight=weight, avg_factor=5)
    expected = 3.0 * (golden['sce_per_sample'] * weight).sum() / 5
    torch.testing.assert_close(loss, expected)


def test_half_precision_logits_give_a_finite_single_precision_loss():
    loss = build()(torch.tensor([[60000.0, -60000.0]], dtype=torch.float16), torch.tensor([1]))
    assert loss.dtype == torch.float32 and torch.isfinite(loss)


def test_mixed_labels_and_unknown_reduction_are_errors():
    with pytest.raises(ValueError, match='Mixup'):
        build()(torch.zeros(2, 3), torch.zeros(2, 3))
    with pytest.raises(ValueError, match='none, mean, sum'):
        build(reduction='average')
