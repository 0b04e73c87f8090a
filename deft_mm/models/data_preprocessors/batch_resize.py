"""Resizing of a batch, on any device, with Pillow's result."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmengine.utils import digit_version
from mmpretrain.registry import BATCH_AUGMENTS
from torch import Tensor

# Older versions refuse bytes.
_CPU_RESIZES_BYTES = digit_version(torch.__version__) >= digit_version('2.1')


@BATCH_AUGMENTS.register_module()
class BatchResize:
    """Resize all images of a batch: bilinear, with antialiasing.

    Does what ``dict(type='Resize', scale=..., backend='pillow', interpolation='bilinear')`` does to
    single images. Images enlarged by a whole number, such as 32x32 to 224x224, have Pillow's bytes.
    With other factors a byte differs by 2 of 255 at most, where Pillow rounds the other way. Images
    that have the size already stay as they are.

    Args:
        scale (int | Sequence[int]): The size to resize to, (width, height) as in MMPretrain's
            ``Resize``; one number for both.

    Raises:
        ValueError: If ``scale`` is neither.
    """

    def __init__(self, scale: int | Sequence[int]) -> None:
        width, height = pair('BatchResize.scale', scale)
        self.size = height, width

    def __call__(self, images_BCHW: Tensor) -> Tensor:
        """Resize a batch.

        Args:
            images_BCHW (Tensor): Images, uint8 or floating.

        Returns:
            Tensor: Images of the new size, of the same dtype; only bytes are rounded.
        """
        if images_BCHW.shape[-2:] == self.size:
            return images_BCHW
        on_cpu = images_BCHW.device.type == 'cpu' and _CPU_RESIZES_BYTES
        if on_cpu or images_BCHW.is_floating_point():
            return _interpolate(images_BCHW, self.size)
        return self._resize_in_two_passes(images_BCHW)

    def _resize_in_two_passes(self, images_BCHW: Tensor) -> Tensor:
        # As Pillow does it: width first, and bytes in between.
        images = images_BCHW.float()
        for size in ((images.size(-2), self.size[1]), self.size):
            images = _interpolate(images, size).add_(0.5).floor_()
        return images.byte()

    def __repr__(self) -> str:
        height, width = self.size
        return f'BatchResize(scale=({width}, {height}))'


def _interpolate(images: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(images, size, mode='bilinear', align_corners=False, antialias=True)


def pair(name: str, value: int | Sequence[int]) -> tuple[int, int]:
    """Read a size that is one positive number or two.

    Args:
        name (str): Name of the config key, for the error.
        value (int | Sequence[int]): What the config says.

    Returns:
        tuple[int, int]: Two numbers.

    Raises:
        ValueError: If it is neither.
    """
    numbers = (value, value) if isinstance(value, int) else value
    if (
        not isinstance(numbers, Sequence)
        or len(numbers) != 2
        or not all(isinstance(number, int) and number > 0 for number in numbers)
    ):
        raise ValueError(f'{name} is a positive number or two of them, found {value!r}.')
    return numbers[0], numbers[1]
