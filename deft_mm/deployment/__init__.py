"""Trained models in use: files for other runtimes, and labels that are asked about."""

from deft_mm.deployment.deployment_checkpoint import deployment_checkpoint
from deft_mm.deployment.graph_formats import TOLERANCE, checked_graph
from deft_mm.deployment.graph_notes import graph_notes
from deft_mm.deployment.probability_model import ProbabilityModel, output_names, predict_batch
from deft_mm.deployment.real_images import real_batch
from deft_mm.deployment.wrong_label_inferencer import WrongLabelInferencer

__all__ = [
    'TOLERANCE',
    'ProbabilityModel',
    'WrongLabelInferencer',
    'checked_graph',
    'deployment_checkpoint',
    'graph_notes',
    'output_names',
    'predict_batch',
    'real_batch',
]
