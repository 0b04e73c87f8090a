"""The runner of the tools: MMEngine's, with a short console and no config written ahead of time."""

from __future__ import annotations

import logging
import re
from typing import Any

from mmengine.config import Config
from mmengine.device import get_device
from mmengine.logging import MMLogger
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from deft_mm.engine.hooks import SafeCheckpointHook, TrainingGuardHook

# What every run needs, by their names in our configs: those of MMPretrain don't have them.
_GUARDS = dict(guard=TrainingGuardHook, safe_checkpoint=SafeCheckpointHook)
# How the lines of MMEngine begin that say the same of every run, or tell no user what to do.
_LOG_FILE_ONLY = (
    f'\n{"-" * 60}\nSystem environment:',
    'Config:\n',
    'Hooks will be executed in the following order:',
    'Distributed training is not used, all SyncBatchNorm',
    '"FileClient" will be deprecated',
    '"HardDiskBackend" is the alias',
)
# What it says of each parameter of a model: how many are trained is said once.
_OF_A_PARAMETER = re.compile(r'paramwise_options -- |\S+ is skipped since its requires_grad=False')


def build_runner(cfg: Config) -> Runner:
    """Build the runner of a config.

    Args:
        cfg (Config): The config; ``runner_type`` may name another class than MMEngine's.

    Returns:
        Runner: One with ``TrainingGuardHook`` and ``SafeCheckpointHook``, unless the config has
        ``default_hooks.guard=None`` or ``safe_checkpoint=None``. Its console shows where the log
        file is, in place of environment, config, the order of hooks and what holds for each
        parameter, which are in that file.
        The config is not written into the work directory yet, over that of a run which may be in
        it; see :class:`~deft_mm.engine.work_folder.ConfigFileHook`.

    Raises:
        ValueError: If there is no such runner.
    """
    class_ = Runner if cfg.get('runner_type') is None else RUNNERS.get(cfg.runner_type)
    if class_ is None:
        raise ValueError(f'runner_type={cfg.runner_type!r} is no runner that is registered.')
    runner = type(class_.__name__, (_ToolRunner, class_), {}).from_cfg(cfg)
    for name, guard in _GUARDS.items():
        is_there = any(isinstance(hook, guard) for hook in runner.hooks)
        if not is_there and name not in (cfg.get('default_hooks') or {}):
            runner.register_hook(guard())
    return runner


class _ToolRunner:
    """Mixed into the class of a runner."""

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        logger = super().build_logger(*args, **kwargs)
        for handler in logger.handlers:
            if not isinstance(handler, logging.FileHandler):
                handler.addFilter(_is_new)
        logger.info(
            f'Config {self.cfg.filename or "without a file"}, on {get_device()}, '
            f'work directory {self.work_dir}. Settings and environment are in {logger.log_file}'
        )
        return logger

    def dump_config(self) -> None:
        """Write nothing."""


def _is_new(record: logging.LogRecord) -> bool:
    text = str(record.msg)
    return not (text.startswith(_LOG_FILE_ONLY) or _OF_A_PARAMETER.match(text))
