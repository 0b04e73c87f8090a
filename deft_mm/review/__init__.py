"""The page on which people look at a selection and decide."""

from deft_mm.review.image_source import ImageSource
from deft_mm.review.page import SINGLE_FILE_MOST, write_page
from deft_mm.review.review_order import review_order

__all__ = ['SINGLE_FILE_MOST', 'ImageSource', 'review_order', 'write_page']
