"""Going on with a run: from which checkpoint, and whether it is one of this run."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.optim import OptimWrapperDict
from mmengine.runner import EpochBasedTrainLoop, Runner

from deft_mm.engine.checkpoint_files import checkpoint_folder, newest_whole
from deft_mm.engine.stage_switch import is_resuming
from deft_mm.engine.work_folder import run_in
from deft_mm.fileio import write_atomically
from deft_mm.main_process import on_main_process


def settle_resume(runner: Runner) -> None:
    """Where a run resumes without a path, find the newest checkpoint of its folder that is whole.

    MMEngine goes by the path in ``last_checkpoint``, which may be missing, or of a folder that was
    moved or copied since.

    Args:
        runner (Runner): The runner; one that finds nothing to resume starts anew.

    Raises:
        ValueError: If there is a run in the folder, and none of its checkpoints is whole.
    """
    if not is_resuming(runner) or runner._load_from is not None:
        return
    folder = checkpoint_folder(runner.cfg, runner.work_dir)
    path, damaged = on_main_process(lambda: newest_whole(folder, runner.cfg))
    text = ', '.join(f'{path.name} ({damage})' for path, damage in damaged.items())
    if path is not None:
        runner._load_from = str(path)
        if damaged:
            runner.logger.warning(
                f'Damaged in {folder}: {text}. The run resumes from {path.name}, the newest '
                'checkpoint that is whole.'
            )
        return
    there = on_main_process(lambda: run_in(runner.cfg, runner.work_dir))
    if there is not None:
        raise ValueError(
            f'--resume found no whole checkpoint in {folder}, which holds a run '
            f'({text or there.name}): put one of its checkpoints there, or start anew with another '
            '--work-dir.'
        )
    runner._resume = False
    runner.logger.warning(
        f'--resume found no checkpoint in {folder}: training starts anew. If there is '
        'one elsewhere, give its folder as --work-dir, or its path as --resume PATH.'
    )


def require_same_run(runner: Runner, checkpoint: Mapping) -> None:
    """Refuse to go on from a checkpoint that this run can't have saved.

    Args:
        runner (Runner): The runner; its length is settled.
        checkpoint (Mapping): What was loaded.

    Raises:
        ValueError: If it is no checkpoint of a run, has other optimisers, or lies behind the end.
    """
    name = f'The checkpoint to resume from ({runner._load_from})'
    meta = checkpoint.get('meta') or {}
    if not {'epoch', 'iter'} <= meta.keys() or 'message_hub' not in checkpoint:
        raise ValueError(
            f'{name} holds no state of a run, perhaps weights alone: to start from its weights, '
            'use load_from, not --resume.'
        )
    here, there = _sizes_here(runner), _sizes_in(checkpoint.get('optimizer'))
    if there is not None and here != there:
        raise ValueError(
            f'{name} is of another method or model: it has the optimisers {_text(there)}, this '
            f'config makes {_text(here)}. Give the config that lies beside it, or, to start from '
            'its weights, use load_from, not --resume.'
        )
    by_epoch = isinstance(runner.train_loop, EpochBasedTrainLoop)
    unit, end = ('epoch', runner.max_epochs) if by_epoch else ('iter', runner.max_iters)
    if meta[unit] > end:
        raise ValueError(
            f'train_cfg.max_{unit}s={end}, but {name[0].lower() + name[1:]} is of {unit} '
            f'{meta[unit]}: nothing is left to train. Set max_{unit}s higher, or resume from an '
            'earlier checkpoint with --resume PATH.'
        )
    if meta[unit] == end:
        runner.logger.info(f'{Path(runner._load_from).name} is of the last {unit}.')


def fit_schedules(runner: Runner, checkpoint: dict) -> None:
    """Where a run has become longer or shorter, take up the schedules of that length.

    Those in the checkpoint would end where the run was to end, a cosine at a rate of 0, with which
    the further epochs would learn nothing.

    Args:
        runner (Runner): The runner; its schedules are of the new length.
        checkpoint (dict): What was loaded; its schedules and rates are exchanged.
    """
    here, there = runner.param_schedulers, checkpoint.get('param_schedulers')
    optimisers = checkpoint.get('optimizer')
    if (
        not here
        or not there
        or optimisers is None
        or isinstance(here, dict) != isinstance(there, dict)
    ):
        return
    parts = here if isinstance(here, dict) else {'': here}
    for name, schedulers in parts.items():
        states = there[name] if name else there
        pairs = list(zip(schedulers, states, strict=False))
        if len(schedulers) != len(states) or all(new.end == old['end'] for new, old in pairs):
            continue
        # By iterations first: those are warm-ups.
        for new, old in sorted(pairs, key=lambda pair: pair[0].by_epoch):
            for _ in range(old['_global_step'] - new._global_step):
                new.step()
        states[:] = [new.state_dict() for new in schedulers]
        saved = (optimisers[name] if name else optimisers)['param_groups']
        wrapper = runner.optim_wrapper[name] if name else runner.optim_wrapper
        for group, now in zip(saved, wrapper.param_groups, strict=True):
            group.update({key: now[key] for key in {new.param_name for new in schedulers}})
        rates = sorted({group['lr'] for group in saved})
        runner.logger.warning(
            'The run has another length than when the checkpoint was saved: from here on its '
            f'schedules are those of a run of this length, with lr {rates[0]:.3g} to begin with.'
        )


def keep_to_own_folder(runner: Runner, checkpoint: Mapping) -> None:
    """Let a run in a copied folder name, and delete, checkpoints of that folder alone.

    Args:
        runner (Runner): The runner.
        checkpoint (Mapping): What was loaded; the paths in it are changed.
    """
    folder = checkpoint_folder(runner.cfg, runner.work_dir)
    info = checkpoint['message_hub'].get('runtime_info', {})
    info['last_ckpt'] = os.path.abspath(runner._load_from)
    for key, value in info.items():
        if key.startswith('best_ckpt') and isinstance(value, str):
            info[key] = str(folder / value.replace('\\', '/').rpartition('/')[2])


def point_to_own(runner: Runner) -> None:
    """Let ``last_checkpoint``, by which MMEngine itself resumes, name what was resumed from.

    A kill after a checkpoint, or a move of the folder, leaves it with another one.

    Args:
        runner (Runner): The runner, which has loaded its checkpoint.
    """
    path = Path(os.path.abspath(runner._load_from))
    folder = os.path.abspath(checkpoint_folder(runner.cfg, runner.work_dir))
    if is_main_process() and str(path.parent) == folder:
        write_atomically(str(path).encode(), Path(runner.work_dir) / 'last_checkpoint')


def _sizes_here(runner: Runner) -> dict[str, list[int]]:
    """How many parameters each group of each optimiser has."""
    wrapper = runner.optim_wrapper
    several = isinstance(wrapper, OptimWrapperDict)
    parts = dict(wrapper.items()) if several else {'': wrapper}
    return {
        name: [len(group['params']) for group in part.optimizer.param_groups]
        for name, part in parts.items()
    }


def _sizes_in(state: Mapping | None) -> dict[str, list[int]] | None:
    if state is None:
        return None
    parts = {'': state} if 'param_groups' in state else state
    return {
        name: [len(group['params']) for group in part['param_groups']]
        for name, part in parts.items()
        if 'param_groups' in part
    }


def _text(sizes: Mapping[str, list[int]]) -> str:
    return ', '.join(f'{name or "one"} of {sum(counts)} tensors' for name, counts in sizes.items())
