"""What tests run in processes of their own, which must be able to import it."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.registry import DefaultScope
from mmpretrain.registry import DATASETS, HOOKS, MODELS, TRANSFORMS

from deft_mm.datasets import sample_table_of
from deft_mm.engine.launch import leave_distributed
from deft_mm.engine.scoring_pass import score_samples
from runner_utils import tiny
from tools import train

SIZES = (1, 9, 10, 11)  # of one sample, the second process has none


@HOOKS.register_module()
class SlowFirstProcess(Hook):
    """Keeps the others waiting before they train."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def before_train(self, runner) -> None:
        if runner.rank == 0:
            time.sleep(self.seconds)


def score_all(sizes) -> dict[str, np.ndarray]:
    """Score data sets of several sizes with one detector made from a fixed seed."""
    torch.manual_seed(0)
    cfg = tiny('deft/deft_digits_sym40.py', 'unused')
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        detector = MODELS.build(cfg.model.detector)
        detector.head.set_class_names([f'class {i}' for i in range(10)])
        pipeline = [TRANSFORMS.build(dict(type='PackInputs'))]
        scores = {}
        for size in sizes:
            cfg.train_dataloader.dataset.dataset.num_samples = size
            dataset = DATASETS.build(cfg.train_dataloader.dataset)
            table, needs = sample_table_of(dataset), ('loss', 'feature', 'probs', 'similarity')
            result = score_samples(detector, dataset, table, pipeline, needs, batch_size=4)
            for name in ('clean_prob', 'pred_label', *needs):
                scores[f'{name}{size}'] = getattr(result, name)
    return scores


def score_in_process(rank: int, folder: str) -> None:
    torch.distributed.init_process_group('gloo')
    np.savez(f'{folder}/{rank}.npz', **score_all(SIZES))
    leave_distributed()


def threads_after_training(rank: int, folder: str) -> None:
    """Train, and note which threads are left."""
    sys.argv = ['train.py', f'{folder}/config.py', '--launcher', 'pytorch']
    train.main(train.parse_args())
    names = [(task / 'comm').read_text().strip() for task in Path('/proc/self/task').iterdir()]
    Path(folder, 'threads.txt').write_text('\n'.join(names))
