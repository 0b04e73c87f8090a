"""Transforms of single samples."""

from .fast_load_image_from_file import FastLoadImageFromFile
from .load_image_of_any_kind import LoadImageOfAnyKind

__all__ = ['FastLoadImageFromFile', 'LoadImageOfAnyKind']
