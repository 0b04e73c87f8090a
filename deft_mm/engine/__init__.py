"""Hooks, optimiser and model wrappers: what makes a stock runner train both stages."""

from . import hooks
from .atomic_local_backend import AtomicLocalBackend
from .checkpoint_loading import allow_mmengine_checkpoints
from .stage_distributed_data_parallel import StageDistributedDataParallel
from .stage_optim_wrapper import StageOptimWrapper, StageOptimWrapperConstructor

allow_mmengine_checkpoints()

__all__ = [
    'AtomicLocalBackend',
    'StageDistributedDataParallel',
    'StageOptimWrapper',
    'StageOptimWrapperConstructor',
    'hooks',
]
