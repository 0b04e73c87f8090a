"""Checkpoints of plain types, which load without unpickling code."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.logging import HistoryBuffer
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS

from deft_mm.engine.checkpoint_loading import misfits, safe_loading, weights_of
from deft_mm.engine.resume import (
    fit_schedules,
    keep_to_own_folder,
    point_to_own,
    require_same_run,
    settle_resume,
)
from deft_mm.engine.stage_switch import bare_model, is_resuming, is_training

_HISTORY = 'history_buffer'


@HOOKS.register_module()
class SafeCheckpointHook(Hook):
    """Save checkpoints that ``torch.load(..., weights_only=True)`` reads.

    MMEngine puts ``HistoryBuffer`` objects and NumPy scalars into its checkpoints, which PyTorch
    2.6 and newer refuse to load by default. This hook turns them into tensors and plain Python
    values on the way out and back on the way in. It has the lowest priority, to see what every
    other hook added.

    Its run resumes and loads by :func:`~deft_mm.engine.checkpoint_loading.load_local_checkpoint`,
    which refuses files that are damaged or could run code; other runs of the process load as
    MMEngine does. Where it resumes without a path, it does so from the newest checkpoint in its
    folder that is whole.

    Example:

        .. code:: python

            default_hooks = dict(safe_checkpoint=dict(type='SafeCheckpointHook'))
    """

    priority = 'LOWEST'

    def before_run(self, runner: Runner) -> None:
        """Find this run's checkpoint, and have it loaded without running code that it may hold.

        Raises:
            ValueError: If the run is to resume, and no checkpoint of its folder is whole.
        """
        if is_training(runner):
            settle_resume(runner)
        load = runner.load_checkpoint

        def load_safely(*args, **kwargs) -> dict:
            with safe_loading():
                return load(*args, **kwargs)

        # On the runner alone: MMEngine's table of loaders is that of the whole process.
        runner.load_checkpoint = load_safely

    def before_train(self, runner: Runner) -> None:
        """Have the run's folder name the checkpoint that it has resumed from."""
        if is_resuming(runner):
            point_to_own(runner)

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        """Turn everything but the model's and the optimisers' tensors into plain types."""
        for key in checkpoint:
            if key not in ('state_dict', 'ema_state_dict'):
                checkpoint[key] = _to_plain(checkpoint[key])

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        """Refuse the weights of another model, and restore the message hub's log buffers.

        Raises:
            ValueError: If a test is of a checkpoint that lacks weights of the model, training
                begins from one that has none of them, or resumes from one of another run.
        """
        _require_weights(runner, checkpoint)
        if is_training(runner) and is_resuming(runner):
            require_same_run(runner, checkpoint)
            fit_schedules(runner, checkpoint)
            keep_to_own_folder(runner, checkpoint)
        scalars = checkpoint.get('message_hub', {}).get('log_scalars', {})
        for name, value in scalars.items():
            if isinstance(value, dict) and _HISTORY in value:
                scalars[name] = _to_history(value)


def _require_weights(runner: Runner, checkpoint: dict) -> None:
    """MMEngine loads what fits, and goes on with random weights in place of the rest."""
    model = bare_model(runner)
    faults = misfits(model, weights_of(checkpoint))
    lacking = [*faults['missing'], *faults['of another shape']]
    # Training may begin from a part of another model, such as a backbone.
    expected = [name for name, _ in model.named_parameters()]
    has_none = len(expected) > 0 and set(expected) <= set(lacking)
    if has_none if is_training(runner) else lacking:
        found = [
            f'{len(names)} are {fault} ({names[0]})' for fault, names in faults.items() if names
        ]
        raise ValueError(
            f'Checkpoint {runner._load_from} is one of another model than the '
            f'{type(model).__name__} of this config: of its weights {", ".join(found)}. Give the '
            'config that the run has written to its work directory, and a checkpoint of that run.'
        )


def _to_plain(value):
    if isinstance(value, HistoryBuffer):
        log, count = value.data
        # float64, so that resumed log averages equal those of an uninterrupted run.
        return {
            _HISTORY: torch.from_numpy(np.stack([log, count]).astype(np.float64)),
            'max_length': value.max_length,
        }
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        plain = OrderedDict if isinstance(value, OrderedDict) else dict
        return plain((_to_plain(key), _to_plain(item)) for key, item in value.items())
    if isinstance(value, tuple):
        return tuple(_to_plain(item) for item in value)
    if isinstance(value, (list, deque, set)):
        return [_to_plain(item) for item in value]
    return value


def _to_history(value: dict) -> HistoryBuffer:
    log, count = value[_HISTORY].cpu().numpy()
    return HistoryBuffer(log.tolist(), count.tolist(), value['max_length'])
