"""Two heads, each behind a backbone of its own.

Shapes: B samples, C classes.
"""

from __future__ import annotations

from typing import Any

import torch
from mmengine.model import ModuleList
from mmpretrain.models import ClsHead
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import Tensor

from deft_mm.models.losses import PeerLoss


@MODELS.register_module()
class PeerHead(ClsHead):
    """Two heads built from one config, whose mean logits are the prediction.

    :class:`~deft_mm.models.algorithms.PeerClassifier` builds it of the head in a config.

    Args:
        head (dict): A ``ClsHead``, such as ``LinearClsHead``. Both are initialised at random, each
            its own way.
        loss (dict): A :class:`~deft_mm.models.losses.PeerLoss`.

    Raises:
        TypeError: If the head is no ``ClsHead``, or the loss no ``PeerLoss``.
    """

    def __init__(self, head: dict, loss: dict | None) -> None:
        _require(loss, PeerLoss, 'head.loss is a loss of two networks, such as CoTeachingLoss')
        _require(head, ClsHead, 'head is a ClsHead, such as LinearClsHead')
        super().__init__(loss=loss)
        self.peers = ModuleList(MODELS.build(head) for _ in range(2))

    def forward(self, feats: tuple[Tensor, Tensor]) -> Tensor:
        """The mean logits (B, C) of features of both backbones."""
        return torch.stack(self.scores(feats)).mean(dim=0)

    def scores(self, feats: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Logits of each peer, both of shape (B, C)."""
        return tuple(peer((feat,)) for peer, feat in zip(self.peers, feats, strict=True))

    def loss(
        self, feats: tuple[Tensor, Tensor], data_samples: list[DataSample], **kwargs: Any
    ) -> dict[str, Tensor]:
        """The losses of a batch; see :class:`~deft_mm.models.losses.PeerLoss`."""
        if 'gt_score' in data_samples[0]:
            target = torch.stack([sample.gt_score for sample in data_samples])
        else:
            target = torch.cat([sample.gt_label for sample in data_samples])
        return self.loss_module(self.scores(feats), target)


def _require(cfg: dict | None, kind: type, what: str) -> None:
    found = None if cfg is None else MODELS.get(cfg['type'])
    if not (isinstance(found, type) and issubclass(found, kind)):
        raise TypeError(f'PeerClassifier.{what}, found {cfg and cfg["type"]}.')
