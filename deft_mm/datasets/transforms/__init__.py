"""Transforms of single samples."""

from .fast_load_image_from_file import FastLoadImageFromFile

__all__ = ['FastLoadImageFromFile']
