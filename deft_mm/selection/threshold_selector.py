"""A fixed threshold on the similarity of an image to the text of its given class."""

from __future__ import annotations

import numpy as np
from mmpretrain.registry import TASK_UTILS

from deft_mm.selection.sample_table import SampleTable
from deft_mm.selection.selector import Selector


@TASK_UTILS.register_module()
class ThresholdSelector(Selector):
    """Keep a sample whose image is similar enough to the prompt of its given class.

    The similarity is the cosine of image feature and text feature, of the positive prompt where
    there are two. It is what DeFT's learned threshold is compared with (arXiv 2409.19696): on
    CIFAR-100 with 60% symmetric noise 0.25 suits the initial CLIP, 0.4 an adapted one. The score is
    the similarity.

    Args:
        threshold (float): Keep where the similarity is above it, in [0, 1).

    Raises:
        ValueError: If ``threshold`` is out of range.

    Example:

        .. code:: python

            selector = dict(type='ThresholdSelector', threshold=0.25)
    """

    needs = ('similarity',)
    gives_probability = False

    def __init__(self, threshold: float) -> None:
        if not 0 <= threshold < 1:
            raise ValueError(
                f'ThresholdSelector: `threshold` is a similarity in [0, 1), found {threshold}.'
            )
        self.threshold = threshold

    def __call__(self, table: SampleTable) -> tuple[np.ndarray, np.ndarray]:
        """Select by similarity; see :meth:`Selector.__call__`."""
        return table.similarity > self.threshold, table.similarity
