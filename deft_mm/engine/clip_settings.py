"""The CLIP of a config: named once, exchanged with everything that depends on it, and checked."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from mmengine.config import Config

from deft_mm.engine.config_walk import dicts_in, parts_of
from deft_mm.models.clip import ClipFacts, clip_facts, clip_named, resolve_clip

# A short side of 256 pixels, of which 224 are cut out.
_MARGIN = 256 / 224


def clip_of(cfg: Mapping) -> dict | None:
    """The CLIP of a config: that of the detector's backbone, or of the model's.

    Args:
        cfg (Mapping): A config.

    Returns:
        dict, optional: Its ``clip`` value; None where the backbone is another one.
    """
    model = cfg.get('model') or {}
    backbone = (model.get('detector') or model).get('backbone') or {}
    return backbone.get('clip')


def take_clip(cfg: Config, options: dict[str, Any]) -> Mapping | str | None:
    """Take the CLIP that a config and overrides of it name for the whole model out of both.

    Args:
        cfg (Config): A config. Its top-level ``clip``, where there is one, goes: the parts of the
            model have their own, for which :func:`exchange_clip` exchanges it.
        options (dict[str, Any]): Values by dotted key, of which ``clip`` and those below it go.
            ``clip`` is called as on a command line, see :func:`~deft_mm.models.clip.clip_named`;
            so is ``clip.model``, which brings its own weights where ``clip.pretrained`` is not
            given, too.

    Returns:
        Mapping | str, optional: A ``clip`` config value; None where nothing names one.

    Raises:
        ValueError: If the options name a CLIP, and the model has none or there is no such one.
        FileNotFoundError: If files of the CLIP are missing.
    """
    whole = options.pop('clip', None)
    keys = [key for key in options if key.startswith('clip.')]
    changes = {key.removeprefix('clip.'): options.pop(key) for key in keys}
    own, named = clip_of(cfg), cfg.get('clip')
    if own is None:
        if whole is not None or changes:
            raise ValueError('clip is given, but the model of the config has no CLIP backbone.')
        return None  # a variable of another meaning
    if isinstance(named, str) or isinstance(named, Mapping) and 'model' in named:
        own = cfg.pop('clip')
    else:
        named = None
    if whole is not None:
        own = whole
    elif not changes:
        return named
    clip = dict(own) if isinstance(own, Mapping) else clip_named(str(own))
    model = changes.pop('model', clip['model'])
    if model != clip['model']:
        # Weights and activation are those of another model.
        kept = {key: clip[key] for key in ('cache_dir',) if key in clip}
        brings_weights = isinstance(model, str) and 'pretrained' not in changes
        clip = kept | (clip_named(model) if brings_weights else dict(model=model))
    return clip | changes


def exchange_clip(cfg: Config, clip: Mapping | str) -> None:
    """Exchange the CLIP of a config for another one, in place, with what depends on it.

    These follow: every ``clip`` that is the old one and the class of its backbone, ``in_channels``
    of a head behind it, sizes of images in pipelines and in the data preprocessor, with the margin
    of a crop, and a normalisation that is the old CLIP's. What is of another network or has numbers
    of its own stays.

    Args:
        cfg (Config): A config whose model has a CLIP backbone.
        clip (Mapping | str): A ``clip`` config value.

    Raises:
        ValueError: If the model has no CLIP, or ``clip`` is none.
        FileNotFoundError: If files of the CLIP are missing.
    """
    old = clip_of(cfg)
    if old is None:
        raise ValueError(f'{cfg.filename} has no CLIP backbone whose CLIP could be exchanged.')
    if clip == old:
        return
    old = copy.deepcopy(old)
    before, after = clip_facts(old), clip_facts(clip)
    parts = list(dicts_in(cfg._cfg_dict))
    for part in parts:
        backbone, head = part.get('backbone'), part.get('head')
        if isinstance(backbone, dict) and backbone.get('clip') == old:
            if backbone.get('type') == before.backbone:
                backbone['type'] = after.backbone
            if isinstance(head, dict) and head.get('in_channels') == before.width:
                head['in_channels'] = after.width
    for part in parts:
        if part.get('clip') == old:
            part['clip'] = copy.deepcopy(clip)
        if _numbers(part.get('mean')) == before.mean and _numbers(part.get('std')) == before.std:
            part.update(mean=list(after.mean), std=list(after.std))
    for transforms in _transforms_in(parts):
        _resize(transforms, before, after)


def check_clip(cfg: Mapping) -> None:
    """Refuse what doesn't fit the CLIP of a backbone.

    Args:
        cfg (Mapping): A config.

    Raises:
        ValueError: If a head takes features of another width, or has another CLIP.
    """
    for key, part in parts_of(cfg.get('model'), 'model'):
        backbone = part.get('backbone') if isinstance(part, Mapping) else None
        clip = backbone.get('clip') if isinstance(backbone, Mapping) else None
        head = part.get('head') if clip is not None else None
        if not isinstance(head, Mapping):
            continue
        facts = clip_facts(clip)
        is_token = backbone.get('out_type') in ('token', 'both')
        width = facts.width if is_token else facts.embed_dim
        if head.get('in_channels') not in (None, width) and part.get('neck') is None:
            raise ValueError(
                f'{key}.head.in_channels={head["in_channels"]}, but the features of '
                f'{key}.backbone have the width {width}: set it to {width}. '
                '--cfg-options clip.model=... exchanges a CLIP with all that depends on it.'
            )
        if head.get('clip') is not None and _name(head['clip']) != _name(clip):
            raise ValueError(
                f'{key}.head.clip and {key}.backbone.clip are two CLIPs ({head["clip"]} and '
                f'{clip}), whose features have nothing in common: --cfg-options clip.model=... '
                'exchanges both.'
            )


def _name(clip: Mapping | str) -> tuple[str | None, str | None]:
    """Model and weights, of which those that are given layer by layer have no name."""
    clip = dict(model=clip) if isinstance(clip, str) else clip
    model = clip.get('model')
    return model if isinstance(model, str) else None, clip.get('pretrained')


def fetches_weights(cfg: Mapping) -> bool:
    """Whether a model has a CLIP whose weights are downloaded where they are not yet.

    Args:
        cfg (Mapping): A config.

    Returns:
        bool: True if one has.

    Raises:
        ValueError: If a ``clip`` is none.
        FileNotFoundError: If files of one are missing.
    """
    clips = (part['clip'] for part in dicts_in(cfg.get('model')) if part.get('clip') is not None)
    return any(resolve_clip(clip).tag is not None for clip in clips)


def _transforms_in(parts: Iterable[dict]) -> Iterator[list]:
    """Every list of transforms, those of pipelines that a config keeps by name included, once."""
    seen = set()
    for part in parts:
        for key, value in part.items():
            if key.endswith(('pipeline', '_transforms')) and isinstance(value, list):
                if id(value) not in seen:
                    yield value
                seen.add(id(value))


def _resize(transforms: list, before: ClipFacts, after: ClipFacts) -> None:
    """Let transforms that end in images of the one's size end in those of the other's."""
    old, new = before.image_size, after.image_size
    for i, transform in enumerate(transforms):
        # Padded, it is the crop of a small image in its own size.
        if not isinstance(transform, dict) or transform.get('padding'):
            continue
        for key in ('scale', 'crop_size'):
            if _pair(transform.get(key)) == old:
                transform[key] = _like(transform[key], new)
        if transform.get('type') == 'Cutout' and transform.get('shape') == old[0] // 2:
            transform['shape'] = new[0] // 2
        later = [part.get('crop_size') for part in transforms[i + 1 :] if isinstance(part, dict)]
        with_margin = tuple(round(size * _MARGIN) for size in old)
        if _pair(transform.get('scale')) == with_margin and any(
            _pair(size) == old for size in later
        ):
            transform['scale'] = _like(
                transform['scale'], tuple(round(size * _MARGIN) for size in new)
            )


def _pair(size: Any) -> tuple[int, int] | None:
    if isinstance(size, int):
        return size, size
    return tuple(size) if isinstance(size, (list, tuple)) and len(size) == 2 else None


def _like(size: Any, new: tuple[int, int]) -> Any:
    """One number where there was one and it will do."""
    return new[0] if isinstance(size, int) and new[0] == new[1] else new


def _numbers(values: Any) -> tuple | None:
    return tuple(values) if isinstance(values, (list, tuple)) else None
