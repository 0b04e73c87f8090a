"""The parts of a Runner that change when one stage of DeFT ends and the next begins.

MMEngine builds dataloader, schedulers and counters once, for the whole run. Everything that reaches
into them stands here, each with its reason, and nowhere else.
"""

from __future__ import annotations

import copy
from functools import partial

import numpy as np
from mmengine.dataset import worker_init_fn
from mmengine.dist import get_rank
from mmengine.hooks import CheckpointHook, EarlyStoppingHook, EMAHook
from mmengine.logging import MMLogger
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.runner import BaseLoop, Runner
from mmpretrain.registry import PARAM_SCHEDULERS
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.data import DataLoader, Dataset


def is_training(runner: Runner) -> bool:
    """Whether ``Runner.train`` was called: hooks run before validation and testing too."""
    # The property would build the loop, and with it the training data, in a test.
    return isinstance(runner._train_loop, BaseLoop)


def is_resuming(runner: Runner) -> bool:
    """Whether the checkpoint is to continue a run, not only to give its weights."""
    return runner._resume


def bare_model(runner: Runner) -> nn.Module:
    """The model without the wrapper of distributed training."""
    return getattr(runner.model, 'module', runner.model)


def active_model(runner: Runner) -> nn.Module:
    """What trains now: of a :class:`~deft_mm.models.algorithms.DeFT` model the active child."""
    model = bare_model(runner)
    return getattr(model, 'active', model)


def active_optim_wrapper(runner: Runner) -> OptimWrapper | None:
    """The optimiser that trains now; None where there is none, or several act at once."""
    wrapper = runner.optim_wrapper
    if isinstance(wrapper, OptimWrapperDict):
        # A detector that is not trained has none.
        return dict(wrapper.items()).get(getattr(bare_model(runner), 'active_stage', None))
    return wrapper


def training_data(runner: Runner) -> Dataset:
    """The training data without MMEngine's cut to ``num_batch_per_epoch``."""
    dataset = runner.train_dataloader.dataset
    return getattr(dataset, '_dataset', dataset)


def enter_stage(runner: Runner, stage: str, begin_epoch: int = 0) -> None:
    """Make a child of a DeFT model the active one, in averaged copies of the model, too.

    Args:
        runner (Runner): The runner.
        stage (str): Name of the stage.
        begin_epoch (int): The first epoch of the stage. Defaults to 0.
    """
    for model in _copies(runner):
        model.set_stage(stage, begin_epoch)


def begin_classifier(runner: Runner) -> None:
    """Give the classifier what it starts from, averaged copies of the model theirs.

    Args:
        runner (Runner): The runner, which has not trained the classifier yet.
    """
    for model in _copies(runner):
        model.begin_classifier()


def _copies(runner: Runner) -> list[nn.Module]:
    """The model and its averaged copies."""
    # EMAHook averages parameters; with update_buffers=True it never copies a whole number.
    averaged = [hook.ema_model.module for hook in runner.hooks if isinstance(hook, EMAHook)]
    return [bare_model(runner), *averaged]


def start_stage(runner: Runner, stage: str, epochs: int) -> None:
    """Give a stage its learning rates and schedulers, as at the start of a run of its own.

    Args:
        runner (Runner): The runner; its train dataloader is the stage's.
        stage (str): Name of the stage, a key of the optimiser wrapper.
        epochs (int): How many epochs the stage has.
    """
    wrapper = runner.optim_wrapper[stage]
    runner.optim_wrapper.active = stage
    # Schedulers built for the whole run have already moved the rates (a warm-up does so at once).
    for group in wrapper.param_groups:
        group['lr'] = group.get('initial_lr', group['lr'])
    if runner.param_schedulers is not None:
        # Only the active stage is scheduled: ParamSchedulerHook steps whatever it finds here.
        runner.param_schedulers = {name: [] for name in runner.optim_wrapper.keys()}  # noqa: SIM118
        runner.param_schedulers[stage] = _build_schedulers(runner, stage, epochs)


