"""Prompts: class names to token ids, learnable contexts, text features and their cache."""

from .class_tokens import clean_class_name, tokenize_classes, unpad
from .encode_prompts import encode_prompts
from .feature_cache import FeatureCache
from .packed_prompts import PackedPrompts
from .precision import at_least_float32, without_autocast
from .prompt_layout import CLASS_POSITIONS, lay_out_prompts
from .prompt_learner import PromptLearner

__all__ = [
    'CLASS_POSITIONS',
    'FeatureCache',
    'PackedPrompts',
    'PromptLearner',
    'at_least_float32',
    'clean_class_name',
    'encode_prompts',
    'lay_out_prompts',
    'tokenize_classes',
    'unpad',
    'without_autocast',
]
