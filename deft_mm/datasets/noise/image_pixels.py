"""Images of a data set as rows of pixels, as instance-dependent noise looks at them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine import fileio
from PIL import Image

from deft_mm.datasets.chain import resolve
from deft_mm.datasets.in_threads import in_threads

# Sides of larger images, and of those that are files.
SIDE = 32


class ImagePixels:
    """Reads images of a data set, without its pipeline, in one size.

    The size is that of the first image where that is in memory (key ``img``) and at most 32x32, and
    32x32 otherwise; images of another size are resized (Pillow, bilinear). Files (``img_path``) are
    read by Pillow as RGB; images in memory are taken as they are stored, grey ones with one
    channel.

    Args:
        dataset: A classification data set with at least one sample, wrapped or not.

    Raises:
        ValueError: If the first image can't be used.
    """

    def __init__(self, dataset: Any) -> None:
        self.dataset = dataset
        info = self._info(0)
        image = info.get('img')
        fits = _is_image(image) and max(image.shape[:2]) <= SIDE
        self._size = image.shape[:2] if fits else (SIDE, SIDE)
        self._shape = self._load(0, info).shape

    @property
    def dim(self) -> int:
        """int: D, the number of values of an image."""
        return int(np.prod(self._shape))

    def read(self, indices: Sequence[int]) -> np.ndarray:
        """Read some of the images.

        Args:
            indices (Sequence[int]): n indices in the data set.

        Returns:
            np.ndarray: (n, D) float32 in 0..255, flattened channel first.

        Raises:
            ValueError: If an image can't be read, or has another number of channels; the message
                names it.
        """
        infos = [self._info(idx) for idx in indices]
        if any(info.get('img') is None for info in infos):
            images = list(in_threads(self._load, indices, infos))
        else:
            images = [self._load(idx, info) for idx, info in zip(indices, infos, strict=True)]
        for idx, image in zip(indices, images, strict=True):
            if image.shape != self._shape:
                raise ValueError(
                    f'Sample {idx} has an image of {image.shape[0]} channels, sample 0 one of '
                    f'{self._shape[0]}: instance-dependent noise needs the same number in all.'
                )
        return np.stack(images).reshape(len(images), self.dim).astype(np.float32)

    def _info(self, idx: int) -> dict:
        base, inner_idx = resolve(self.dataset, int(idx))
        return base.get_data_info(inner_idx)

    def _load(self, idx: int, info: dict) -> np.ndarray:
        """Return an image as (channels, height, width) uint8."""
        image = info.get('img')
        if image is None:
            image = _read_file(idx, info.get('img_path'), self._size)
        elif not _is_image(image):
            raise ValueError(
                f'Sample {idx} has an `img` of {getattr(image, "shape", type(image).__name__)}: '
                'instance-dependent noise needs uint8 arrays of (height, width) or (height, '
                'width, 1 or 3).'
            )
        elif image.shape[:2] != self._size:
            height, width = self._size
            grey = image.ndim == 2 or image.shape[2] == 1
            pixels = Image.fromarray(image.reshape(image.shape[:2]) if grey else image)
            image = np.asarray(pixels.resize((width, height), Image.Resampling.BILINEAR))
        return image[None] if image.ndim == 2 else image.transpose(2, 0, 1)


def _is_image(image: Any) -> bool:
    return (
        isinstance(image, np.ndarray)
        and image.dtype == np.uint8
        and image.size > 0
        and (image.ndim == 2 or (image.ndim == 3 and image.shape[2] in (1, 3)))
    )


def _read_file(idx: int, path: str | None, size: tuple[int, int]) -> np.ndarray:
    if not path:
        raise ValueError(
            f'Sample {idx} has neither `img` nor `img_path`: instance-dependent noise needs images.'
        )
    height, width = size
    try:
        with Image.open(io.BytesIO(fileio.get(path))) as file:
            pixels = file.convert('RGB').resize((width, height), Image.Resampling.BILINEAR)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise ValueError(
            f"Image '{path}' (sample {idx}) cannot be read: {error}. Repair it, or take it out of "
            'the data set.'
        ) from error
    return np.asarray(pixels)
