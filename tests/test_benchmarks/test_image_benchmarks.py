"""Benchmarks of the image side notice a difference, and stage 2 takes the kept samples only."""

import runpy
import sys

import pytest
import torch
from mmpretrain.models import LinearClsHead

from deft_mm.models.heads import DualPromptHead
from runner_utils import REPO

BENCHMARKS = ['evaluation', 'scoring', 'stage2']


@pytest.fixture
def run_small(monkeypatch):
    """Runs a benchmark as `python benchmarks/NAME.py --small` does."""

    def run(name: str) -> None:
        path = REPO / 'benchmarks' / f'{name}.py'
        monkeypatch.syspath_prepend(str(path.parent))
        monkeypatch.setattr(sys, 'argv', [str(path), '--small', '--devices', 'cpu'])
        runpy.run_path(str(path), run_name='__main__')

    return run


@pytest.mark.parametrize('name', BENCHMARKS)
def test_disagreement_ends_the_benchmark(name, run_small, monkeypatch):
    logits, loss = DualPromptHead.dual_logits, LinearClsHead.loss
    monkeypatch.setattr(
        DualPromptHead,
        'dual_logits',
        lambda self, feats: tuple(1.01 * x for x in logits(self, feats)),
    )
    monkeypatch.setattr(
        LinearClsHead,
        'loss',
        lambda self, *args, **kwargs: {k: 1.01 * v for k, v in loss(self, *args, **kwargs).items()},
    )
    with pytest.raises(SystemExit, match='ours differs from plain in'):
        run_small(name)


def test_epoch_of_stage_two_takes_the_kept_samples_only(monkeypatch):
    monkeypatch.syspath_prepend(str(REPO / 'benchmarks'))
    stage2 = runpy.run_path(str(REPO / 'benchmarks' / 'stage2.py'))
    run = stage2['Stage2'](n_images=20, batch=4, small=True, device='cpu')
    seen = []
    forward = run.model.backbone.conv1.register_forward_hook
    handle = forward(lambda module, inputs, output: seen.append(len(inputs[0])))
    run.plain()
    assert seen == [4] * 5
    seen.clear()
    run.ours()
    handle.remove()
    assert seen == [4] * 2
    assert all(torch.isfinite(p).all() for p in run.trained.values())
