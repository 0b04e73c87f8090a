"""Hooks."""

from .compile_hook import CompileHook
from .data_report_hook import DataReportHook
from .data_time_hook import DataTimeHook
from .epoch_seed_hook import EpochSeedHook
from .loss_context_hook import LossContextHook
from .noise_filter_hook import NoiseFilterHook
from .prompt_head_hook import PromptHeadHook
from .refilter_hook import RefilterHook
from .run_settings_hook import RunSettingsHook
from .run_timer_hook import RunTimerHook
from .safe_checkpoint_hook import SafeCheckpointHook
from .selection_log_hook import SelectionLogHook
from .summary_hook import SummaryHook
from .training_guard_hook import TrainingGuardHook

__all__ = [
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
    'SummaryHook',
    'TrainingGuardHook',
]
