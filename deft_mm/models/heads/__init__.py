"""Heads that classify by comparing image features with text features."""

from .dual_prompt_head import DualPromptHead
from .recipes import RECIPES, Recipe
from .scoring_head import ScoringHead, class_scores
from .text_head import TextHead
from .zero_shot_head import ZeroShotHead

__all__ = [
    'RECIPES',
    'DualPromptHead',
    'Recipe',
    'ScoringHead',
    'TextHead',
    'ZeroShotHead',
    'class_scores',
]
