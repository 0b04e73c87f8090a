"""Hooks, optimiser and model wrappers: what makes a stock runner train both stages."""

from .atomic_local_backend import AtomicLocalBackend
from .checkpoint_loading import allow_mmengine_checkpoints
from .hooks import (
    CompileHook,
    DataReportHook,
    DataTimeHook,
    EpochSeedHook,
    LossContextHook,
    NoiseFilterHook,
    PromptHeadHook,
    RefilterHook,
    RunSettingsHook,
    RunTimerHook,
    SafeCheckpointHook,
    SelectionLogHook,
    SummaryHook,
)
from .stage_distributed_data_parallel import StageDistributedDataParallel
from .stage_optim_wrapper import StageOptimWrapper, StageOptimWrapperConstructor

allow_mmengine_checkpoints()

__all__ = [
    'AtomicLocalBackend',
    'CompileHook',
    'DataReportHook',
    'DataTimeHook',
    'EpochSeedHook',
    'LossContextHook',
    'NoiseFilterHook',
    'PromptHeadHook',
    'RefilterHook',
    'RunSettingsHook',
    'RunTimerHook',
    'SafeCheckpointHook',
    'SelectionLogHook',
    'StageDistributedDataParallel',
    'StageOptimWrapper',
    'StageOptimWrapperConstructor',
    'SummaryHook',
]
