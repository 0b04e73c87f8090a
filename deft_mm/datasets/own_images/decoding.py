"""Images of any kind as 8-bit colours; what had to be done for it is told."""

from __future__ import annotations

import io
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

# The largest values of images with so many bits; a scanner of 12 bits writes 16.
_LARGEST = [2**bits - 1 for bits in (8, 10, 12, 14, 16)]


class DecodedImage(NamedTuple):
    """An image.

    Args:
        pixels (np.ndarray): (H, W, 3) uint8 in the order BGR, turned as its EXIF data say.
        unusual (str): What had to be done to it; '' for nothing.
    """

    pixels: np.ndarray
    unusual: str

    @property
    def is_flat(self) -> bool:
        """bool: Whether it is of one colour."""
        return bool((self.pixels == self.pixels[:1, :1]).all())


def decode_image(content: bytes) -> DecodedImage:
    """Decode an image file with Pillow, which by itself clips and drops.

    - Grey values of more than 8 bits are scaled: whole ones by the fewest bits (8, 10, 12, 14, 16)
      that hold the largest of the image, fractions from 0 to 1 by one, others, and where some are
      below 0, from the smallest to the largest.
    - What is transparent becomes white, or black where the image would be of one colour.

    Args:
        content (bytes): The file.

    Returns:
        DecodedImage: The image.

    Raises:
        OSError: If it can't be decoded; Pillow's plug-ins raise others, too.
    """
    with Image.open(io.BytesIO(content)) as image:
        image = ImageOps.exif_transpose(image)
        if image.mode.startswith('I') or image.mode == 'F':
            return _scaled(np.asarray(image))
        if image.mode in ('RGBA', 'LA', 'PA', 'RGBa', 'La') or 'transparency' in image.info:
            image = image.convert('RGBA')
            if image.getextrema()[3][0] < 255:
                return _composited(image)
        return DecodedImage(_bgr(image), '')


def _bgr(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert('RGB'))[:, :, ::-1]


def _scaled(values: np.ndarray) -> DecodedImage:
    unusual = f'{values.dtype.itemsize * 8}-bit grey'
    is_whole = values.dtype.kind in 'iu'
    values = np.nan_to_num(values.astype(np.float64), posinf=0, neginf=0)
    smallest, largest = values.min(), values.max()
    steps = [step for step in (_LARGEST if is_whole else (1, *_LARGEST)) if step >= largest]
    if smallest < 0 or not steps:
        values, steps = values - smallest, [(largest - smallest) or 1]
    grey = (values * (255 / steps[0])).round().astype(np.uint8)
    return DecodedImage(np.repeat(grey[..., None], 3, axis=2), f'{unusual}, scaled to 8 bits')


def _composited(image: Image.Image) -> DecodedImage:
    for colour in ('white', 'black'):
        canvas = Image.new('RGBA', image.size, colour)
        found = DecodedImage(
            _bgr(Image.alpha_composite(canvas, image)), f'transparent, laid on {colour}'
        )
        if not found.is_flat:
            return found
    return found
