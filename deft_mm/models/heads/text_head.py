"""What heads over a frozen CLIP text tower have in common.

Shapes: B samples, C classes, E embedding width of image and text.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Collection, Sequence

import torch
import torch.nn.functional as F
from mmengine.logging import print_log
from mmpretrain.evaluation.metrics import Accuracy
from mmpretrain.models.heads import ClsHead
from mmpretrain.structures import DataSample
from torch import Tensor

from deft_mm.models.clip import load_text_tower
from deft_mm.models.text import FeatureCache, at_least_float32, unpad, without_autocast
from deft_mm.shorten import shorten

from .scoring_head import ScoringHead


class TextHead(ScoringHead, ClsHead):
    """Base of the heads whose class weights are text features.

    It holds the frozen text tower (``text``), the token ids of the class names
    (``class_token_ids``, in the state dict, so that a checkpoint predicts without names) and the
    cache of the text features. A subclass says how names become token ids (:meth:`tokenize`) and
    token ids features.

    Class names come from the config or from :meth:`set_class_names`; names given in either way win
    over those of a checkpoint that is loaded afterwards.

    Args:
        clip (dict | str): The CLIP model, as for :func:`deft_mm.models.clip.load_text_tower`.
        num_classes (int): Number of classes, at least 2.
        loss (dict): Config of the classification loss. Defaults to
            ``dict(type='CrossEntropyLoss')``.
        topk (int | tuple[int]): The k of the accuracies of ``cal_acc``. Defaults to ``(1,)``.
        cal_acc (bool): Whether to log the accuracy of training batches. Defaults to False.
        init_cfg (dict, optional): Initialisation config. Defaults to None.

    Raises:
        ValueError: If ``num_classes`` is None or below 2, or a k of ``topk`` above it.
    """

    offers = ('similarity',)

    def __init__(
        self,
        clip: dict | str,
        num_classes: int,
        loss: dict | None = None,
        topk: int | tuple[int, ...] = (1,),
        cal_acc: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(
            loss=loss or dict(type='CrossEntropyLoss'),
            # ClsHead's documentation allows a number, its code does not.
            topk=(topk,) if isinstance(topk, int) else tuple(topk),
            cal_acc=cal_acc,
            init_cfg=init_cfg,
        )
        if num_classes is None:
            raise ValueError(
                f'{type(self).__name__}.num_classes is None: set it, in every head, to the number '
                'of classes. tools/train.py and tools/test.py take it from the training data; a '
                'runner of your own does after deft_mm.engine.data_settings.settle_data(cfg).'
            )
        if num_classes < 2:
            raise ValueError(
                f'{type(self).__name__}.num_classes is {num_classes}: a classifier needs 2 or more.'
            )
        if cal_acc and max(self.topk) > num_classes:
            raise ValueError(
                f'{type(self).__name__}.topk is {topk}, but there are {num_classes} classes: set '
                'values up to their number.'
            )
        self.num_classes = num_classes
        self.text = load_text_tower(clip)
        self._class_names: tuple[str, ...] | None = None
        self._packed = None
        self._features = FeatureCache()

    # -- class names ---------------------------------------------------------

    def _begin_names(self, shape: tuple[int, ...], names: Sequence[str] | None) -> None:
        """Make room for the token ids, and write those of the names that are known already."""
        self.register_buffer('class_token_ids', torch.full(shape, -1, dtype=torch.int64))
        if names is not None:
            self.set_class_names(names)

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """tuple[str] | None: The names given to this head, None if none were.

        A checkpoint brings token ids, but no names.
        """
        return self._class_names

    def set_class_names(self, names: Sequence[str]) -> None:
        """Write the prompts of these classes.

        Args:
            names (Sequence[str]): Class names in the order of the labels; underscores stand for
                spaces.

        Raises:
            ValueError: If their number is not ``num_classes``, or if a name is too long for the
                context (it is named).
            TypeError: If ``names`` is a single string, or if a name is none.
        """
        if isinstance(names, str):
            raise TypeError(
                f'class_names is the string {names!r}: give a list with one name a class.'
            )
        names = tuple(names)
        if len(names) != self.num_classes:
            raise ValueError(
                f'{type(self).__name__} has num_classes={self.num_classes}, but {len(names)} class '
                f'names ({shorten(names, 5)}): correct num_classes or class_names.'
            )
        self.class_token_ids.copy_(self.tokenize(names))
        self._class_names = names
        self._forget()

    @abstractmethod
    def tokenize(self, names: Sequence[str]) -> Tensor:
        """The entries of ``class_token_ids`` for these names; given by the subclass."""

    def _class_tokens(self) -> list[list[int]]:
        """The token ids of every text, without padding."""
        tokens = unpad(self.class_token_ids.flatten(0, -2))
        if not all(tokens):
            raise ValueError(
                f'{type(self).__name__} has no class names to write prompts with: set class_names '
                'in the config of the head or metainfo=dict(classes=(...)) in that of the data '
                'set, call head.set_class_names(names), or load a checkpoint.'
            )
        return tokens

    # -- what can change under a cache ---------------------------------------

    def _forget(self) -> None:
        self._packed = None
        self._features.clear()

    def forget_features(self) -> None:
        """Compute text features anew when they are needed next.

        For weights that are exchanged behind autograd, as EMAHook does it.
        """
        self._features.clear()

    def train(self, mode: bool = True):
        """Switch the mode; text features are computed anew afterwards.

        MMEngine's loops call ``eval()`` once before an evaluation, after EMA weights have been
        swapped in.
        """
        self._features.clear()
        return super().train(mode)

    def _apply(self, *args, **kwargs):
        self._forget()
        return super()._apply(*args, **kwargs)

    def _load_from_state_dict(self, state_dict, prefix, *args, **kwargs):
        # The state dict is the loader's own copy: replacing an entry does not reach the checkpoint.
        key = prefix + 'class_token_ids'
        if self._class_names is not None and key in state_dict:
            if not _equal(state_dict[key], self.class_token_ids):
                print_log(
                    f'The checkpoint has other class names than {shorten(self._class_names, 5)}, '
                    f'which {type(self).__name__} was given; the given ones are kept.',
                    logger='current',
                    level=logging.WARNING,
                )
            state_dict[key] = self.class_token_ids
        self._forget()
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)

    # -- features -------------------------------------------------------------

    def _text_tensors(self) -> list[Tensor]:
        return [self.class_token_ids, *self.text.parameters(), *self.text.buffers()]

    def image_features(self, feats: tuple[Tensor]) -> Tensor:
        """Unit-length image features, float32 of shape (B, E).

        Args:
            feats (tuple[Tensor]): The backbone's output; the last entry is the projected feature,
                shape (B, E).

        Raises:
            ValueError: If the feature has another width than the text tower's embedding.
        """
        feat_BE = self.pre_logits(feats)
        if feat_BE.dim() != 2 or feat_BE.size(1) != self.text.embed_dim:
            raise ValueError(
                f'{type(self).__name__} compares image features with text features of width '
                f'{self.text.embed_dim}, but the backbone gives {tuple(feat_BE.shape)}: set '
                "out_type='projected' (or 'both') and the same clip in backbone and head."
            )
        return F.normalize(at_least_float32(feat_BE), dim=-1)

    def class_scores(self, feats: tuple[Tensor], names: Collection[str]) -> dict[str, Tensor]:
        """Scores of a batch for every class; see :meth:`ScoringHead.class_scores`."""
        scores = super().class_scores(feats, names)
        if 'similarity' in names:
            scores['similarity'] = self.cosine_similarity(feats)
        return scores

    def cosine_similarity(self, feats: tuple[Tensor]) -> Tensor:
        """Cosine of image features and the text features that classify, float32 of shape (B, C)."""
        text_CE = self.class_features()
        image_BE = self.image_features(feats)
        with without_autocast(image_BE):
            return image_BE @ text_CE.T

    def scaled_similarity(self, feats: tuple[Tensor]) -> Tensor:
        """The same times CLIP's scale, which is frozen: logits, float32 of shape (B, C)."""
        text_CE = self.class_features()
        image_BE = self.image_features(feats)
        with without_autocast(image_BE):
            return at_least_float32(self.text.logit_scale).exp() * image_BE @ text_CE.T

    def _get_loss(
        self, cls_score: Tensor, data_samples: list[DataSample], **kwargs
    ) -> dict[str, Tensor]:
        losses = super()._get_loss(cls_score, data_samples, **kwargs)
        if self.cal_acc:
            labels_B = torch.cat([sample.gt_label for sample in data_samples])
            losses.update(self._accuracies(cls_score, labels_B))
        return losses

    def _accuracies(self, logits_BC: Tensor, labels_B: Tensor) -> dict[str, Tensor]:
        """Accuracy in percent for every k of ``topk``, by its name in the log."""
        # ClsHead counts no class whose logit is negative, as those of cosines may be.
        found = Accuracy.calculate(logits_BC, labels_B, topk=self.topk, thrs=(None,))
        return {f'accuracy_top-{k}': acc for k, (acc,) in zip(self.topk, found, strict=True)}

    @abstractmethod
    def class_features(self) -> Tensor:
        """Unit-length text features that classify, float32 of shape (C, E)."""


def _equal(a: Tensor, b: Tensor) -> bool:
    # Meta tensors have no values to differ in.
    return a.shape == b.shape and (a.is_meta or b.is_meta or torch.equal(a.to(b.device), b))
