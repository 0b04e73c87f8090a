"""Asking a trained model about labels, image by image.

Shapes: B samples, C classes.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain.apis import ImageClassificationInferencer
from mmpretrain.structures import DataSample
from torch import Tensor

from deft_mm.datasets import scoring_collate
from deft_mm.datasets.unreadable_image import UnreadableImageError, apply_transforms
from deft_mm.detection import config_of_checkpoint, file_model, load_checkpoint
from deft_mm.models.heads import ScoringHead, class_scores
from deft_mm.shorten import shorten


class WrongLabelInferencer(ImageClassificationInferencer):
    """Says of pairs (image, label) whether the label is right, with a trained model.

    Of a DeFT checkpoint, of either stage, the detector is asked: a label is wrong unless its clean
    probability is above 0.5 and what else the recipe asks for holds. Of another model a label is
    wrong unless it is the predicted one, and its probability takes the place of the clean one.

    Images are read and prepared as ``tools/detect.py`` does it with files.

    Example:

        .. code:: python

            from deft_mm import WrongLabelInferencer

            inferencer = WrongLabelInferencer('work_dirs/RUN/epoch_10.pth')
            inferencer([('a.jpg', 'cat'), ('b.jpg', 3)], batch_size=32)
            # [{'given_label': 0, 'given_class': 'cat', 'clean_prob': 0.03, 'pred_label': 5,
            #   'pred_class': 'dog', 'pred_score': 0.91, 'is_wrong': True}, ...]

    Args:
        checkpoint (str | Path): A checkpoint of a run.
        config (str, optional): Its config file; None for the ``config.json`` beside it. Defaults to
            None.
        device (str | torch.device, optional): Where the model runs; None for the CPU. Defaults to
            None.

    Raises:
        FileNotFoundError: If there is no checkpoint, or no config.
        ValueError: If the checkpoint does not hold the weights of the config's model.
    """

    def __init__(
        self,
        checkpoint: str | Path,
        config: str | None = None,
        device: str | torch.device | None = None,
    ) -> None:
        cfg = config_of_checkpoint(str(checkpoint), config)
        with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmpretrain')):
            source = f'Checkpoint {checkpoint}'
            found = file_model(cfg, load_checkpoint(str(checkpoint)), [''], source, 'detector')
            model = found.model
            # What MMPretrain's inferencers look for in a model that is built already.
            pipeline = dict(pipeline=found.transforms)
            model._config = Config(dict(test_dataloader=dict(dataset=pipeline)))
            model._dataset_meta = dict(classes=found.class_names)
            super().__init__(model, device=device)

    def __call__(
        self,
        inputs: Sequence[tuple[Any, str | int]],
        return_datasamples: bool = False,
        batch_size: int = 1,
        **kwargs,
    ) -> list[dict] | list[DataSample]:
        """Ask about labels.

        Args:
            inputs (Sequence[tuple]): Pairs of an image and its label, or one pair. An image is a
                path, or an array (H, W, 3) uint8 in the order BGR; a label a class name or an
                index. A name goes before an index: classes may be called '1', '2' and '3'.
            return_datasamples (bool): Whether to give ``DataSample`` objects instead of dicts.
                Defaults to False.
            batch_size (int): Images at once. Defaults to 1.
            **kwargs: See ``ImageClassificationInferencer``, such as ``show_dir``.

        Returns:
            list[dict]: Of each pair ``given_label`` and ``given_class``, ``clean_prob``,
            ``pred_label``, ``pred_class`` and ``pred_score``, and ``is_wrong``.

        Raises:
            ValueError: If something is no pair, a label is unknown, which is found out before any
                image is read, or an image can't be read.
        """
        return super().__call__(inputs, return_datasamples, batch_size, **kwargs)

    def _inputs_to_list(self, inputs: Any) -> list[tuple[Any, int]]:
        if isinstance(inputs, tuple) and len(inputs) == 2 and not _is_pair(inputs[0]):
            inputs = [inputs]
        pairs = list(inputs) if not isinstance(inputs, (str, Path, np.ndarray)) else [inputs]
        for i, pair in enumerate(pairs):
            if not _is_pair(pair):
                raise ValueError(
                    f'inputs[{i}] is no pair of an image and its label, found '
                    f'{type(pair).__name__}: give pairs such as ("a.jpg", "cat").'
                )
        return [(image, self._label(label, i)) for i, (image, label) in enumerate(pairs)]

    def _label(self, label: str | int, i: int) -> int:
        text = str(label).strip()
        if isinstance(label, str) and text in self.classes:
            return self.classes.index(text)
        if isinstance(label, str) and text.isdecimal():
            label = int(text)
        try:
            index = -1 if isinstance(label, bool) else operator.index(label)
        except TypeError:
            index = -1
        if not 0 <= index < len(self.classes):
            raise ValueError(
                f'The label of inputs[{i}] is {text[:60]!r}, which is none of the classes '
                f'{shorten(list(self.classes))}, and no index of one.'
            )
        return index

    def preprocess(
        self, inputs: Sequence[tuple[Any, int]], batch_size: int = 1
    ) -> Iterator[dict[str, Any]]:
        """Prepare pairs, batch by batch."""
        chunks = self._get_chunk_data(map(self._prepare, inputs), batch_size)
        yield from map(scoring_collate, chunks)

    def _prepare(self, pair: tuple[Any, int]) -> dict:
        image, label = pair
        if isinstance(image, np.ndarray):
            if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
                raise ValueError(
                    f'An image is {image.dtype} of shape {image.shape}: give uint8 (H, W, 3) in '
                    'the order BGR, or a path.'
                )
            results = dict(img=image, img_shape=image.shape[:2], ori_shape=image.shape[:2])
        else:
            results = dict(img_path=str(image))
        try:
            return apply_transforms(self.pipeline.transforms, dict(results, gt_label=label))
        except UnreadableImageError as error:
            raise ValueError(f"Image '{image}' cannot be read: {error}.") from error

    @torch.no_grad()
    def forward(self, inputs: dict, **kwargs) -> list[DataSample]:
        """Fill in what the model says of a batch."""
        head, samples = self.model.head, inputs['data_samples']
        # Without the samples, among which the preprocessor would distribute the labels.
        images = self.model.data_preprocessor(dict(inputs=inputs['inputs']), False)['inputs']
        offered = head.offers if isinstance(head, ScoringHead) else ()
        names = ['yes_prob'] if 'yes_prob' in offered else []
        scores = class_scores(head, self.model.extract_feat(images), names)
        probs_BC = F.softmax(scores['logits'], dim=1)
        pred_B = probs_BC.argmax(dim=1)
        given_B = torch.cat([sample.gt_label for sample in samples]).to(pred_B.device)
        clean_BC = scores.get('yes_prob', probs_BC)
        clean_B = clean_BC.gather(1, given_B[:, None])[:, 0]
        if 'yes_prob' in scores:
            right_B = (clean_B > 0.5) & head.agrees(clean_BC, pred_B, given_B)
        else:
            right_B = pred_B == given_B
        return [
            _filled(*fields)
            for fields in zip(
                samples, *(t.cpu() for t in (probs_BC, pred_B, clean_B, right_B)), strict=True
            )
        ]

    def visualize(self, ori_inputs: Sequence[tuple[Any, int]], preds, **kwargs):
        """Draw the images; see ``ImageClassificationInferencer``."""
        images = [image if isinstance(image, np.ndarray) else str(image) for image, _ in ori_inputs]
        return super().visualize(images, preds, **kwargs)

    def postprocess(
        self, preds: list[DataSample], visualization, return_datasamples: bool = False
    ) -> list[dict] | list[DataSample]:
        """Give what was found as plain types."""
        if return_datasamples:
            return preds
        return [self._row(sample) for sample in preds]

    def _row(self, sample: DataSample) -> dict[str, Any]:
        given, pred = int(sample.gt_label), int(sample.pred_label)
        return dict(
            given_label=given,
            given_class=self.classes[given],
            clean_prob=sample.clean_prob,
            pred_label=pred,
            pred_class=self.classes[pred],
            pred_score=float(sample.pred_score[pred]),
            is_wrong=sample.is_wrong,
        )


def _is_pair(value: Any) -> bool:
    return isinstance(value, (tuple, list)) and len(value) == 2


def _filled(
    sample: DataSample, probs_C: Tensor, pred: Tensor, clean: Tensor, right: Tensor
) -> DataSample:
    sample.set_pred_score(probs_C).set_pred_label(pred)
    sample.set_field(float(clean), 'clean_prob')
    sample.set_field(not bool(right), 'is_wrong')
    return sample
