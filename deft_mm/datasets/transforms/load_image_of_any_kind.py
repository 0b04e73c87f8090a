"""A loader for image files of whatever kind users have."""

from __future__ import annotations

import numpy as np
from mmcv.transforms import LoadImageFromFile
from mmengine import fileio
from mmpretrain.registry import TRANSFORMS

from deft_mm.datasets.own_images.decoding import decode_image


@TRANSFORMS.register_module()
class LoadImageOfAnyKind(LoadImageFromFile):
    """``LoadImageFromFile`` for files of whatever kind users have, decoded by Pillow.

    Grey values of 16 or 32 bits are scaled to 8, where Pillow clips them to black or white.
    Transparent images are laid on white, where Pillow shows the colours that are to be hidden. See
    :func:`~deft_mm.datasets.own_images.decoding.decode_image`.

    A sample that has an image and no file passes through, as inferencers give them.

    Args:
        to_float32 (bool): Whether the image becomes float32. Defaults to False.
        backend_args (dict, optional): Arguments of the file backend. Defaults to None.
    """

    def __init__(self, to_float32: bool = False, backend_args: dict | None = None) -> None:
        super().__init__(to_float32, imdecode_backend='pillow', backend_args=backend_args)

    def transform(self, results: dict) -> dict:
        """Load the image.

        Args:
            results (dict): With ``img_path``.

        Returns:
            dict: With ``img``, (H, W, 3) in the order BGR, ``img_shape`` and ``ori_shape``.
        """
        if 'img_path' not in results and results.get('img') is not None:
            return results
        image = decode_image(fileio.get(results['img_path'], backend_args=self.backend_args)).pixels
        results['img'] = image.astype(np.float32) if self.to_float32 else image
        results['img_shape'] = results['ori_shape'] = image.shape[:2]
        return results
