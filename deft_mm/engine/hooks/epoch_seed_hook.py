"""Random numbers that depend on the epoch, not on how training got there."""

from __future__ import annotations

import random

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.hooks import Hook
from mmpretrain.registry import HOOKS

from deft_mm.engine.stage_switch import mix_seed, seed_workers


@HOOKS.register_module()
class EpochSeedHook(Hook):
    """Seed Python, NumPy and PyTorch from (seed, epoch, rank) at the start of every training epoch.

    MMEngine does not save the state of the random number generators. With this hook an epoch draws
    the same augmentations, dropout masks and complementary labels whether training was resumed or
    never stopped. Data-loading workers get a seed of their own for each epoch; without it, MMEngine
    seeds freshly started workers alike in every epoch, which repeats their augmentations.

    Persistent workers (``persistent_workers=True``) keep the random state of the epochs before, so
    their augmentations after a resume differ from those of an uninterrupted run. For an exact
    resume use ``persistent_workers=False`` or ``num_workers=0``.

    Example:

        .. code:: python

            default_hooks = dict(epoch_seed=dict(type='EpochSeedHook'))
            randomness = dict(seed=0)
    """

    # Before everything in an epoch that may draw a number, the scoring pass included.
    priority = 'VERY_HIGH'

    def before_train_epoch(self, runner) -> None:
        """Seed this process and the data-loading workers that it will start."""
        seed = mix_seed(runner.seed, runner.epoch, get_rank())
        random.seed(seed)
        np.random.seed(seed)
        torch.manual_seed(seed)
        # Where data are exchanged in this epoch, the exchange does so again.
        seed_workers(runner.train_dataloader, runner.seed, runner.epoch)
