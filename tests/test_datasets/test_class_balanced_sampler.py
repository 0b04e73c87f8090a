"""The sampler that draws equally many samples of every class."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from mmengine.registry import DefaultScope
from mmengine.runner import Runner

from deft_mm.datasets import ClassBalancedSampler, CleanSubset
from runner_utils import MadeUpImages

SIZES = {0: 9, 1: 3, 3: 6}  # no sample of class 2
LABELS = [label for label, size in SIZES.items() for _ in range(size)]


def made_up(labels=LABELS):
    return MadeUpImages(4, len(labels), labels=labels)


def drawn(sampler: ClassBalancedSampler, epoch: int = 0) -> list[int]:
    sampler.set_epoch(epoch)
    indices = list(sampler)
    assert len(indices) == len(sampler)
    return indices


def counts(indices: list[int], labels=LABELS) -> dict[int, int]:
    return dict(Counter(labels[i] for i in indices))


@pytest.mark.parametrize('draw, each', [('min', 3), ('median', 6), (1, 1), (20, 20)])
def test_every_class_that_has_samples_gives_as_many(draw, each):
    indices = drawn(ClassBalancedSampler(made_up(), draw, seed=0))
    assert counts(indices) == dict.fromkeys(SIZES, each)
    # without replacement, and as evenly as it goes where a class is too small for that
    for label, size in SIZES.items():
        times = Counter(i for i in indices if LABELS[i] == label).values()
        assert max(times) == -(-each // size) and (len(times) == min(each, size))


def test_every_epoch_draws_others_and_the_same_ones_again():
    sampler = ClassBalancedSampler(made_up(), seed=3)
    epochs = [drawn(sampler, epoch) for epoch in range(30)]
    assert epochs[4] == drawn(ClassBalancedSampler(made_up(), seed=3), 4)
    assert epochs[4] != drawn(ClassBalancedSampler(made_up(), seed=4), 4)
    seen = Counter(i for epoch in epochs for i in epoch)
    assert set(seen) == set(range(len(LABELS)))  # each has its turn
    assert seen[9] == 30 and seen[0] < 20  # of 3 of 3, of 3 of 9
    # classes are mixed
    assert [LABELS[i] for i in epochs[0]] != sorted(LABELS[i] for i in epochs[0])


def test_labels_are_those_that_are_trained_with():
    kept = np.arange(len(LABELS)) % 3 > 0
    subset = CleanSubset(made_up(), kept.tolist())
    assert counts(drawn(ClassBalancedSampler(subset)), np.array(LABELS)[kept].tolist()) == {
        0: 2,
        1: 2,
        3: 2,
    }


@pytest.mark.parametrize('round_up', [True, False])
def test_processes_share_what_is_drawn(monkeypatch, round_up):
    parts = []
    for rank in range(2):
        monkeypatch.setattr('mmengine.dataset.sampler.get_dist_info', lambda rank=rank: (rank, 2))
        parts.append(drawn(ClassBalancedSampler(made_up(), seed=0, round_up=round_up)))
    monkeypatch.undo()
    everything = drawn(ClassBalancedSampler(made_up(), seed=0))  # 9 samples
    assert [len(part) for part in parts] == [5, 5 if round_up else 4]
    assert sorted(parts[0] + parts[1])[: len(everything)] != []
    expected = Counter(everything) + Counter(everything[:1] if round_up else [])
    assert Counter(parts[0] + parts[1]) == expected


def test_an_epoch_that_is_cut_short_knows_its_labels():
    cfg = dict(dataset=made_up(), batch_size=2, num_batch_per_epoch=6)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        cfg['sampler'] = dict(type='ClassBalancedSampler')
        loader = Runner.build_dataloader(cfg, seed=0)
    assert counts(drawn(loader.sampler)) == {0: 3, 1: 3}  # of the first twelve


@pytest.mark.parametrize('draw', ['max', 0, -1])
def test_what_is_no_number_of_samples(draw):
    with pytest.raises(ValueError, match="`draw` is .*set 'min', 'median' or a number from 1"):
        ClassBalancedSampler(made_up(), draw)
