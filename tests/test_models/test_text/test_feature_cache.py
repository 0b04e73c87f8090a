"""The cache computes once, and again after any change of what the result came from."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from deft_mm.models.text import FeatureCache


class Counter:
    """Two tensors, a cache, and a count of computations."""

    def __init__(self):
        self.context = nn.Parameter(torch.ones(2, 3))
        self.tower = nn.Parameter(torch.ones(4))
        self.cache = FeatureCache()
        self.count = 0

    def compute(self):
        self.count += 1
        return self.context.sum() * self.tower.sum()

    def get(self):
        return self.cache.get(self.compute, [self.context, self.tower])


def sgd_step(parameter):
    parameter.grad = torch.ones_like(parameter)
    torch.optim.SGD([parameter], lr=0.1).step()


CHANGES = {
    'optimizer step': lambda c: sgd_step(c.context),
    'context written in place': lambda c: c.context.detach().add_(1),
    'context data exchanged': lambda c: setattr(c.context, 'data', c.context.data + 1),
    'context in another type': lambda c: setattr(c.context, 'data', c.context.data.double()),
    'tower written in place': lambda c: c.tower.detach().add_(1),
    'tower data exchanged': lambda c: setattr(c.tower, 'data', c.tower.data + 1),
    'cleared': lambda c: c.cache.clear(),
}


@pytest.mark.parametrize('change', CHANGES)
def test_result_is_computed_again_after_a_change(change):
    counter = Counter()
    counter.get()
    CHANGES[change](counter)
    assert counter.get() == counter.context.sum() * counter.tower.sum()
    assert counter.count == 2
    counter.get()
    assert counter.count == 2


def test_unchanged_tensors_give_the_kept_result_without_a_graph():
    counter = Counter()
    first = counter.get()
    assert counter.get() is first and counter.count == 1
    assert not first.requires_grad


def test_works_in_inference_mode():
    counter = Counter()
    with torch.inference_mode():
        counter.tower = nn.Parameter(torch.ones(4))
        assert counter.get() is counter.get()
    assert counter.count == 1