def start_counting(runner: Runner, stage: str, epochs: int, begin_iter: int) -> None:
    """Tell a stage's optimiser wrapper which of how many iterations comes next, and the run where
    it ends.

    Args:
        runner (Runner): The runner; its train dataloader is the stage's.
        stage (str): Name of the stage, a key of the optimiser wrapper.
        epochs (int): How many epochs the stage has.
        begin_iter (int): Global iteration at which the stage began.
    """
    max_iters = epochs * len(runner.train_dataloader)
    # OptimWrapperDict does not pass this on; gradient accumulation needs it to know the stage's
    # last iteration.
    runner.optim_wrapper[stage].initialize_count_status(
        getattr(bare_model(runner), stage), runner.iter - begin_iter, max_iters
    )
    set_length(runner, runner.max_epochs, begin_iter + max_iters)


def _build_schedulers(runner: Runner, stage: str, epochs: int) -> list:
    cfg = runner.cfg.param_scheduler
    cfg = cfg if isinstance(cfg, list) or 'type' in cfg else cfg.get(stage, [])
    schedulers = []
    for item in cfg if isinstance(cfg, (list, tuple)) else [cfg]:
        item = copy.deepcopy(item)
        # The runner's default end is that of the whole run; a stage's rates are to end with the
        # stage.
        length = epochs if item.get('by_epoch', True) else epochs * len(runner.train_dataloader)
        item.setdefault('end', length)
        schedulers.append(
            PARAM_SCHEDULERS.build(
                item,
                default_args=dict(
                    optimizer=runner.optim_wrapper[stage], epoch_length=len(runner.train_dataloader)
                ),
            )
        )
    return schedulers


def set_length(runner: Runner, max_epochs: int, max_iters: int) -> None:
    """Set where training ends; the loop fixes both numbers when it is built.

    Args:
        runner (Runner): The runner.
        max_epochs (int): Epochs of the whole run.
        max_iters (int): Iterations of the whole run.
    """
    runner.train_loop._max_epochs = max_epochs
    runner.train_loop._max_iters = max_iters
    # Log lines and remaining time are computed from the message hub.
    runner.message_hub.update_info('max_epochs', max_epochs)
    runner.message_hub.update_info('max_iters', max_iters)


def replace_train_dataset(
    runner: Runner, dataset: Dataset, model: nn.Module, overrides: dict | None = None
) -> None:
    """Train on another data set from now on.

    How many samples it has nobody could know when the run was set up. So a batch that would make
    training fail is taken care of: with ``drop_last`` and fewer samples than a batch that one is
    trained on all the same, and without it a last batch of a single sample, of which batch norm
    has no statistics, is left out, another one in each epoch.

    Args:
        runner (Runner): The runner.
        dataset (Dataset): The new data set, built.
        model (nn.Module): What is trained on it.
        overrides (dict, optional): Keys of ``train_dataloader`` to change, for example
            ``batch_size``. Defaults to None.

    Raises:
        ValueError: If a model with batch norm is left a single sample a process.
    """
    # Ends persistent workers, which hold a copy of the old data set each.
    runner.train_loop.dataloader._iterator = None
    dataloader = build_train_dataloader(runner, dataset, overrides)
    drop_last = _drop_last(dataloader, model, runner.logger)
    if drop_last is not None:
        overrides = {**(overrides or {}), 'drop_last': drop_last}
        dataloader = build_train_dataloader(runner, dataset, overrides)
    if len(dataloader) == 0:  # of a batch sampler of the user's own
        raise ValueError(
            f'{len(dataset)} kept samples make no batch with train_dataloader.batch_sampler='
            f'{runner.cfg.train_dataloader.get("batch_sampler")}: let it give a smaller one.'
        )
    seed_workers(dataloader, runner.seed, runner.epoch)
    runner.train_loop.dataloader = dataloader


def _drop_last(dataloader: DataLoader, model: nn.Module, logger: MMLogger) -> bool | None:
    """What ``drop_last`` must be for the samples that there are; None for what it is."""
    size, num_samples = dataloader.batch_size, len(dataloader.sampler)
    if size is None:  # a batch sampler of the user's own
        return None
    if dataloader.drop_last and num_samples < size:
        logger.warning(
            f'{num_samples} samples (of each process) are fewer than a batch of {size}, which '
            'train_dataloader.drop_last=True would leave out: they are trained on as one batch.'
        )
        _require_two(num_samples, model)
        return False
    if dataloader.drop_last or num_samples % size != 1 or not _has_batch_norm(model):
        return None
    if size > 1:
        _require_two(num_samples, model)
        logger.info(
            f'{num_samples} samples (of each process) leave one to the last batch of {size}, of '
            'which batch norm has no statistics: an epoch leaves one of them out.'
        )
    return size > 1 or None


