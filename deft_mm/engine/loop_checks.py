"""Settings of MMEngine's loops and of what acts within them, checked before a run."""

from __future__ import annotations

from collections.abc import Sequence

from mmengine.dataset import InfiniteSampler
from mmengine.hooks import CheckpointHook
from mmengine.runner import BaseLoop, EpochBasedTrainLoop, Runner, ValLoop
from mmpretrain.evaluation import Accuracy
from torch.utils.data import DataLoader

from deft_mm.engine.rehearsal import make_batch
from deft_mm.engine.stage_switch import is_training, training_data


def check_loops(runner: Runner) -> None:
    """Refuse loops that do nothing, and settings that MMEngine would fail at or ignore later.

    Args:
        runner (Runner): The runner, whose loops are built.

    Raises:
        ValueError: If an epoch has no iteration, none ends, or asks for more samples than there
            are; if an interval or a number of epochs or checkpoints is out of range; if a
            CheckpointHook would remove the files of another one; if validation data can't be read,
            or have fewer classes than the top ones that are counted.
    """
    for name in ('train', 'val', 'test'):
        loop = getattr(runner, f'_{name}_loop')
        if isinstance(loop, BaseLoop):
            _check_size(f'{name}_dataloader', loop.dataloader)
        if isinstance(loop, ValLoop):
            make_batch(loop.dataloader, f'{name}_dataloader.dataset')
            _check_topk(f'{name}_evaluator', loop)
    if not is_training(runner):
        return
    hooks = [hook for hook in runner.hooks if isinstance(hook, CheckpointHook)]
    for hook in hooks:
        _check_checkpoints(hook)
    _check_limits(hooks)
    if isinstance(runner.train_loop, EpochBasedTrainLoop):
        _check_epochs(runner)


def _check_size(key: str, dataloader: DataLoader) -> None:
    """An epoch has an iteration in each process."""
    if isinstance(dataloader.sampler, InfiniteSampler) or len(dataloader) > 0:
        return
    share = len(dataloader.sampler)
    raise ValueError(
        f'{key} has no iteration: of {len(dataloader.dataset)} samples each process has {share}, '
        f'with batch_size={dataloader.batch_size} and drop_last={dataloader.drop_last}. Set '
        f'{key}.drop_last=False or a smaller {key}.batch_size, or give more samples.'
    )


def _check_topk(key: str, loop: ValLoop) -> None:
    classes = (getattr(loop.dataloader.dataset, 'metainfo', None) or {}).get('classes')
    for metric in loop.evaluator.metrics:
        if isinstance(metric, Accuracy) and classes and max(metric.topk) > len(classes):
            raise ValueError(
                f'{key}.topk is {metric.topk}, and there are {len(classes)} classes: give no more.'
            )


def _check_epochs(runner: Runner) -> None:
    loop = runner.train_loop
    for key, value in dict(
        max_epochs=loop.max_epochs, val_begin=loop.val_begin, val_interval=loop.val_interval
    ).items():
        if value < 1:
            hint = ' To train without validation: --no-validate.' if key != 'max_epochs' else ''
            raise ValueError(f'train_cfg.{key} is {value}: set it to 1 or more.{hint}')
    if isinstance(loop.dataloader.sampler, InfiniteSampler):
        raise ValueError(
            'train_dataloader.sampler is an InfiniteSampler, with which an epoch never ends: set '
            "train_dataloader.sampler=dict(type='DefaultSampler', shuffle=True)."
        )
    asked, there = len(loop.dataloader.dataset), len(training_data(runner))
    if asked > there:
        raise ValueError(
            f'train_dataloader.num_batch_per_epoch asks for {asked} samples an epoch, and there '
            f'are {there}: set it lower, or leave it out.'
        )


def _check_checkpoints(hook: CheckpointHook) -> None:
    for key, what in dict(interval='no checkpoint', max_keep_ckpts='all of them').items():
        value = getattr(hook, key)
        if value < 1 and value != -1:
            raise ValueError(
                f'default_hooks.checkpoint.{key} is {value}: set it to 1 or more, or to -1 for '
                f'{what}.'
            )


def _check_limits(hooks: Sequence[CheckpointHook]) -> None:
    """No hook removes the files of another one."""
    limited = [hook for hook in hooks if hook.max_keep_ckpts > 0]
    if len(limited) > 1:
        raise ValueError(
            f'{len(limited)} CheckpointHooks have max_keep_ckpts, for which MMEngine keeps one '
            'list: after a resume one removes the files of the other. Give it to one of them.'
        )
    saving = [(hook.filename_tmpl, hook.out_dir) for hook in hooks if hook.interval > 0]
    twice = next((name for name, place in saving if saving.count((name, place)) > 1), None)
    if limited and twice is not None:
        raise ValueError(
            f'Several CheckpointHooks save as {twice!r}, and one has max_keep_ckpts, with which it '
            'removes the files of the others: give them a filename_tmpl or an out_dir each.'
        )
