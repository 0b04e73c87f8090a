"""Two networks that are trained together: Co-teaching, JoCoR."""

from __future__ import annotations

from typing import Any

from mmengine.model import BaseModule, ModuleList
from mmpretrain.models import ImageClassifier
from mmpretrain.registry import MODELS
from torch import Tensor

from deft_mm.models.heads import PeerHead


@MODELS.register_module()
class PeerClassifier(ImageClassifier):
    """An image classifier of two networks, built from one config, whose mean logits it predicts.

    Both see the same images. With weights of a pre-trained model they differ by what is initialised
    at random alone: heads, and PEFT modules such as the tokens of VPT. So they select almost the
    same samples at first; the training log has ``disagreement``, the share of samples for which
    they predict different classes.

    One optimiser trains both: no parameter is shared, and SGD, Adam and AdamW treat each on its
    own. Clipping of gradients, where a config has it, is over both.

    Example:

        .. code:: python

            # Co-teaching in the place of cross entropy, in a config of `ce`
            model = dict(
                type='PeerClassifier', head=dict(loss=dict(type='CoTeachingLoss', noise_ratio=0.4)))

    Args:
        backbone (dict): The backbone of each network.
        head (dict): The head of each, a ``ClsHead`` whose ``loss`` is a
            :class:`~deft_mm.models.losses.PeerLoss`.
        neck (dict, optional): The neck of each. Defaults to None.
        **kwargs: Arguments of ``mmpretrain.models.ImageClassifier``.

    Raises:
        TypeError: If the head is no ``ClsHead``, or its loss no ``PeerLoss``.
    """

    def __init__(self, backbone: dict, head: dict, neck: dict | None = None, **kwargs: Any) -> None:
        head = dict(head)
        loss = head.pop('loss', None)
        super().__init__(PeerBackbones(backbone, neck), head=PeerHead(head, loss), **kwargs)


class PeerBackbones(BaseModule):
    """Two backbones built from one config, each with a neck behind it where there is one.

    Args:
        backbone (dict): Config of a backbone.
        neck (dict, optional): Config of a neck. Defaults to None.
    """

    def __init__(self, backbone: dict, neck: dict | None = None) -> None:
        super().__init__()
        self.backbones = ModuleList(MODELS.build(backbone) for _ in range(2))
        self.necks = ModuleList(MODELS.build(neck) for _ in range(2 if neck else 0))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Images (B, 3, H, W) to the feature of each backbone that a head classifies, (B, D)."""
        feats = [backbone(images) for backbone in self.backbones]
        if len(self.necks):
            feats = [neck(feat) for neck, feat in zip(self.necks, feats, strict=True)]
        return tuple(feat[-1] for feat in feats)
