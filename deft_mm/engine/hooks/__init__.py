"""Hooks."""

from .epoch_seed_hook import EpochSeedHook
from .noise_filter_hook import NoiseFilterHook
from .prompt_head_hook import PromptHeadHook
from .safe_checkpoint_hook import SafeCheckpointHook
from .selection_log_hook import SelectionLogHook
from .summary_hook import SummaryHook

__all__ = [
    'EpochSeedHook',
    'NoiseFilterHook',
    'PromptHeadHook',
    'SafeCheckpointHook',
    'SelectionLogHook',
    'SummaryHook',
]
