"""Data sets, wrappers that make or filter label noise, and what is known of samples."""

from deft_mm.datasets.animal10n import Animal10N
from deft_mm.datasets.chain import (
    base_datasets,
    class_names_of,
    clean_labels_of,
    given_labels_of,
    img_paths_of,
    resolve,
)
from deft_mm.datasets.cifar10_dataset import CIFAR10Dataset
from deft_mm.datasets.cifar100_dataset import CIFAR100Dataset
from deft_mm.datasets.class_balanced_sampler import ClassBalancedSampler
from deft_mm.datasets.clean_prob_weighted_dataset import CleanProbWeightedDataset
from deft_mm.datasets.clean_subset import CleanSubset
from deft_mm.datasets.clothing1m import Clothing1M
from deft_mm.datasets.corrected_labels import CorrectedLabels
from deft_mm.datasets.cub_dataset import CUBDataset
from deft_mm.datasets.dataset_fingerprint import dataset_fingerprint
from deft_mm.datasets.digits_dataset import DigitsDataset
from deft_mm.datasets.evaluation_view import EvaluationView, evaluation_view, scoring_collate
from deft_mm.datasets.fix_match_dataset import FixMatchDataset, fix_match_collate
from deft_mm.datasets.food101n import Food101N
from deft_mm.datasets.ilsvrc12 import ILSVRC12
from deft_mm.datasets.image_folder_dataset import ImageFolderDataset
from deft_mm.datasets.image_list_dataset import ImageListDataset
from deft_mm.datasets.in_memory_dataset import InMemoryDataset
from deft_mm.datasets.kept_flag_dataset import KeptFlagDataset
from deft_mm.datasets.mnist_dataset import MNISTDataset
from deft_mm.datasets.named_concat_dataset import NamedConcatDataset
from deft_mm.datasets.noise import (
    AsymmetricNoise,
    FileNoise,
    HumanNoise,
    InstanceDependentNoise,
    LabelNoise,
    NoiseFile,
    PairFlipNoise,
    StructuredNoise,
    SymmetricNoise,
    build_noise,
    transition_matrix,
)
from deft_mm.datasets.noisy_label_dataset import NoisyLabelDataset
from deft_mm.datasets.relabelled_subset import RelabelledSubset
from deft_mm.datasets.sample_table_of import sample_table_of
from deft_mm.datasets.stanford_cars_dataset import StanfordCarsDataset
from deft_mm.datasets.tiny_image_net import TinyImageNet
from deft_mm.datasets.transforms import FastLoadImageFromFile, LoadImageOfAnyKind
from deft_mm.datasets.web_vision import WebVision

__all__ = [
    'CIFAR10Dataset',
    'CIFAR100Dataset',
    'CUBDataset',
    'ILSVRC12',
    'MNISTDataset',
    'Animal10N',
    'AsymmetricNoise',
    'ClassBalancedSampler',
    'CleanProbWeightedDataset',
    'CleanSubset',
    'Clothing1M',
    'CorrectedLabels',
    'DigitsDataset',
    'EvaluationView',
    'FastLoadImageFromFile',
    'FileNoise',
    'FixMatchDataset',
    'Food101N',
    'HumanNoise',
    'InstanceDependentNoise',
    'ImageFolderDataset',
    'ImageListDataset',
    'InMemoryDataset',
    'KeptFlagDataset',
    'LabelNoise',
    'LoadImageOfAnyKind',
    'NamedConcatDataset',
    'NoiseFile',
    'NoisyLabelDataset',
    'PairFlipNoise',
    'RelabelledSubset',
    'StanfordCarsDataset',
    'StructuredNoise',
    'SymmetricNoise',
    'TinyImageNet',
    'WebVision',
    'base_datasets',
    'build_noise',
    'class_names_of',
    'clean_labels_of',
    'dataset_fingerprint',
    'evaluation_view',
    'fix_match_collate',
    'given_labels_of',
    'img_paths_of',
    'resolve',
    'sample_table_of',
    'scoring_collate',
    'transition_matrix',
]
