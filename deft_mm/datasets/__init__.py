"""Data sets, wrappers that make or filter label noise, and what is known of samples."""

from deft_mm.datasets.chain import (
    base_datasets,
    class_names_of,
    clean_labels_of,
    given_labels_of,
    img_paths_of,
    resolve,
)
from deft_mm.datasets.clean_subset import CleanSubset
from deft_mm.datasets.dataset_fingerprint import dataset_fingerprint
from deft_mm.datasets.digits_dataset import DigitsDataset
from deft_mm.datasets.evaluation_view import EvaluationView, evaluation_view, scoring_collate
from deft_mm.datasets.noise import LabelNoise, SymmetricNoise, build_noise
from deft_mm.datasets.noisy_label_dataset import NoisyLabelDataset

__all__ = [
    'CleanSubset',
    'DigitsDataset',
    'EvaluationView',
    'LabelNoise',
    'NoisyLabelDataset',
    'SymmetricNoise',
    'base_datasets',
    'build_noise',
    'class_names_of',
    'clean_labels_of',
    'dataset_fingerprint',
    'evaluation_view',
    'given_labels_of',
    'img_paths_of',
    'resolve',
    'scoring_collate',
]
