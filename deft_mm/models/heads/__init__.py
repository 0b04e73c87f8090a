"""Heads that compare image features with text features, and two heads of two networks."""

from .dual_prompt_head import DualPromptHead
from .learned_text_head import LearnedTextHead
from .peer_head import PeerHead
from .prompt_head import PromptHead
from .recipes import RECIPES, Recipe
from .scoring_head import ScoringHead, class_scores
from .text_head import TextHead
from .zero_shot_head import ZeroShotHead

__all__ = [
    'RECIPES',
    'DualPromptHead',
    'LearnedTextHead',
    'PeerHead',
    'PromptHead',
    'Recipe',
    'ScoringHead',
    'TextHead',
    'ZeroShotHead',
    'class_scores',
]
