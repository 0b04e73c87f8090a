"""DeFT's own rule: a sample is clean where its positive prompt wins."""

from __future__ import annotations

import numpy as np
from mmpretrain.registry import TASK_UTILS

from deft_mm.selection.sample_table import SampleTable
from deft_mm.selection.selector import Selector


@TASK_UTILS.register_module()
class DualPromptSelector(Selector):
    """Keep a sample whose given label is more likely right than wrong.

    Source: DeFT (arXiv 2409.19696): a sample is clean where its image is closer to the positive
    than to the negative prompt of the given class, which is a clean probability above 0.5. What the
    recipe of the detector's head asks besides, it asks here, too: with 'real_world' the given label
    must be the class of the highest clean probability.

    Args:
        threshold (float): Keep where ``clean_prob > threshold``. Defaults to 0.5.

    Raises:
        ValueError: If an argument is out of range.

    Example:

        .. code:: python

            selector = dict(type='DualPromptSelector')
    """

    needs = ('clean_prob', 'agreed')
    removed = {
        'recipe': 'the recipe stands in model.detector.head.recipe alone: leave `recipe` out here.'
    }

    def __init__(self, threshold: float = 0.5) -> None:
        if not 0 <= threshold < 1:
            raise ValueError(
                f'DualPromptSelector: `threshold` is a probability in [0, 1), found {threshold}.'
            )
        self.threshold = threshold

    def __call__(self, table: SampleTable) -> tuple[np.ndarray, np.ndarray]:
        """Select by clean probability; see :meth:`Selector.__call__`."""
        return (table.clean_prob > self.threshold) & table.agreed, table.clean_prob