def _require_two(num_samples: int, model: nn.Module) -> None:
    if num_samples == 1 and _has_batch_norm(model):
        raise ValueError(
            'A single sample is kept (of each process), and batch norm cannot be trained on one: '
            'look at the clean_prob column of the selection file; '
            'default_hooks.noise_filter.limits=dict(max_rejected=...) keeps more.'
        )


def _has_batch_norm(model: nn.Module) -> bool:
    return any(isinstance(module, _BatchNorm) for module in model.modules())


def seed_workers(dataloader: DataLoader, seed: int, epoch: int) -> None:
    """Give the data-loading workers that an epoch will start a seed of their own.

    MMEngine seeds freshly started workers alike in every epoch, which repeats their augmentations.

    Args:
        dataloader (DataLoader): The training data.
        seed (int): The run's.
        epoch (int): How many epochs are finished.
    """
    if dataloader.num_workers > 0:
        dataloader.worker_init_fn = partial(
            worker_init_fn,
            num_workers=dataloader.num_workers,
            rank=get_rank(),
            seed=mix_seed(seed, epoch, 0),
        )


def mix_seed(*parts: int) -> int:
    """A 31-bit seed in which neighbouring epochs, ranks and seeds share nothing."""
    return int(np.random.SeedSequence(parts).generate_state(1)[0] >> 1)


def build_train_dataloader(
    runner: Runner, dataset: Dataset, overrides: dict | None = None
) -> DataLoader:
    """Build a dataloader as the run's own, of another data set.

    Args:
        runner (Runner): The runner.
        dataset (Dataset): The data set, built.
        overrides (dict, optional): Keys of ``train_dataloader`` to change. Defaults to None.

    Returns:
        DataLoader: The dataloader; where ``num_batch_per_epoch`` is more than there is, an epoch
        has what there is.
    """

    def share() -> Dataset:
        return dataset

    # Built by a function: `build_dataloader` would copy a data set in its config, images included.
    cfg = {**runner.cfg.train_dataloader, **(overrides or {}), 'dataset': dict(type=share)}
    options = dict(
        seed=runner.seed, diff_rank_seed=runner._randomness_cfg.get('diff_rank_seed', False)
    )
    dataloader = Runner.build_dataloader(cfg, **options)
    if len(dataloader.dataset) > len(dataset):
        # MMEngine cuts to num_batch_per_epoch without looking, and would ask for samples beyond
        # the last.
        cfg['num_batch_per_epoch'] = None
        dataloader = Runner.build_dataloader(cfg, **options)
    return dataloader


def end_workers(runner: Runner) -> None:
    """End the persistent data-loading workers of a finished run.

    The garbage collector would close their queues before it asks them to end, and wait five seconds
    for each.

    Args:
        runner (Runner): The runner.
    """
    for loop in (runner._train_loop, runner._val_loop, runner._test_loop):
        if isinstance(loop, BaseLoop):
            loop.dataloader._iterator = None


def forget_stage(runner: Runner, stage: str) -> None:
    """Drop what belongs to a finished stage: its optimiser state, its logged scalars and its best
    scores.

    Args:
        runner (Runner): The runner.
        stage (str): The stage that has ended.
    """
    if stage in runner.optim_wrapper:
        runner.optim_wrapper[stage].optimizer.state.clear()
    # The log prints every scalar it finds, so the detector's losses would stand still in each line
    # of stage 2.
    hub = runner.message_hub
    for name in [name for name in hub.log_scalars if name.startswith('train/')]:
        hub.log_scalars.pop(name)
        # A checkpoint lists it, and a resume would warn that it isn't there.
        hub._resumed_keys.pop(name, None)
    # The stages' metrics are of different models: neither may count as an improvement on the other.
    for name in [name for name in runner.message_hub.runtime_info if name.startswith('best_')]:
        runner.message_hub.pop_info(name)
    for hook in runner.hooks:
        if isinstance(hook, CheckpointHook) and hook.save_best is not None:
            if len(hook.key_indicators) == 1:
                hook.best_ckpt_path = None
            else:
                hook.best_ckpt_path_dict = dict.fromkeys(hook.key_indicators)
        if isinstance(hook, EarlyStoppingHook):
            hook.wait_count = 0
            hook.best_score = float('-inf') if hook.rule == 'greater' else float('inf')
