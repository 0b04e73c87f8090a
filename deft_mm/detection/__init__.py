"""A trained detector, or zero-shot CLIP, on other data: another set, other noise, other classes."""

from deft_mm.detection.class_map import read_class_map
from deft_mm.detection.data_source import DataSource, find_data, preprocessor_of
from deft_mm.detection.detector_loading import (
    build_detector,
    build_zero_shot_detector,
    detector_classes,
    load_checkpoint,
)
from deft_mm.detection.evaluation_transforms import evaluation_transforms

__all__ = [
    'DataSource',
    'build_detector',
    'build_zero_shot_detector',
    'detector_classes',
    'evaluation_transforms',
    'find_data',
    'load_checkpoint',
    'preprocessor_of',
    'read_class_map',
]
