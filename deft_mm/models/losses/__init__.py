"""Losses: negative learning of the detector and noise-robust classification losses."""

from .negative_learning_loss import NegativeLearningLoss
from .sce_loss import SCELoss

__all__ = ['NegativeLearningLoss', 'SCELoss']
