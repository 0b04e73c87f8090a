"""Prompts: class names to token ids, learnable contexts, text features and their cache."""

from .class_tokens import ClassTokens, clean_class_name
from .encode_prompts import encode_prompts
from .feature_cache import FeatureCache
from .packed_prompts import PackedPrompts
from .precision import at_least_float32, without_autocast
from .prompt_layout import CLASS_POSITIONS, PromptLayout
from .prompt_learner import PromptLearner

__all__ = [
    'CLASS_POSITIONS',
    'ClassTokens',
    'FeatureCache',
    'PackedPrompts',
    'PromptLayout',
    'PromptLearner',
    'at_least_float32',
    'clean_class_name',
    'encode_prompts',
    'without_autocast',
]
