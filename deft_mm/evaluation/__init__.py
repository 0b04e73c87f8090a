"""Metrics of noisy-label detection, and of several validation sets."""

from deft_mm.evaluation.accuracy_per_dataset import AccuracyPerDataset
from deft_mm.evaluation.detection_curve import DetectionCurve
from deft_mm.evaluation.detection_metrics import DetectionCounts, detection_metrics
from deft_mm.evaluation.selection_report import DETECTION_METRICS, SelectionReport

__all__ = [
    'DETECTION_METRICS',
    'AccuracyPerDataset',
    'DetectionCounts',
    'DetectionCurve',
    'SelectionReport',
    'detection_metrics',
]
