"""A config of zero-shot CLIP, for tools that are given none."""

from __future__ import annotations

from collections.abc import Mapping

from mmengine.config import Config

from deft_mm.models.clip import clip_facts


def zero_shot_config(clip: Mapping | str) -> Config:
    """Write the config of a CLIP that scores images as it was pre-trained to see them.

    Args:
        clip (Mapping | str): A ``clip`` config value.

    Returns:
        Config: With the ``model``, a classifier, and the transforms of ``val_dataloader``.
    """
    facts = clip_facts(clip)
    model = dict(
        type='ImageClassifier',
        backbone=dict(type=facts.backbone, clip=clip),
        head=dict(type='ZeroShotHead', clip=clip),
    )
    height, width = facts.image_size
    resize = dict(type='Resize', scale=(width, height), backend='pillow', interpolation='bilinear')
    return Config(
        dict(
            model=model,
            data_preprocessor=dict(mean=list(facts.mean), std=list(facts.std), to_rgb=True),
            val_dataloader=dict(
                batch_size=64,
                num_workers=4,
                dataset=dict(pipeline=[resize, dict(type='PackInputs')]),
            ),
        )
    )
