"""Losses: negative learning of the detector, and those for noisy, imbalanced or weighted data."""

from .class_balanced_loss import ClassBalancedLoss
from .co_teaching_loss import CoTeachingLoss
from .complementary_label_loss import ComplementaryLabelLoss
from .elr_loss import ELRLoss
from .gce_loss import GCELoss
from .jocor_loss import JoCoRLoss
from .logit_adjusted_loss import LogitAdjustedLoss
from .negative_learning_loss import NegativeLearningLoss
from .peer_loss import PeerLoss
from .per_sample_loss import PerSampleLoss
from .sample_weighted_loss import SampleWeightedLoss
from .sce_loss import SCELoss
from .small_loss import SmallLoss
from .split_loss import SplitLoss

__all__ = [
    'ClassBalancedLoss',
    'CoTeachingLoss',
    'ComplementaryLabelLoss',
    'ELRLoss',
    'GCELoss',
    'JoCoRLoss',
    'LogitAdjustedLoss',
    'NegativeLearningLoss',
    'PeerLoss',
    'PerSampleLoss',
    'SCELoss',
    'SampleWeightedLoss',
    'SmallLoss',
    'SplitLoss',
]
