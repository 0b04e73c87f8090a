"""What ``tools/train.py`` and ``tools/test.py`` do to a config before a runner is built from it."""

from __future__ import annotations

import gc
import os
import re
from argparse import Namespace
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import init_dist, is_distributed
from mmengine.utils.dl_utils import set_multi_processing

from deft_mm.datasets.own_images import problems_kept
from deft_mm.engine.checkpoint_loading import use_safe_loading
from deft_mm.engine.clip_settings import check_clip, fetches_weights
from deft_mm.engine.config_check import check_config
from deft_mm.engine.config_walk import DATALOADERS
from deft_mm.engine.data_settings import (
    check_indices,
    fill_from_top,
    require_data,
    settle_data,
)
from deft_mm.engine.options import MEANT, merge_options
from deft_mm.engine.work_folder import data_report_of
from deft_mm.shorten import first_few

# What each launcher tells the processes that it starts.
_SET_BY = dict(pytorch='RANK', slurm='SLURM_PROCID', mpi='OMPI_COMM_WORLD_LOCAL_RANK')
# What MMPretrain's own scripts give every dataloader.
_DATALOADER_DEFAULTS = dict(pin_memory=True, collate_fn=dict(type='default_collate'))


def read_config(path: str, options: Mapping[str, Any]) -> Config:
    """Read a config file for a tool.

    Args:
        path (str): The config file.
        options (Mapping[str, Any]): What to override, by dotted key, as ``--cfg-options`` has it.

    Returns:
        Config: The config, the options merged, and where the data are filled in. No data are read:
        a number of classes that is left open stays so, see
        :func:`~deft_mm.engine.data_settings.settle_data`.

    Raises:
        FileNotFoundError: If there is no such config file.
        ValueError: If nothing reads an option.
    """
    cfg = config_of_file(path)
    merge_options(cfg, options)
    fill_from_top(cfg)
    return cfg


