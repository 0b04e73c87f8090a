"""Selections in the formats of other tools, and decisions in them, one format a module."""

from .cvat import write_cvat
from .fiftyone import write_fiftyone
from .hugging_face import write_hugging_face
from .image_list import LIST_HEADER, image_list, require_list_name
from .index_list import read_kept
from .label_studio import common_folder, is_label_studio, read_label_studio, write_label_studio
from .rows import chosen_rows, require_class_names

__all__ = [
    'LIST_HEADER',
    'chosen_rows',
    'common_folder',
    'image_list',
    'is_label_studio',
    'read_kept',
    'read_label_studio',
    'require_class_names',
    'require_list_name',
    'write_cvat',
    'write_fiftyone',
    'write_hugging_face',
    'write_label_studio',
]
