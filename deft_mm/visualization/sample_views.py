"""A sample's image as it is stored, after each step of its pipeline, and as the model sees it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch

from deft_mm.datasets import resolve
from deft_mm.datasets.unreadable_image import apply_transforms

MODES = ('original', 'transformed', 'concat', 'pipeline')


class SampleView(NamedTuple):
    """An image and what it is.

    Args:
        name (str): 'original', 'model input' or the name of a transform.
        image (np.ndarray): (H, W, 3) uint8 in the order RGB.
    """

    name: str
    image: np.ndarray


def sample_views(
    dataset: Any, idx: int, mode: str = 'original', to_rgb: bool = False
) -> list[SampleView]:
    """Show a sample before, in and after its pipeline.

    Colours are right whatever the order of the channels: images that are read from files are BGR
    (MMCV), those that a data set has in memory RGB (MMPretrain's CIFAR). The model's input is taken
    for RGB once the data preprocessor is through with it, so that a wrong ``to_rgb`` shows.
    Normalised images are stretched to the range of a byte.

    Args:
        dataset: A data set, wrapped or not.
        idx (int): Index of the sample, not negative.
        mode (str): 'original': the image as it is stored; 'transformed': what the model gets (but
            not what a data preprocessor may do beyond swapping channels); 'concat': both;
            'pipeline': the image after each transform. Defaults to 'original'.
        to_rgb (bool): Whether the data preprocessor swaps the channels. Defaults to False.

    Returns:
        list[SampleView]: One view in the modes 'original' and 'transformed', two in 'concat', at
        least one in 'pipeline', where packing is a view of its own only if it changes the picture.

    Raises:
        UnreadableImageError: If the image can't be read.
        TypeError: If the pipeline makes something else than one image.
        ValueError: If ``mode`` is unknown, or the pipeline makes no image.
    """
    if mode not in MODES:
        raise ValueError(f'`mode` is one of {", ".join(MODES)}, found {mode!r}.')
    views = _views(dataset, idx, to_rgb)
    original = next(views, None)
    if original is None:
        raise ValueError(
            f'The pipeline of sample {idx} makes no image (`img`): it needs a transform such as '
            'LoadImageFromFile.'
        )
    if mode == 'original':
        return [original]
    *steps, last = views
    model_input = SampleView('model input', last.image)
    if mode == 'transformed':
        return [model_input]
    if mode == 'concat':
        return [original, model_input]
    shown = [original, *steps]
    same = np.array_equal(shown[-1].image, model_input.image)
    return shown if same else [*shown, model_input]


def _views(dataset: Any, idx: int, to_rgb: bool) -> Iterator[SampleView]:
    """Yield the image as it is stored, after each transform, and as the model gets it."""
    results = dataset.get_data_info(idx)
    base, _ = resolve(dataset, idx)
    image = results.get('img')
    # InMemoryDataset has read its images from files, too.
    is_bgr = bool(results.get('img_path'))
    if image is not None:
        yield SampleView('original', _as_rgb_bytes(image, is_bgr))
    for transform in base.pipeline.transforms:
        is_first = image is None
        results = apply_transforms([transform], results)
        image = results.get('inputs', results.get('img'))
        if image is None:
            continue
        if not is_first and (getattr(transform, 'to_rgb', 0) or getattr(transform, 'to_bgr', 0)):
            is_bgr = not is_bgr
        if 'inputs' not in results:
            name = 'original' if is_first else type(transform).__name__
            yield SampleView(name, _as_rgb_bytes(image, is_bgr))
    if image is not None:
        yield SampleView('model input', _as_rgb_bytes(image, to_rgb))


def _as_rgb_bytes(image: Any, is_bgr: bool) -> np.ndarray:
    """Turn what a pipeline holds as an image into one that can be drawn.

    It is (H, W), (H, W, C) or, if a tensor, (C, H, W), with 1, 3 or 4 channels, and becomes a copy,
    (H, W, 3) uint8 in the order RGB. Floats within 0..1 are scaled by 255, within 0..255 rounded,
    others stretched from their least to their greatest value.
    """
    if isinstance(image, torch.Tensor) and image.ndim == 3:
        image = image.permute(1, 2, 0).numpy()
    pixels = image if isinstance(image, list) else np.asarray(image)
    shape = np.shape(pixels)
    if len(shape) == 2:
        pixels, shape = pixels[..., None], (*shape, 1)
    if len(shape) != 3 or shape[2] not in (1, 3, 4):
        raise TypeError(
            'Only pipelines with one image a sample, of 1, 3 or 4 channels, can be shown; found '
            f'{type(image).__name__} of shape {shape}.'
        )
    pixels = np.broadcast_to(pixels, (*shape[:2], 3)) if shape[2] == 1 else pixels[..., :3]
    pixels = pixels[..., ::-1] if is_bgr else pixels
    if pixels.dtype == np.uint8:
        return np.array(pixels, order='C')
    low, high = float(pixels.min()), float(pixels.max())
    if low >= 0 and high <= 255:
        low, high = 0.0, 1.0 if high <= 1 else 255.0
    scaled = (pixels.astype(np.float64) - low) / max(high - low, 1e-12)
    return np.rint(255 * scaled).astype(np.uint8)
