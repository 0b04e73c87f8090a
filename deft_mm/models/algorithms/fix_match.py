"""FixMatch: a classifier that learns from unlabelled images, too.

Shapes: B labelled samples, U unlabelled ones, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from mmpretrain.models import ClsHead, ImageClassifier
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import Tensor, nn

from deft_mm.models.losses._checks import check_not_negative
from deft_mm.models.text import at_least_float32
from deft_mm.models.training_context import ContextModule

# Under which a preprocessor's hooks keep the samples that it does not see.
_ALL_SAMPLES = 'samples_with_unlabelled'


@MODELS.register_module()
class FixMatch(ContextModule, ImageClassifier):
    r"""An image classifier that is to say of a strong view what it is sure of in a weak one.

    .. math::
        L = L_{head} + \lambda \frac{1}{U} \sum_u
            1[\max_c q_{uc} \ge \tau] \, CE(\text{strong}_u, \arg\max_c q_{uc})

    with :math:`q` the softmax of the weak view, through which no gradient flows, and
    :math:`L_{head}` the head's own loss of the labelled samples. From `FixMatch: Simplifying
    Semi-Supervised Learning with Consistency and Confidence <https://arxiv.org/abs/2001.07685>`_,
    eq. 3 and 4. All images of a batch go through the backbone together, as there.

    It trains on batches of :class:`~deft_mm.datasets.FixMatchDataset`, which may be a part of its
    data; on batches without unlabelled samples, and in prediction, it is an ``ImageClassifier``.
    The training log has ``loss_unlabelled``, the second term with its weight, and ``pseudo_share``,
    the share of unlabelled samples above the threshold.

    Example:

        .. code:: python

            # DeFT with FixMatch on the rejected samples
            model = dict(classifier=dict(type='FixMatch', threshold=0.95))
            default_hooks = dict(
                noise_filter=dict(
                    classifier_dataset=dict(
                        type='FixMatchDataset', strong_pipeline=strong_pipeline),
                    classifier_dataloader=dict(collate_fn=dict(type='fix_match_collate'))))

    Args:
        threshold (float): The probability from which on a weak view's class is a pseudo label, in
            [0, 1]. Defaults to 0.95.
        unlabelled_weight (float): Weight of the unlabelled loss. Defaults to 1.0.
        ramp_epochs (int): Epochs over which the weight grows linearly: 0 in the first epoch, whole
            after ``ramp_epochs`` of them. ``LossContextHook`` tells the epoch. 0 is the whole
            weight from the start. Defaults to 0.
        **kwargs: Arguments of ``mmpretrain.models.ImageClassifier``.

    Raises:
        TypeError: If the head is no ``ClsHead``, whose ``forward`` gives logits.
        ValueError: If an argument is out of range, or if there are batch augmentations, which mix
            labelled images with others.
    """

    warmup_setting = 'ramp_epochs'
    sample_fields = {'view': "FixMatchDataset and collate_fn=dict(type='fix_match_collate')"}

    def __init__(
        self,
        threshold: float = 0.95,
        unlabelled_weight: float = 1.0,
        ramp_epochs: int = 0,
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        if not 0 <= threshold <= 1:
            raise ValueError(f'FixMatch.threshold is a probability in [0, 1], found {threshold!r}.')
        check_not_negative(self, unlabelled_weight=unlabelled_weight, ramp_epochs=ramp_epochs)
        if not isinstance(self.head, ClsHead):
            raise TypeError(
                'FixMatch.head must be a ClsHead, such as LinearClsHead, whose forward gives '
                f'logits, found {type(self.head).__name__}.'
            )
        if getattr(self.data_preprocessor, 'batch_augments', None) is not None:
            raise ValueError(
                'model.data_preprocessor.batch_augments (or train_cfg.augments) mixes the images '
                'of a batch, labelled ones with unlabelled ones, which FixMatch does not allow: '
                'remove it.'
            )
        self.threshold = threshold
        self.unlabelled_weight = unlabelled_weight
        self.ramp_epochs = ramp_epochs
        # MMPretrain's preprocessors want labels of all samples or of none.
        self.data_preprocessor.register_forward_pre_hook(_hide_unlabelled)
        self.data_preprocessor.register_forward_hook(_show_unlabelled)

    def loss(self, inputs: Tensor, data_samples: list[DataSample]) -> dict[str, Tensor]:
        """The losses of a batch.

        Args:
            inputs (Tensor): Preprocessed images of shape (B + 2 U, channels, height, width).
            data_samples (list[DataSample]): Their annotations, with a field ``view``: 'labelled',
                'weak' or 'strong'. A sample without it is labelled.

        Returns:
            dict[str, Tensor]: The head's losses, ``loss_unlabelled`` and ``pseudo_share``.
        """
        views = [_view_of(sample) for sample in data_samples]
        if set(views) == {'labelled'}:
            return super().loss(inputs, data_samples)
        labelled, weak, strong = (
            [i for i, view in enumerate(views) if view == name]
            for name in ('labelled', 'weak', 'strong')
        )
        feats = self.extract_feat(inputs)
        samples = [data_samples[i] for i in labelled]
        # Losses that read fields of the samples have been told of the whole batch.
        if self.context is not None:
            self.context.data_samples = samples
        losses = self.head.loss(_rows(feats, labelled), samples)
        with torch.no_grad():
            weak_UC = at_least_float32(self.head(_rows(feats, weak)))
            confidence_U, pseudo_label_U = F.softmax(weak_UC, dim=1).max(dim=1)
        strong_UC = at_least_float32(self.head(_rows(feats, strong)))
        is_sure_U = (confidence_U >= self.threshold).to(strong_UC.dtype)
        ce_U = F.cross_entropy(strong_UC, pseudo_label_U, reduction='none')
        # Multiplied, not indexed: with nothing above the threshold all parameters stay in the graph
        # that DDP looks at.
        losses['loss_unlabelled'] = self._weight() * (ce_U * is_sure_U).mean()
        losses['pseudo_share'] = is_sure_U.mean()
        return losses

    def _weight(self) -> float:
        epoch = 0 if self.context is None else self.context.epoch
        ramp = min(1.0, epoch / self.ramp_epochs) if self.ramp_epochs else 1.0
        return self.unlabelled_weight * ramp


def _view_of(sample: DataSample) -> str:
    return sample.get('view', 'labelled')


def _rows(feats: Any, index: list[int]) -> Any:
    """Some samples of a backbone's output, which is a tensor or a nested tuple of tensors."""
    if isinstance(feats, Tensor):
        return feats[index]
    return tuple(_rows(feat, index) for feat in feats)


# Hooks of the data preprocessor. Functions, so that copies of the model (EMA) share no state.


def _hide_unlabelled(preprocessor: nn.Module, args: tuple) -> tuple | None:
    """Leave the preprocessor all images, but the labelled samples only."""
    data, *rest = args
    if not isinstance(data, Mapping):
        raise ValueError(
            'FixMatch got a batch whose items were not taken apart: set '
            "train_dataloader.collate_fn=dict(type='fix_match_collate'); with DeFT, "
            'default_hooks.noise_filter.classifier_dataloader=dict(collate_fn=dict(...)).'
        )
    samples = data.get('data_samples') or []
    labelled = [sample for sample in samples if _view_of(sample) == 'labelled']
    if len(labelled) == len(samples):
        return None
    return {**data, 'data_samples': labelled, _ALL_SAMPLES: samples}, *rest


def _show_unlabelled(preprocessor: nn.Module, args: tuple, output: dict) -> dict | None:
    """Put the unlabelled samples back among the labelled ones."""
    samples = args[0].get(_ALL_SAMPLES)
    if samples is None:
        return None
    labelled = iter(output['data_samples'])
    samples = [next(labelled) if _view_of(sample) == 'labelled' else sample for sample in samples]
    return {**output, 'data_samples': samples}
