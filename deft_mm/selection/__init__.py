"""From scores to a selection of samples, and the file that keeps it.

Nothing in here knows data sets or models: arrays and files only.
"""

from deft_mm.selection.dual_prompt_selector import DualPromptSelector
from deft_mm.selection.file_selector import FileSelector
from deft_mm.selection.fingerprint import Fingerprint
from deft_mm.selection.gmm_selector import GMMSelector
from deft_mm.selection.label_match_selector import LabelMatchSelector
from deft_mm.selection.scores import OPTIONAL_SCORES, SampleScores
from deft_mm.selection.selection_file import (
    Selection,
    is_selection_file,
    read_selection,
    write_selection,
)
from deft_mm.selection.selection_limits import SelectionLimits, build_limits
from deft_mm.selection.selector import Selector, build_selector, check_selection
from deft_mm.selection.small_loss_selector import SmallLossSelector
from deft_mm.selection.threshold_selector import ThresholdSelector

__all__ = [
    'OPTIONAL_SCORES',
    'DualPromptSelector',
    'FileSelector',
    'Fingerprint',
    'GMMSelector',
    'LabelMatchSelector',
    'SampleScores',
    'Selection',
    'SelectionLimits',
    'Selector',
    'SmallLossSelector',
    'ThresholdSelector',
    'build_limits',
    'build_selector',
    'check_selection',
    'is_selection_file',
    'read_selection',
    'write_selection',
]
