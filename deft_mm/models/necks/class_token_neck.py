"""The class token of a transformer that gives all its tokens.

Shapes: B samples, T tokens, D width.
"""

from __future__ import annotations

from mmpretrain.registry import MODELS
from torch import Tensor, nn


@MODELS.register_module()
class ClassTokenNeck(nn.Module):
    """Take the class token, the first one, as a linear head wants it.

    For vision transformers of timm: ``TIMMBackbone`` leaves all tokens (B, T, D).

    Example:

        .. code:: python

            model = dict(
                type='ImageClassifier',
                backbone=dict(type='TIMMBackbone', model_name='vit_base_patch16_224.augreg_in1k'),
                neck=dict(type='ClassTokenNeck'),
                head=dict(type='LinearClsHead', num_classes=100, in_channels=768))
    """

    def forward(self, feats: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        """Class tokens.

        Args:
            feats (tuple[Tensor]): The backbone's output, each (B, T, D).

        Returns:
            tuple[Tensor]: Each (B, D).

        Raises:
            ValueError: If the backbone gives no tokens.
        """
        for feat in feats:
            if feat.dim() != 3:
                raise ValueError(
                    'ClassTokenNeck takes tokens of shape (B, T, D), but the backbone gives '
                    f'{tuple(feat.shape)}: use another neck, such as GlobalAveragePooling.'
                )
        return tuple(feat_BTD[:, 0] for feat_BTD in feats)
