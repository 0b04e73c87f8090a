"""Label-match: a sample is clean where the prediction is its given label."""

from __future__ import annotations

import numpy as np
from mmpretrain.registry import TASK_UTILS

from deft_mm.selection.sample_table import SampleTable
from deft_mm.selection.selector import Selector


@TASK_UTILS.register_module()
class LabelMatchSelector(Selector):
    """Keep a sample whose given label is the model's prediction.

    With zero-shot CLIP (:class:`~deft_mm.models.heads.ZeroShotHead`), initial or adapted, it is the
    "label-match" of DeFT's comparison (arXiv 2409.19696); any classifier will do. The score is the
    probability that the model gives the label. The temperature behind it is the head's
    (``ZeroShotHead.temperature``); it changes scores, not the selection.

    Example:

        .. code:: python

            selector = dict(type='LabelMatchSelector')
    """

    needs = ('loss',)

    def __call__(self, table: SampleTable) -> tuple[np.ndarray, np.ndarray]:
        """Select by prediction; see :meth:`Selector.__call__`."""
        return table.pred_label == table.label, np.exp(-table.loss)
