"""Telling an image that can't be read from a pipeline that is wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


class UnreadableImageError(ValueError):
    """An image file is missing, damaged or no image."""


def apply_transforms(transforms: Sequence[Callable], results: dict) -> Any:
    """Run transforms one after the other.

    Args:
        transforms (Sequence[Callable]): Transforms, built.
        results (dict): What the first one starts from.

    Returns:
        Any: What the last one returns.

    Raises:
        UnreadableImageError: If a transform fails before there is an image, or returns None.
            Once the image is there, an error is one of the pipeline, and raised as it is.
    """
    for transform in transforms:
        try:
            output = transform(results)
        except Exception as error:
            if results.get('img') is not None:
                raise
            raise UnreadableImageError(repr(error)) from error
        if output is None:
            raise UnreadableImageError('its pipeline returned nothing')
        results = output
    return results
