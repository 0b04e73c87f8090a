"""Algorithms: models of several MMPretrain models, or of several views of an image."""

from .deft import DeFT
from .fix_match import FixMatch
from .peer_classifier import PeerClassifier

__all__ = ['DeFT', 'FixMatch', 'PeerClassifier']
