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
from .moving import Move, move_images, plan_moves, undo_moves

__all__ = [
    'CheckedImage',
    'DataReport',
    'ListedImage',
    'Listing',
    'Move',
    'Problem',
    'UnusableImagesError',
    'check_images',
    'held_out_mask',
    'images_below',
    'list_images',
    'move_images',
    'plan_moves',
    'problems_kept',
    'problems_to_csv',
    'undo_moves',
]
