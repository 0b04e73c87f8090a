"""Random mirror images of a batch."""

from __future__ import annotations

import torch
from mmpretrain.registry import BATCH_AUGMENTS
from torch import Tensor

_DIMS = dict(horizontal=-1, vertical=-2)


@BATCH_AUGMENTS.register_module()
class BatchRandomFlip:
    """Mirror every image of a batch with the same probability, each by a draw of its own.

    As MMPretrain's ``RandomFlip``. The draws are from PyTorch's generator of the CPU, whatever
    device the images are on. Before a resize or after it is the same, and before is faster.

    Args:
        prob (float): Probability of a mirror image. Defaults to 0.5.
        direction (str): 'horizontal' or 'vertical'. Defaults to 'horizontal'.

    Raises:
        ValueError: If an argument is none of these.
    """

    def __init__(self, prob: float = 0.5, direction: str = 'horizontal') -> None:
        if not 0 <= prob <= 1:
            raise ValueError(f'BatchRandomFlip.prob is between 0 and 1, found {prob!r}.')
        if direction not in _DIMS:
            raise ValueError(
                f'BatchRandomFlip.direction is one of {list(_DIMS)}, found {direction!r}.'
            )
        self.prob = prob
        self.direction = direction

    def __call__(self, images_BCHW: Tensor) -> Tensor:
        """Mirror some images of a batch.

        Args:
            images_BCHW (Tensor): Images.

        Returns:
            Tensor: Of the same shape and dtype.
        """
        flipped_B = (torch.rand(len(images_BCHW)) < self.prob).to(images_BCHW.device)
        mirrored = images_BCHW.flip(_DIMS[self.direction])
        return torch.where(flipped_B[:, None, None, None], mirrored, images_BCHW)

    def __repr__(self) -> str:
        return f'BatchRandomFlip(prob={self.prob}, direction={self.direction!r})'
