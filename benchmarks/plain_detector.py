"""Predictions of the detector in the plain way: the text tower for every batch, nothing kept.

Shapes: B samples, C classes.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from plain_clip import PlainTextTower, plain_image_features
from torch import Tensor, nn


class PlainDetector:
    """Scores of a detector of ours, computed as in :mod:`plain_clip`.

    Args:
        model (ImageClassifier): The detector, with VPT-deep.
        names (Sequence[str]): Class names.
    """

    def __init__(self, model: nn.Module, names: Sequence[str]) -> None:
        self.model, self.encode_text = model, PlainTextTower(model.head, names)

    def text(self) -> list[Tensor]:
        """Features of both prompts of all classes, 77 tokens each."""
        return self.encode_text()

    def scores(self, images: Tensor, text_CE: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Class scores and the probability that a label is right, both (B, C).

        Args:
            images (Tensor): What the backbone takes, (B, 3, H, W).
            text_CE (Sequence[Tensor]): What :meth:`text` gives.
        """
        image_BE = F.normalize(plain_image_features(self.model.backbone, images), dim=-1)
        scale = self.model.head.text.logit_scale.exp()
        pos_BC, neg_BC = (scale * image_BE @ text.T for text in text_CE)
        return pos_BC.softmax(dim=1), (pos_BC - neg_BC).sigmoid()

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """The scores of a batch, with the text tower."""
        return self.scores(images, self.text())
