"""Losses of two networks against their formulas, sample by sample."""

from __future__ import annotations

import math

import pytest
import torch
from mmpretrain.registry import MODELS

import deft_mm.models.losses  # noqa: F401  (registers the losses)
from deft_mm.models.training_context import TrainingContext

B, C = 16, 5


def build(name: str, epoch: int | None = 100, **options):
    loss = MODELS.build(dict(type=name, **options))
    if epoch is not None:
        loss.rule.enter(TrainingContext(epoch=epoch))
    return loss


def batch():
    draw = torch.Generator().manual_seed(0)
    scores = tuple(torch.randn(B, C, generator=draw, dtype=torch.float64) * 3 for _ in range(2))
    return scores, torch.randint(0, C, (B,), generator=draw)


def probs(row) -> list[float]:
    powers = [math.exp(value) for value in row.tolist()]
    return [power / sum(powers) for power in powers]


def cross_entropy(row, label) -> float:
    return -math.log(probs(row)[label])


def smallest(values: list[float], number: int) -> list[int]:
    return sorted(range(len(values)), key=values.__getitem__)[:number]


@pytest.mark.parametrize('rate', [0.0, 0.25, 0.5, 0.9])
def test_co_teaching_takes_what_the_other_network_finds_easy(rate):
    (first, second), target = batch()
    one, two = (
        [cross_entropy(row, y) for row, y in zip(score, target, strict=True)]
        for score in (first, second)
    )
    number = int((1 - rate) * B)
    expected = sum(one[i] for i in smallest(two, number)) / number
    expected += sum(two[i] for i in smallest(one, number)) / number
    losses = build('CoTeachingLoss', noise_ratio=rate)((first, second), target)
    assert losses['loss'].item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize('weight', [0.0, 0.85, 1.0])
@pytest.mark.parametrize('rate', [0.0, 0.25, 0.5])
def test_jocor_takes_what_both_find_easy_and_agree_on(rate, weight):
    (first, second), target = batch()
    values = []
    for one, two, label in zip(first, second, target, strict=True):
        p, q = probs(one), probs(two)
        apart = sum(a * math.log(a / b) for a, b in zip(p, q, strict=True))
        apart += sum(b * math.log(b / a) for a, b in zip(p, q, strict=True))
        both = cross_entropy(one, label) + cross_entropy(two, label)
        values.append((1 - weight) * both + weight * apart)
    number = int((1 - rate) * B)
    expected = sum(values[i] for i in smallest(values, number)) / number
    losses = build('JoCoRLoss', noise_ratio=rate, agreement_weight=weight)((first, second), target)
    assert losses['loss'].item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize('name', ['CoTeachingLoss', 'JoCoRLoss'])
def test_each_network_learns_from_as_many(name):
    (first, second), target = batch()
    first.requires_grad_()
    second.requires_grad_()
    build(name, noise_ratio=0.5)((first, second), target)['loss'].backward()
    learned = [score.grad.abs().sum(dim=1) > 0 for score in (first, second)]
    assert [int(rows.sum()) for rows in learned] == [8, 8]
    if name == 'JoCoRLoss':
        assert learned[0].equal(learned[1])
    else:
        easy = cross_entropies_of(second, target).argsort()[:8]
        assert set(learned[0].nonzero().flatten().tolist()) == set(easy.tolist())


def cross_entropies_of(score, target):
    return torch.nn.functional.cross_entropy(score.detach(), target, reduction='none')


def test_disagreement_is_the_share_of_other_predictions():
    (first, second), target = batch()
    for other, share in ((first, 0.0), (first.roll(1, dims=1), 1.0)):
        losses = build('CoTeachingLoss', noise_ratio=0.2)((first, other), target)
        assert losses['disagreement'].item() == share


@pytest.mark.parametrize('name', ['CoTeachingLoss', 'JoCoRLoss'])
def test_share_rises_over_the_warm_up_and_nothing_kept_costs_zero(name):
    (first, second), target = batch()
    numbers = [
        len(build(name, epoch=epoch, noise_ratio=0.5, warmup_epochs=5).kept(torch.rand(B)))
        for epoch in range(7)
    ]
    assert numbers == [16, 14, 12, 10, 8, 8, 8]
    first.requires_grad_()
    loss = build(name, noise_ratio=1.0)((first, second), target)['loss']
    loss.backward()
    assert loss.item() == 0 and not first.grad.any()


def test_settings_out_of_range_and_mixed_labels():
    with pytest.raises(ValueError, match='agreement_weight is 1.5: set it between 0 and 1'):
        build('JoCoRLoss', noise_ratio=0.2, agreement_weight=1.5)
    with pytest.raises(ValueError, match='noise_ratio is -1'):
        build('CoTeachingLoss', noise_ratio=-1)
    (first, second), target = batch()
    with pytest.raises(ValueError, match='CoTeachingLoss takes class indices.*Mixup'):
        build('CoTeachingLoss', noise_ratio=0.2)(
            (first, second), torch.nn.functional.one_hot(target, C)
        )
    with pytest.raises(ValueError, match='was not told the epoch.*LossContextHook'):
        build('CoTeachingLoss', epoch=None, noise_ratio=0.2)((first, second), target)
