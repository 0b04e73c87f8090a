"""A data preprocessor that augments and resizes, too."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from mmpretrain.models.utils import ClsDataPreprocessor
from mmpretrain.registry import BATCH_AUGMENTS, MODELS
from torch import Tensor


@MODELS.register_module()
class AugmentingDataPreprocessor(ClsDataPreprocessor):
    """Augment, resize and normalise batches of small images on the device that the model is on.

    The pipeline of the data then has nothing to do but to pack the bytes of the image (CIFAR's
    32x32 instead of 224x224 pixels), so that few data-loading workers, or none, keep up with a GPU.
    What the model gets has the distribution that MMPretrain's transforms give; without random
    transforms, the values are the same, but for what :class:`BatchResize` says of rounding.

    A test pipeline that only packs leaves images of users at their own size: they are resized here,
    too, but a batch of an inferencer must be of one size (its default is one image).

    Batch transforms are classes of the registry ``BATCH_AUGMENTS``. They are called with a tensor
    of shape (B, C, H, W), uint8 before normalisation, in the channel order of the data set, and
    return another: :class:`BatchRandomCrop`, :class:`BatchResize`, :class:`BatchRandomFlip`. Random
    ones draw from PyTorch's generator of the CPU, which
    :class:`~deft_mm.engine.hooks.EpochSeedHook` seeds.

    Example:

        .. code:: python

            data_preprocessor = dict(
                type='AugmentingDataPreprocessor',
                train_transforms=[
                    dict(type='BatchRandomCrop', crop_size=32, padding=4),
                    dict(type='BatchRandomFlip', prob=0.5),
                    dict(type='BatchResize', scale=224),
                ],
                test_transforms=[dict(type='BatchResize', scale=224)],
                num_classes=100,
                mean=[129.285, 124.185, 112.455],
                std=[68.085, 65.28, 70.38],
            )
            train_pipeline = test_pipeline = [dict(type='PackInputs')]

    Args:
        train_transforms (Sequence[dict | Callable]): Batch transforms in training. Defaults to ().
        test_transforms (Sequence[dict | Callable]): Batch transforms in validation, testing,
            scoring and inference. Defaults to ().
        **kwargs: Arguments of ``mmpretrain.models.ClsDataPreprocessor``.
    """

    def __init__(
        self,
        train_transforms: Sequence[dict | Callable] = (),
        test_transforms: Sequence[dict | Callable] = (),
        **kwargs,
    ) -> None:
        super().__init__(**kwargs)
        self.train_transforms = _build(train_transforms)
        self.test_transforms = _build(test_transforms)
        # Both are done here: the base class makes a copy of the whole float batch for each step.
        self._normalizes, self._enable_normalize = self._enable_normalize, False
        self._swaps_channels, self.to_rgb = self.to_rgb, False

    def forward(self, data: dict, training: bool = False) -> dict:
        """Prepare a batch.

        Args:
            data (dict): What a dataloader gives: ``inputs``, a tensor of shape (B, C, H, W) or B
                tensors of shape (C, H, W), and ``data_samples``.
            training (bool): Whether to run the transforms of training or those of testing.
                Defaults to False.

        Returns:
            dict: ``inputs`` of shape (B, C, H, W), float32, and ``data_samples``.
        """
        transforms = self.train_transforms if training else self.test_transforms
        inputs = data['inputs']
        if not isinstance(inputs, Tensor) and len({image.shape for image in inputs}) == 1:
            inputs = torch.stack(list(inputs))
        inputs = self.cast_data(inputs)
        if isinstance(inputs, Tensor):
            inputs = self._prepare(inputs, transforms)
        else:  # the base class stacks them
            inputs = [self._prepare(image[None], transforms)[0] for image in inputs]
        return super().forward({**data, 'inputs': inputs}, training)

    def _prepare(self, images_BCHW: Tensor, transforms: Sequence[Callable]) -> Tensor:
        for transform in transforms:
            images_BCHW = transform(images_BCHW)
        if self._swaps_channels and images_BCHW.size(1) == 3:
            images_BCHW = images_BCHW.flip(1)
        if not self._normalizes:
            return images_BCHW.float()
        if images_BCHW.size(1) == 1:  # grey
            images_BCHW = images_BCHW.expand(-1, len(self.mean), -1, -1)
        # A copy in any case, since the batch may be the caller's.
        return images_BCHW.to(torch.float32, copy=True).sub_(self.mean).div_(self.std)


def _build(transforms: Sequence[dict | Callable]) -> list[Callable]:
    return [BATCH_AUGMENTS.build(t) if isinstance(t, dict) else t for t in transforms]
