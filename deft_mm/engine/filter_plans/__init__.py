"""When the training data are filtered: between two stages, or again and again."""

from .filter_plan import FilterPlan
from .refilter_plan import RefilterPlan
from .two_stage_plan import TwoStagePlan

__all__ = ['FilterPlan', 'RefilterPlan', 'TwoStagePlan']
