"""What a head can say of every class, for the pass that scores samples.

Shapes: B samples, C classes.
"""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor, nn

from deft_mm.models.text import at_least_float32


class ScoringHead:
    """Mixin of heads that can tell more of a sample than logits.

    A head of your own that inherits it can be scored with every selector that needs what it
    ``offers``; of any other head there are logits, and what follows from them.

    Attributes:
        offers (tuple[str]): What :meth:`class_scores` can give beside 'logits': 'yes_prob', the
            probability that a sample shows a class, 'similarity', the cosine of image and text, and
            'negative_similarity', that of image and negative text.
        batch_selection (tuple, optional): Of the batch that was trained on last, the ``sample_idx``
            of its samples, int64 of shape (B,), or None, and which of them its loss took for clean,
            bool of shape (B,); None of a head that doesn't select.
        doubts_labels (bool): Whether the loss of this epoch depends on what is selected.
    """

    offers: tuple[str, ...] = ()
    batch_selection: tuple[Tensor | None, Tensor] | None = None
    doubts_labels: bool = True

    def remedy_for_collapse(self) -> str:
        """What to do where a head that trains on what it keeps keeps less and less.

        Returns:
            str: Settings to try, for a log line.
        """
        return 'a lower learning rate, or fewer NoiseFilterHook.detector_epochs.'

    def class_scores(self, feats: tuple[Tensor], names: Collection[str]) -> dict[str, Tensor]:
        """Scores of a batch for every class; see the function of this name.

        Args:
            feats (tuple[Tensor]): The backbone's output.
            names (Collection[str]): Which of ``offers`` are needed.
        """
        return dict(logits=self(feats))

    def agrees(self, yes_prob: Tensor, predicted: Tensor, labels: Tensor) -> Tensor:
        """Whether what is asked of a clean sample beside its clean probability holds.

        Args:
            yes_prob (Tensor): Probability that a sample shows a class, shape (B, C).
            predicted (Tensor): Predicted labels, int64 of shape (B,).
            labels (Tensor): Given labels among these classes, int64 of shape (B,).

        Returns:
            Tensor: bool of shape (B,).
        """
        return torch.ones_like(labels, dtype=torch.bool)


def class_scores(
    head: nn.Module, feats: tuple[Tensor], names: Collection[str]
) -> dict[str, Tensor]:
    """Scores of a batch for every class, of any head of a classifier.

    Args:
        head (nn.Module): The head; ``forward`` gives its logits.
        feats (tuple[Tensor]): The backbone's output.
        names (Collection[str]): What is needed beside logits.

    Returns:
        dict[str, Tensor]: 'logits' and what is needed, each float32 of shape (B, C).
    """
    if isinstance(head, ScoringHead):
        return head.class_scores(feats, names)
    return dict(logits=at_least_float32(head(feats)))
