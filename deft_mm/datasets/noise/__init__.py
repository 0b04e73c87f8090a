"""Noise models, one a file."""

from deft_mm.datasets.noise.label_noise import LabelNoise, build_noise
from deft_mm.datasets.noise.symmetric_noise import SymmetricNoise

__all__ = ['LabelNoise', 'SymmetricNoise', 'build_noise']
