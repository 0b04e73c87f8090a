"""Algorithms: models that combine several MMPretrain models."""

from .deft import DeFT

__all__ = ['DeFT']
