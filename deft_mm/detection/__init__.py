"""A trained detector, or zero-shot CLIP, on other data: another set, other noise, other classes."""

from deft_mm.detection.class_map import read_class_map
from deft_mm.detection.classifier_loading import classifier_of, config_of_checkpoint
from deft_mm.detection.clean_summary import CleanSummary, detector_probs
from deft_mm.detection.data_source import (
    DataSource,
    files_to_rgb,
    find_data,
    is_config,
    preprocessor_of,
    read_data,
)
from deft_mm.detection.default_selector import default_selector, require_enough
from deft_mm.detection.detector_loading import (
    DEFAULT_TEMPLATE,
    build_detector,
    build_zero_shot_detector,
    detector_classes,
    has_clip,
    load_checkpoint,
)
from deft_mm.detection.evaluation_transforms import evaluation_transforms
from deft_mm.detection.file_model import FileModel, file_model
from deft_mm.detection.image_paths import find_images
from deft_mm.detection.scoring_options import (
    feature_folder,
    loader_sizes,
    usable_device,
)
from deft_mm.detection.selection_place import (
    require_own,
    require_selection_place,
    warn_of_extremes,
)
from deft_mm.detection.selector_names import selector_type
from deft_mm.detection.zero_shot_config import zero_shot_config

__all__ = [
    'DEFAULT_TEMPLATE',
    'CleanSummary',
    'DataSource',
    'FileModel',
    'build_detector',
    'build_zero_shot_detector',
    'classifier_of',
    'config_of_checkpoint',
    'default_selector',
    'detector_classes',
    'detector_probs',
    'evaluation_transforms',
    'feature_folder',
    'file_model',
    'files_to_rgb',
    'find_data',
    'find_images',
    'has_clip',
    'is_config',
    'load_checkpoint',
    'loader_sizes',
    'preprocessor_of',
    'read_class_map',
    'read_data',
    'require_enough',
    'require_own',
    'require_selection_place',
    'selector_type',
    'usable_device',
    'warn_of_extremes',
    'zero_shot_config',
]
