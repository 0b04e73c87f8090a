"""Random crops of a batch."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmpretrain.registry import BATCH_AUGMENTS
from torch import Tensor

from .batch_resize import pair


@BATCH_AUGMENTS.register_module()
class BatchRandomCrop:
    """Cut a window out of every image of a batch, at a place of its own.

    The distribution is that of MMPretrain's ``RandomCrop``: all places are equally likely. They are
    drawn from PyTorch's generator of the CPU, whatever device the images are on.

    Args:
        crop_size (int | Sequence[int]): Size of the window, (height, width) as in MMPretrain's
            ``RandomCrop``; one number for both.
        padding (int): Pixels added at each side before. Defaults to 0.
        pad_val (int): Their value, before normalisation. Defaults to 0.

    Raises:
        ValueError: If an argument is of another form.
    """

    def __init__(self, crop_size: int | Sequence[int], padding: int = 0, pad_val: int = 0) -> None:
        self.crop_size = pair('BatchRandomCrop.crop_size', crop_size)
        if not isinstance(padding, int) or padding < 0:
            raise ValueError(
                'BatchRandomCrop.padding is one number of pixels, the same for all sides, '
                f'found {padding!r}.'
            )
        self.padding = padding
        self.pad_val = pad_val

    def __call__(self, images_BCHW: Tensor) -> Tensor:
        """Crop a batch.

        Args:
            images_BCHW (Tensor): Images.

        Returns:
            Tensor: Their crops, of the same dtype.

        Raises:
            ValueError: If the images are smaller than the window.
        """
        images = F.pad(images_BCHW, [self.padding] * 4, value=self.pad_val)
        height, width = self.crop_size
        spare = images.size(-2) - height, images.size(-1) - width
        if min(spare) < 0:
            raise ValueError(
                f'BatchRandomCrop: crop_size={self.crop_size} is larger than the images, '
                f'{tuple(images.shape[-2:])} with padding={self.padding}.'
            )
        tops, lefts = (torch.randint(n + 1, (len(images),)).tolist() for n in spare)
        return torch.stack(
            [
                image[:, top : top + height, left : left + width]
                for image, top, left in zip(images, tops, lefts, strict=True)
            ]
        )

    def __repr__(self) -> str:
        return (
            f'BatchRandomCrop(crop_size={self.crop_size}, padding={self.padding}, '
            f'pad_val={self.pad_val})'
        )
