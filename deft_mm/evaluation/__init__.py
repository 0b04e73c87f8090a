"""Metrics of noisy-label detection."""

from deft_mm.evaluation.detection_metrics import DetectionCounts, detection_metrics

__all__ = ['DetectionCounts', 'detection_metrics']
