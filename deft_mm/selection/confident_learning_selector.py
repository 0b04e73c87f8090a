"""Confident learning: a sample is wrong where cleanlab finds an issue with its label."""

from __future__ import annotations

from typing import Any

from mmpretrain.registry import TASK_UTILS

from deft_mm.selection.score_selector import ScoreSelector


@TASK_UTILS.register_module()
class ConfidentLearningSelector(ScoreSelector):
    """Keep the samples with whose label confident learning finds no issue.

    From `Confident Learning: Estimating Uncertainty in Dataset Labels
    <https://arxiv.org/abs/1911.00068>`_, by the cleanlab library, 2.8 or newer (``pip install
    'cleanlab>=2.8'``). Its probabilities must not come from a model that was trained on these
    labels: zero-shot CLIP's, cross-validated ones, or the mean of both, which is rarely far from
    the better one. The score is the probability of the given label.

    Args:
        probs (str): 'zero_shot', 'features' or 'fused', see
            :class:`~deft_mm.selection.ScoreSelector`. Defaults to 'fused'.
        rule (str): cleanlab's ``filter_by``: 'prune_by_noise_rate', 'prune_by_class', 'both',
            'confident_learning', 'predicted_neq_given', 'low_normalized_margin' or
            'low_self_confidence'. Defaults to 'prune_by_noise_rate', as there.
        **options: ``folds``, ``C`` and ``random_state`` of the probabilities.

    Raises:
        ValueError: If an argument is out of range.
        ImportError: If cleanlab is not installed.

    Example:

        .. code:: python

            selector = dict(type='ConfidentLearningSelector', probs='features')
    """

    def __init__(
        self, probs: str = 'fused', rule: str = 'prune_by_noise_rate', **options: Any
    ) -> None:
        known = ('zero_shot', 'features', 'fused')
        if probs not in known:
            raise ValueError(
                f'ConfidentLearningSelector: `probs` is one of {", ".join(known)}, found {probs!r}.'
            )
        super().__init__(probs, 'confident_learning', rule=rule, **options)
