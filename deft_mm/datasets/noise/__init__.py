"""Noise models, one a file."""

from deft_mm.datasets.noise.asymmetric_noise import AsymmetricNoise
from deft_mm.datasets.noise.file_noise import FileNoise
from deft_mm.datasets.noise.human_noise import HumanNoise
from deft_mm.datasets.noise.instance_dependent_noise import InstanceDependentNoise
from deft_mm.datasets.noise.label_noise import LabelNoise, build_noise
from deft_mm.datasets.noise.noise_file import NoiseFile
from deft_mm.datasets.noise.pair_flip_noise import PairFlipNoise
from deft_mm.datasets.noise.structured_noise import StructuredNoise
from deft_mm.datasets.noise.symmetric_noise import SymmetricNoise
from deft_mm.datasets.noise.transition_matrix import transition_matrix

__all__ = [
    'AsymmetricNoise',
    'FileNoise',
    'HumanNoise',
    'InstanceDependentNoise',
    'LabelNoise',
    'NoiseFile',
    'PairFlipNoise',
    'StructuredNoise',
    'SymmetricNoise',
    'build_noise',
    'transition_matrix',
]
