"""Trained models in use: labels that are asked about."""

from deft_mm.deployment.wrong_label_inferencer import WrongLabelInferencer

__all__ = ['WrongLabelInferencer']
