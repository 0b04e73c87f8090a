"""Preparation of batches on the device that trains: augmentation, resizing, normalisation."""

from .augmenting_data_preprocessor import AugmentingDataPreprocessor
from .batch_random_crop import BatchRandomCrop
from .batch_random_flip import BatchRandomFlip
from .batch_resize import BatchResize
from .feature_inputs import FeatureInputs

__all__ = [
    'AugmentingDataPreprocessor',
    'BatchRandomCrop',
    'BatchRandomFlip',
    'BatchResize',
    'FeatureInputs',
]
