"""Kept text features in a run whose validation swaps averaged weights in and out."""

from __future__ import annotations

import torch
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS

from runner_utils import run, tiny


@HOOKS.register_module(force=True)
class CompareFeatures(Hook):
    """Compares kept text features with new ones, and raw contexts with those of the validation."""

    def __init__(self) -> None:
        self.differences, self.raw, self.validated = [], [], []

    def before_val(self, runner: Runner) -> None:
        self.raw.append(runner.model.detector.head.prompts.pos_ctx.detach().clone())

    @torch.no_grad()
    def after_val_iter(self, runner: Runner, batch_idx, data_batch=None, outputs=None) -> None:
        head = runner.model.detector.head
        kept, new = head.text_features(), head._encode_in_full_precision()
        self.differences.append((kept - new).abs().max().item())
        self.validated.append(head.prompts.pos_ctx.detach().clone())


def test_every_validation_has_the_features_of_its_own_weights(tmp_path):
    cfg = tiny('deft/deft_digits_sym40.py', tmp_path)
    cfg.train_cfg.max_epochs = 4
    cfg.default_hooks.noise_filter.update(detector_epochs=3, selector=dict(type='KeepEvenIndices'))
    cfg.custom_hooks = [
        dict(type='mmengine.EMAHook', momentum=0.1),
        dict(type='CompareFeatures'),
    ]
    runner = run(cfg)
    found = next(hook for hook in runner.hooks if isinstance(hook, CompareFeatures))
    assert found.differences == [0.0] * len(found.validated)
    # In every epoch of stage 1 raw and averaged weights differ, and so do those of the epochs.
    per_epoch = found.validated[:: len(found.validated) // 4][:3]
    for raw, averaged in zip(found.raw, per_epoch, strict=False):
        assert not torch.equal(raw, averaged)
    assert not torch.equal(per_epoch[0], per_epoch[1])
