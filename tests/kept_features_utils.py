"""Zero-shot detectors whose image tower is counted, and what they say of made-up images."""

from __future__ import annotations

import copy
import os
import signal

import torch
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS
from torch import nn

from deft_mm.datasets import sample_table_of
from deft_mm.engine import feature_store
from deft_mm.engine.kept_features import FeatureFolder
from deft_mm.engine.scoring_pass import score_samples
from deft_mm.selection import SampleTable
from runner_utils import TINY_CLIP, MadeUpImages

PIPELINE = [dict(type='PackInputs')]
NEEDS = ('loss', 'probs', 'feature', 'similarity')


def build_detector(clip: dict = TINY_CLIP, mean: float = 120.0, **backbone) -> nn.Module:
    """A detector with random weights from a fixed seed; `images` counts what its tower sees."""
    torch.manual_seed(0)
    head = dict(type='ZeroShotHead', num_classes=10, class_names=[f'class {i}' for i in range(10)])
    cfg = dict(
        type='ImageClassifier',
        backbone=dict(type='CLIPVisionTransformer', clip=clip, **backbone),
        head=dict(head, clip=clip),
        data_preprocessor=dict(mean=[mean] * 3, std=[60.0] * 3),
    )
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        model = MODELS.build(copy.deepcopy(cfg)).eval()
    model.images, forward = 0, model.backbone.forward

    def counted(x):
        model.images += len(x)
        return forward(x)

    model.backbone.forward = counted
    return model


def images(number: int = 30, **options) -> MadeUpImages:
    return MadeUpImages(10, number, pipeline=PIPELINE, **options)


def score(
    model, dataset, folder=None, dtype='float32', pipeline=PIPELINE, **options
) -> SampleTable:
    """Score with what a folder keeps; `model.images` is then what was computed."""
    model.images = 0
    features = None if folder is None else FeatureFolder(folder, dtype)
    options = dict(needs=NEEDS, batch_size=4) | options
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        table = sample_table_of(dataset)
        return score_samples(model, dataset, table, pipeline, features=features, **options)


def score_until_killed(folder: str, after: int) -> None:
    """Score 30 images, of which files take 8, in a process that is killed after so many."""
    feature_store._ROWS = 8
    model = build_detector()
    forward = model.backbone.forward

    def killed(x):
        if model.images >= after:
            os.kill(os.getpid(), signal.SIGKILL)
        return forward(x)

    model.backbone.forward = killed
    score(model, images(), folder)
