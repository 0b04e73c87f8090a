"""DeFT's own rule: a sample is clean where its positive prompt wins."""

from __future__ import annotations

import numpy as np
from mmpretrain.registry import TASK_UTILS

from deft_mm.selection.fingerprint import Fingerprint
from deft_mm.selection.scores import SampleScores
from deft_mm.selection.selector import Selector, require_scores

RECIPES = ('synthetic', 'real_world', 'cautious')


@TASK_UTILS.register_module()
class DualPromptSelector(Selector):
    """Keep a sample whose given label is more likely right than wrong.

    Source: DeFT (arXiv 2409.19696): a sample is clean where its image is closer to the positive
    than to the negative prompt of the given class, which is a clean probability above 0.5.
    Samples that could not be read are never kept.

    Args:
        threshold (float): Keep where ``clean_prob > threshold``. Defaults to 0.5.
        recipe (str): That of the detector's head: 'synthetic', 'cautious', or 'real_world', where
            the given label must also be the class of the highest clean probability. Defaults to
            'synthetic'.

    Raises:
        ValueError: If an argument is out of range.

    Example:

        .. code:: python

            selector = dict(type='DualPromptSelector', recipe='real_world')
    """

    def __init__(self, threshold: float = 0.5, recipe: str = 'synthetic') -> None:
        if not 0 <= threshold < 1:
            raise ValueError(
                f'DualPromptSelector: `threshold` is a probability in [0, 1), found {threshold}.'
            )
        if recipe not in RECIPES:
            raise ValueError(f'DualPromptSelector: `recipe` is one of {RECIPES}, found {recipe!r}.')
        self.threshold = threshold
        self.recipe = recipe

    def select(self, scores: SampleScores | None, fingerprint: Fingerprint) -> np.ndarray:
        """Select by clean probability; see :meth:`Selector.select`."""
        scores = require_scores(self, scores)
        if scores.readable.any() and np.isnan(scores.clean_prob[scores.readable]).all():
            raise ValueError(
                'DualPromptSelector selects by clean probability, which this model does not give: '
                "use model.detector.head=dict(type='DualPromptHead', ...) or another selector."
            )
        kept = scores.readable & (scores.clean_prob > self.threshold)
        if self.recipe == 'real_world':
            kept &= scores.yes_label == scores.given_label
        return kept
