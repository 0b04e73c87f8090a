"""From scores to a selection of samples, and the file that keeps it.

Nothing in here knows data sets or models: arrays and files only.
"""

from deft_mm.selection.dual_prompt_selector import DualPromptSelector
from deft_mm.selection.file_selector import FileSelector
from deft_mm.selection.fingerprint import Fingerprint
from deft_mm.selection.scores import OPTIONAL_SCORES, SampleScores
from deft_mm.selection.selection_file import Selection, read_selection, write_selection
from deft_mm.selection.selector import Selector, build_selector, check_selection

__all__ = [
    'OPTIONAL_SCORES',
    'DualPromptSelector',
    'FileSelector',
    'Fingerprint',
    'SampleScores',
    'Selection',
    'Selector',
    'build_selector',
    'check_selection',
    'read_selection',
    'write_selection',
]
