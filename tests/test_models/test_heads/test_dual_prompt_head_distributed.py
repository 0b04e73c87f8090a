"""A step of two processes with parts of a batch equals one process with the whole batch."""

from __future__ import annotations

import pytest
import torch
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from process_utils import in_processes
from torch import nn

import deft_mm.models.heads  # noqa: F401  (registers the head)
from deft_mm.engine.launch import leave_distributed
from deft_mm.models.training_context import TrainingContext

CLIP = dict(
    model=dict(
        embed_dim=8,
        vision_cfg=dict(image_size=8, patch_size=8, layers=1, width=64),
        text_cfg=dict(context_length=16, vocab_size=49408, width=16, heads=2, layers=1),
    )
)
# Of different size, so that a mean of the processes' means would be wrong.
PARTS = (slice(0, 5), slice(5, 8))
# Epoch and pseudo labels.
CASES = ((0, None), (1, None), (1, False))


class Detector(nn.Module):
    """A linear backbone and the head; deterministic, but for the epoch and the recipe."""

    def __init__(self, pseudo_labels: bool | None):
        super().__init__()
        torch.manual_seed(0)
        self.backbone = nn.Linear(6, 8)
        self.head = MODELS.build(
            dict(
                type='DualPromptHead',
                clip=CLIP,
                num_classes=3,
                class_names=['apple', 'tree', 'dog'],
                n_ctx=4,
                ctx_init_std=0.5,
                pseudo_labels=pseudo_labels,
            )
        )
        self.head.draw_complementary_labels = lambda labels: (labels + 1) % 3

    def forward(self, x, labels):
        samples = [DataSample().set_gt_label(label) for label in labels]
        return self.head.loss((self.backbone(x),), samples)


def step(part=slice(None), wrap=lambda model: model):
    """Losses and gradients of every case."""
    generator = torch.Generator().manual_seed(5)
    x = torch.randn(8, 6, generator=generator)[part]
    labels = torch.randint(3, (8,), generator=generator)[part].tolist()
    results = []
    for epoch, pseudo_labels in CASES:
        model = Detector(pseudo_labels)
        wrapped = wrap(model)
        model.head.enter(TrainingContext(epoch=epoch))
        losses = wrapped(x, labels)
        sum(value for key, value in losses.items() if 'loss' in key).backward()
        grads = {k: p.grad.clone() for k, p in model.named_parameters() if p.requires_grad}
        losses = {key: value.detach() for key, value in losses.items()}
        counts = model.head.batch_selection[1].sum()
        results.append(dict(losses=losses, grads=grads, selected=counts))
    return results


@pytest.fixture(scope='module')
def two_processes(tmp_path_factory):
    folder = tmp_path_factory.mktemp('distributed')
    in_processes(be_one, str(folder))
    return [torch.load(folder / f'{rank}.pt', weights_only=True) for rank in range(2)]


@pytest.mark.parametrize('case', range(len(CASES)), ids=str)
def test_losses_and_gradients_equal_those_of_one_process(two_processes, case):
    whole = step()[case]
    ranks = [results[case] for results in two_processes]
    # The parts differ in the share of selected samples.
    counts = [rank['selected'].item() for rank in ranks]
    assert sum(counts) == whole['selected'].item()
    assert 0 < sum(counts) < 8 and counts[0] / 5 != counts[1] / 3
    for key, value in whole['losses'].items():
        mean = (ranks[0]['losses'][key] + ranks[1]['losses'][key]) / 2
        torch.testing.assert_close(mean, value, msg=lambda m, key=key: f'{key}: {m}')
    for rank in ranks:
        assert rank['grads'].keys() == whole['grads'].keys()
        for key, grad in whole['grads'].items():
            torch.testing.assert_close(rank['grads'][key], grad, rtol=1e-5, atol=1e-6)


def be_one(rank: int, folder: str) -> None:
    torch.distributed.init_process_group('gloo')
    results = step(PARTS[rank], wrap=nn.parallel.DistributedDataParallel)
    torch.save(results, f'{folder}/{rank}.pt')
    leave_distributed()
