"""What a CLIP is called on a command line, and what is known of it without its weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import open_clip
from open_clip.transform import PreprocessCfg

from deft_mm.models.clip.clip_spec import LOCAL_DIR, ClipSpec, brings_its_own_weights, resolve_clip

# What makes the names of models, tags and files apart: ViT-B-16:laion2b_s34b_b88k.
_SEPARATOR = ':'
_DEFAULT_TAG = 'openai'


@dataclass(frozen=True)
class ClipFacts:
    """What a config has to know of a CLIP, read from its description.

    Attributes:
        backbone (str): The registered class of its image tower, 'CLIPVisionTransformer' or
            'CLIPResNet'.
        image_size (tuple[int, int]): Height and width of the images that it was trained on.
        width (int): Width of the feature before the projection, the ``in_channels`` of a head.
        embed_dim (int): Width of the projected feature.
        mean (tuple[float, float, float]): Of red, green and blue, from 0 to 255.
        std (tuple[float, float, float]): The same.
    """

    backbone: str
    image_size: tuple[int, int]
    width: int
    embed_dim: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


def clip_named(text: str) -> dict:
    """The ``clip`` value of a config that a text on a command line stands for.

    Args:
        text (str): 'tiny' for the built-in CLIP, 'tiny-weak' for one that was trained for less
            long; a folder of open_clip, as a path or as 'local-dir:/path'; a model of open_clip,
            such as 'ViT-B-16', with OpenAI's weights; or 'MODEL:WEIGHTS', a tag of open_clip's or
            a file, such as 'ViT-B-16:laion2b_s34b_b88k'.

    Returns:
        dict: See :func:`~deft_mm.models.clip.resolve_clip`.

    Raises:
        ValueError: If it is none of these.
        FileNotFoundError: If the folder or the file is not there, or the folder is none of a CLIP.
    """
    if brings_its_own_weights(text):
        clip = dict(model=text)
    elif Path(text).expanduser().is_dir():
        clip = dict(model=f'{LOCAL_DIR}{Path(text).expanduser()}')
    elif text.startswith('hf-hub:'):  # open_clip's way to name it, which has a colon, too
        clip = dict(model=text)
    else:
        model, _, weights = text.partition(_SEPARATOR)
        clip = dict(model=model, pretrained=weights or _DEFAULT_TAG)
    resolve_clip(clip)
    return clip


def clip_facts(clip: Mapping | str) -> ClipFacts:
    """Describe a CLIP without its weights, and without a network.

    Args:
        clip (Mapping | str): A ``clip`` config value, see
            :func:`~deft_mm.models.clip.resolve_clip`.

    Returns:
        ClipFacts: The facts. Without a word on normalisation there, it is OpenAI's.

    Raises:
        TypeError: A value of the wrong type.
        ValueError: An unknown key, model or tag, or an image tower of timm.
        FileNotFoundError: A missing folder or file.
    """
    spec = resolve_clip(clip)
    vision = spec.model_cfg['vision_cfg']
    if vision.get('timm_model_name'):
        raise ValueError(
            f'{spec.name} has a timm visual tower ({vision["timm_model_name"]}), which is not '
            f'supported; choose a model with a ViT or ResNet of open_clip, e.g. ViT-B-16 or RN50'
        )
    vision = open_clip.CLIPVisionCfg(**vision)
    # A ResNet has a number of blocks for each of its stages.
    is_resnet = isinstance(vision.layers, (list, tuple))
    size = vision.image_size
    preprocess = PreprocessCfg(**_preprocessing_of(spec))
    return ClipFacts(
        backbone='CLIPResNet' if is_resnet else 'CLIPVisionTransformer',
        image_size=(size, size) if isinstance(size, int) else tuple(size),
        width=vision.width * 32 if is_resnet else vision.width,
        embed_dim=spec.model_cfg['embed_dim'],
        mean=_of_bytes(preprocess.mean),
        std=_of_bytes(preprocess.std),
    )


def _preprocessing_of(spec: ClipSpec) -> dict:
    """What is said of mean and deviation where the weights come from."""
    said = spec.tag_cfg or {}
    if spec.path is not None:
        config = spec.path.parent / 'open_clip_config.json'
        if config.is_file():
            said = json.loads(config.read_text(encoding='utf-8')).get('preprocess_cfg') or {}
    return {key: said[key] for key in ('mean', 'std') if key in said}


def _of_bytes(values: tuple[float, ...]) -> tuple[float, ...]:
    # As many digits as configs have.
    return tuple(round(255 * value, 4) for value in values)
