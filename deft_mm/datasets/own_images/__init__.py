"""Reading, checking and dividing the images that a user brings along."""

from .data_report import (
    DataReport,
    Problem,
    UnusableImagesError,
    problems_kept,
    problems_to_csv,
)
from .hold_out import held_out_mask
from .image_check import CheckedImage, check_images
from .listing import ListedImage, Listing, images_below, list_images

__all__ = [
    'CheckedImage',
    'DataReport',
    'ListedImage',
    'Listing',
    'Problem',
    'UnusableImagesError',
    'check_images',
    'held_out_mask',
    'images_below',
    'list_images',
    'problems_kept',
    'problems_to_csv',
]