def config_of_file(path: str) -> Config:
    """Read a config file as it is.

    Args:
        path (str): The config file.

    Returns:
        Config: What it says, together with its bases.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it can't be read, or is no config of a run; the message names the file, not
            only the base that is at fault.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f'Config file {path} does not exist.')
    try:
        cfg = Config.fromfile(path)
    except Exception as error:  # a config is code: anything can happen
        raise ValueError(
            f'Config file {path} cannot be read: {type(error).__name__}: {error}'
        ) from error
    if not {'model', *DATALOADERS} & set(cfg):
        raise ValueError(
            f'Config file {path} has neither a model nor data, only {first_few(sorted(cfg))}: give '
            'the config of a run. The plan of a comparison is for tools/compare.py.'
        )
    return cfg


def load_config(args: Namespace, persistent_workers: bool, dataloaders: Sequence[str]) -> Config:
    """Read the config file and apply the options shared by training and testing.

    It also makes the process group, see :func:`join_processes`.

    Args:
        args (Namespace): The command line, its overrides read (:func:`read_options`).
        persistent_workers (bool): Keep data-loading workers between epochs, where a dataloader has
            any and does not say itself.
        dataloaders (Sequence[str]): Those that will be used. Their data are looked for before
            weights are downloaded.

    Returns:
        Config: The config as :func:`read_config` returns it, a number of classes that it left open
        filled in.

    Raises:
        FileNotFoundError: If there is no such config file, or none of the data that it needs.
        ValueError: If nothing reads an option, the number of classes is left open and the data
            don't tell it, there is no model, a list of samples has one that there is not, the work
            directory is a file, or the launcher has not started this process.
    """
    cfg = read_config(args.config, args.cfg_options)
    if args.work_dir is not None:
        cfg.work_dir = args.work_dir
    elif cfg.get('work_dir') is None:
        cfg.work_dir = str(Path('work_dirs') / Path(args.config).stem)
    if Path(cfg.work_dir).exists() and not Path(cfg.work_dir).is_dir():
        raise ValueError(f"--work-dir '{cfg.work_dir}' is a file: give a folder, which is made.")
    with problems_kept(data_report_of(cfg.work_dir)):
        settle_data(cfg)
    if cfg.get('model') is None:
        raise ValueError(f'Config file {args.config} has no model.')
    check_config(cfg, [key.removeprefix(MEANT) for key in args.cfg_options])
    check_clip(cfg)
    cfg.launcher = args.launcher
    join_processes(args.launcher, cfg)
    if fetches_weights(cfg):
        require_data(cfg, dataloaders)
    check_indices(cfg, dataloaders)
    for field in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        if cfg.get(field) is not None:
            _set_dataloader_defaults(cfg[field], persistent_workers, args.no_pin_memory)
    return cfg


def _set_dataloader_defaults(
    dataloader: dict, persistent_workers: bool, no_pin_memory: bool
) -> None:
    for key, value in _DATALOADER_DEFAULTS.items():
        dataloader.setdefault(key, value)
    if no_pin_memory or not torch.cuda.is_available():
        dataloader['pin_memory'] = False
    # PyTorch refuses persistent workers where there are none.
    dataloader.setdefault('persistent_workers', persistent_workers)
    dataloader['persistent_workers'] &= dataloader.get('num_workers', 0) > 0


def check_amp_device() -> None:
    """Refuse mixed precision where MMEngine has none.

    Raises:
        ValueError: On a machine without an accelerator.
    """
    if get_device() == 'cpu':
        raise ValueError(
            '--amp (optim_wrapper.type=AmpOptimWrapper) needs a GPU or another accelerator, and '
            'none was found: leave --amp out to run in float32 on the CPU.'
        )


def amp_dtype(cfg: Config) -> str:
    """The type that ``--amp`` computes in, ``optim_wrapper.dtype``; MMEngine's loops get it too.

    Returns:
        str: 'float16', the default, or 'bfloat16'.

    Raises:
        ValueError: If the config asks for another type, or there is no accelerator.
    """
    check_amp_device()
    dtype = (cfg.get('optim_wrapper') or {}).get('dtype', 'float16')
    if dtype not in ('float16', 'bfloat16'):
        raise ValueError(
            f"optim_wrapper.dtype={dtype!r}: mixed precision computes in 'float16' or 'bfloat16'."
        )
    # Validation and test loops know only whether, and take PyTorch's default type.
    torch.set_autocast_gpu_dtype(getattr(torch, dtype))
    return dtype


def prepare_environment(local_rank: int) -> None:
    """Make checkpoints load without unpickling code, in all that this process does.

    Args:
        local_rank (int): The value of ``--local-rank``, for launchers that do not set
            ``LOCAL_RANK``.
    """
    os.environ.setdefault('LOCAL_RANK', str(local_rank))
    # PyTorch before 2.6 unpickles whatever a checkpoint holds unless told not to.
    os.environ.setdefault('TORCH_FORCE_WEIGHTS_ONLY_LOAD', '1')
    use_safe_loading()


def run_process(work: Callable[[Namespace], Any], args: Namespace) -> Any:
    """Do the work of a tool in this process, which may be one of several.

    Args:
        work (Callable): What the tool does; it may join the others (:func:`join_processes`).
        args (argparse.Namespace): Its command line, with ``local_rank``.

    Returns:
        Any: What it returns.
    """
    prepare_environment(args.local_rank)
    with explained_timeouts():
        result = work(args)
    leave_distributed()
    return result


def join_processes(launcher: str, cfg: Config) -> None:
    """Make the process group of a distributed run.

    MMEngine does so when it builds a runner, too late to agree on the work directory before, and
    selects a CUDA device whatever the backend. Without an accelerator, the group is one of gloo.

    Args:
        launcher (str): The value of ``--launcher``.
        cfg (Config): The config, of which ``env_cfg.dist_cfg.timeout`` (float, optional) is read:
            the seconds after which a process that waits for another gives up. None is PyTorch's,
            10 minutes for NCCL and 30 for gloo.

    Raises:
        ValueError: If the launcher has not started this process, or the timeout is not a positive
            number.
    """
    if launcher in _SET_BY and _SET_BY[launcher] not in os.environ:
        how = dict(slurm='srun (tools/slurm_train.sh)', mpi='mpirun').get(
            launcher, 'python -m torch.distributed.run (tools/dist_train.sh)'
        )
        raise ValueError(
            f'--launcher {launcher}: it has not started this process ({_SET_BY[launcher]} is not '
            f'set). Start with {how}, or leave --launcher out.'
        )
    timeout = ((cfg.get('env_cfg') or {}).get('dist_cfg') or {}).get('timeout')
    is_number = isinstance(timeout, (int, float)) and not isinstance(timeout, bool)
    if timeout is not None and not (is_number and timeout > 0):
        raise ValueError(
            f'env_cfg.dist_cfg.timeout={timeout!r}: give the seconds that processes wait for each '
            'other, for example 7200.'
        )
    if launcher == 'none' or is_distributed():
        return
    if launcher == 'pytorch' and get_device() == 'cpu':
        options = {} if timeout is None else dict(timeout=timedelta(seconds=timeout))
        torch.distributed.init_process_group('gloo', **options)
    else:
        env_cfg = cfg.get('env_cfg') or {}
        # First, as MMEngine does: init_dist would choose another way to start processes.
        set_multi_processing(**env_cfg.get('mp_cfg', {}), distributed=True)
        init_dist(launcher, **env_cfg.get('dist_cfg', {}))


@contextmanager
def explained_timeouts() -> Iterator[None]:
    """Name the setting to change where a process has waited too long for another.

    Raises:
        TimeoutError: In place of PyTorch's error. NCCL ends the process itself, with its own
            words.
    """
    try:
        yield
    except RuntimeError as error:
        text = str(error)
        if re.search('gloo|nccl|store', text, re.I) and re.search('time(d )?out', text, re.I):
            raise TimeoutError(
                'A process has waited for another longer than env_cfg.dist_cfg.timeout allows '
                f'({text.splitlines()[0]}). If the other was only slow, give more seconds: '
                '--cfg-options env_cfg.dist_cfg.timeout=14400'
            ) from error
        raise


def leave_distributed() -> None:
    """End a distributed run, once nothing refers to its runner any more.

    Gloo's threads may hold tensors of the last collective. If they let go of one while the
    interpreter shuts down, the process aborts (https://github.com/pytorch/pytorch/pull/179291).
    They end with the process group, which a data-parallel wrapper keeps alive; runner, hooks and
    model refer to one another, so the collector has to free them first.
    """
    if is_distributed():
        gc.collect()
        torch.distributed.destroy_process_group()
