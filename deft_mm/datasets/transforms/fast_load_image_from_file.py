"""MMPretrain's image loader, with a faster JPEG decoder where there is one."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from mmcv.transforms import LoadImageFromFile
from mmengine import fileio
from mmengine.logging import print_log
from mmpretrain.registry import TRANSFORMS


@TRANSFORMS.register_module()
class FastLoadImageFromFile(LoadImageFromFile):
    """``LoadImageFromFile`` that decodes JPEG files with libjpeg-turbo by way of PyTurboJPEG.

    Both decoders give the same pixels. Where PyTurboJPEG or its library is not installed, all is
    left to ``LoadImageFromFile``, and a line in the log says so; so are files of other formats,
    damaged ones, and those with EXIF data, which may ask for a rotation (``imdecode_backend=
    'turbojpeg'`` of ``LoadImageFromFile`` ignores that, and refuses other formats).

    A sample that has an image and no file passes through, as inferencers give them.

    Args:
        color_type (str): As in ``LoadImageFromFile``; only 'color' is fast. Defaults to 'color'.
        **kwargs: Other arguments of ``LoadImageFromFile``.

    Example:

        .. code:: python

            train_pipeline = [dict(type='FastLoadImageFromFile'), ...]
    """

    def __init__(self, color_type: str = 'color', **kwargs) -> None:
        super().__init__(color_type=color_type, **kwargs)
        turbojpeg()  # says now what is installed, once

    def transform(self, results: dict) -> dict | None:
        """Load the image.

        Args:
            results (dict): With ``img_path``.

        Returns:
            dict, optional: With ``img``, ``img_shape`` and ``ori_shape``.
        """
        if 'img_path' not in results and results.get('img') is not None:
            return results
        image = self._decode(results['img_path'])
        if image is None:
            return super().transform(results)
        results['img'] = image.astype(np.float32) if self.to_float32 else image
        results['img_shape'] = results['ori_shape'] = image.shape[:2]
        return results

    def _decode(self, path: str) -> np.ndarray | None:
        """Return the image, (H, W, 3) uint8 in the order BGR, or None where that can't be done."""
        decoder = turbojpeg()
        named_jpeg = str(path).lower().endswith(('.jpg', '.jpeg'))
        if decoder is None or not named_jpeg or self.color_type != 'color':
            return None
        try:
            content = fileio.get(path, backend_args=self.backend_args)
            # An incomplete file would be filled up with grey.
            if b'Exif\0\0' in content or not content.endswith(b'\xff\xd9'):
                return None
            return decoder.decode(content)  # BGR is its default
        except Exception:  # LoadImageFromFile raises its own
            return None


@lru_cache(maxsize=1)
def turbojpeg() -> Any:
    """Return PyTurboJPEG's decoder, or None where it is not installed."""
    try:
        from turbojpeg import TurboJPEG

        return TurboJPEG()
    except (ImportError, OSError, RuntimeError, AttributeError) as error:
        print_log(
            'FastLoadImageFromFile: no PyTurboJPEG with its library '
            f'({str(error).splitlines()[0]}), so JPEG files are decoded by OpenCV.',
            logger='current',
        )
        return None
