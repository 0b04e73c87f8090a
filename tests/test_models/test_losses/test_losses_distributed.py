"""Two processes with parts of a batch compute what one does with the whole."""

from __future__ import annotations

import pytest
import torch
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from process_utils import in_processes
from torch import nn

import deft_mm.models.losses  # noqa: F401  (registers the losses)
from deft_mm.engine.launch import leave_distributed
from deft_mm.models.training_context import TrainingContext

LOSSES = dict(
    elr=dict(type='ELRLoss', num_classes=3, num_samples=20),
    sample_weighted=dict(type='SampleWeightedLoss'),
)
# Of every step: batches of different sizes, and of the same; sample 4 is in both parts.
INDICES = ([7, 4, 11, 2, 19, 4, 0], [3, 4, 8, 9, 1, 5])
SPLITS = (5, 3)


class Classifier(nn.Module):
    """A linear layer and a loss."""

    def __init__(self, loss):
        super().__init__()
        torch.manual_seed(0)
        self.fc = nn.Linear(6, 3)
        self.loss = MODELS.build(LOSSES[loss])

    def forward(self, x, labels, avg_factor):
        return self.loss(self.fc(x), labels, avg_factor=avg_factor)


def parts_of(number, rank):
    """The rows of a step that a process has; None stands for the only process."""
    rows = torch.arange(len(INDICES[number]))
    return rows if rank is None else rows.tensor_split([SPLITS[number]])[rank]


def train(loss, rank=None):
    """Losses and gradients of every step, and the targets in the end."""
    model = Classifier(loss)
    wrapped = model if rank is None else nn.parallel.DistributedDataParallel(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    generator = torch.Generator().manual_seed(5)
    results = dict(losses=[], grads=[])
    context = TrainingContext(num_samples=20)
    model.loss.enter(context)
    for number, indices in enumerate(INDICES):
        x = torch.randn(len(indices), 6, generator=generator)
        labels = torch.randint(3, (len(indices),), generator=generator)
        weights = torch.rand(len(indices), generator=generator)
        rows = parts_of(number, rank)
        samples = [DataSample(metainfo=dict(sample_idx=indices[i])) for i in rows]
        for sample, weight in zip(samples, weights[rows], strict=True):
            sample.set_field(weight, 'sample_weight')
        context.data_samples = samples
        # the mean over processes of sums by this is the mean over the whole batch
        avg_factor = len(indices) / (1 if rank is None else 2)
        optimizer.zero_grad()
        value = wrapped(x[rows], labels[rows], avg_factor)
        value.backward()
        optimizer.step()
        results['losses'].append(value.detach())
        results['grads'].append(model.fc.weight.grad.clone())
    results['state'] = model.loss.state_dict()
    return results


@pytest.fixture(scope='module')
def two_processes(tmp_path_factory):
    folder = tmp_path_factory.mktemp('distributed')
    in_processes(be_one, str(folder))
    return [torch.load(folder / f'{rank}.pt', weights_only=True) for rank in range(2)]


@pytest.mark.parametrize('loss', LOSSES)
def test_losses_and_gradients_equal_those_of_one_process(two_processes, loss):
    whole = train(loss)
    ranks = [results[loss] for results in two_processes]
    for number in range(len(INDICES)):
        mean = (ranks[0]['losses'][number] + ranks[1]['losses'][number]) / 2
        torch.testing.assert_close(mean, whole['losses'][number])
        for rank in ranks:
            torch.testing.assert_close(rank['grads'][number], whole['grads'][number])


def test_targets_of_all_processes_are_equal_and_those_of_one_process(two_processes):
    targets = [results['elr']['state']['targets'] for results in two_processes]
    assert torch.equal(*targets)
    torch.testing.assert_close(targets[0], train('elr')['state']['targets'])
    seen = sorted({i for indices in INDICES for i in indices})
    assert targets[0].any(dim=1).nonzero().squeeze(1).tolist() == seen


def be_one(rank: int, folder: str) -> None:
    torch.distributed.init_process_group('gloo')
    torch.save({loss: train(loss, rank) for loss in LOSSES}, f'{folder}/{rank}.pt')
    leave_distributed()
