"""From scores to a selection of samples, and the file that keeps it.

Nothing in here knows data sets or models: arrays and files only.
"""

from deft_mm.selection.audit import Audit
from deft_mm.selection.audit_selector import AuditSelector
from deft_mm.selection.class_matching import NO_CLASS, ClassMatching, prompt_names
from deft_mm.selection.confident_learning_selector import ConfidentLearningSelector
from deft_mm.selection.corrections import (
    Review,
    apply_corrections,
    count_decisions,
    read_corrections,
)
from deft_mm.selection.dual_prompt_selector import DualPromptSelector
from deft_mm.selection.find_wrong_labels import find_wrong_labels
from deft_mm.selection.fingerprint import Fingerprint
from deft_mm.selection.gmm_selector import GMMSelector
from deft_mm.selection.jsd_selector import JSDSelector
from deft_mm.selection.knn_selector import KNNSelector
from deft_mm.selection.label_match_selector import LabelMatchSelector
from deft_mm.selection.mean_margin_selector import MeanMarginSelector
from deft_mm.selection.optimal_transport_selector import OptimalTransportSelector
from deft_mm.selection.persistent_selector import PersistentSelector
from deft_mm.selection.sample_table import EXCLUDED, ON_DEMAND, RESULTS, SampleTable
from deft_mm.selection.score_selector import ScoreSelector
from deft_mm.selection.selection_file import (
    is_edited,
    is_selection_file,
    read_selection,
    require_pyarrow,
    write_selection,
)
from deft_mm.selection.selection_limits import SelectionLimits, build_limits
from deft_mm.selection.selector import Selector, build_selector, check_selection
from deft_mm.selection.small_loss_selector import SmallLossSelector
from deft_mm.selection.threshold_selector import ThresholdSelector

__all__ = [
    'EXCLUDED',
    'NO_CLASS',
    'ON_DEMAND',
    'RESULTS',
    'Audit',
    'AuditSelector',
    'ClassMatching',
    'ConfidentLearningSelector',
    'DualPromptSelector',
    'Fingerprint',
    'GMMSelector',
    'JSDSelector',
    'KNNSelector',
    'LabelMatchSelector',
    'MeanMarginSelector',
    'OptimalTransportSelector',
    'PersistentSelector',
    'Review',
    'SampleTable',
    'ScoreSelector',
    'SelectionLimits',
    'Selector',
    'SmallLossSelector',
    'ThresholdSelector',
    'apply_corrections',
    'build_limits',
    'build_selector',
    'check_selection',
    'count_decisions',
    'find_wrong_labels',
    'is_edited',
    'is_selection_file',
    'prompt_names',
    'read_corrections',
    'read_selection',
    'require_pyarrow',
    'write_selection',
]
