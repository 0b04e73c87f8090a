"""Which transforms bring images of any origin to a detector."""

from __future__ import annotations

from typing import Any

from mmengine.config import Config

from deft_mm.detection.data_source import (
    DataSource,
    is_loading,
    loading_of,
    preprocessor_of,
)
from deft_mm.engine.config_walk import pipeline_of
from deft_mm.models.clip import resolve_clip

# Where transforms may run on the device.
_DEVICE_KEYS = ('type', 'train_transforms', 'test_transforms')


def evaluation_transforms(
    cfg: Config, data: DataSource, dataset: Any, source: Config | None = None
) -> tuple[list[dict], dict]:
    """Choose the pipeline and the data preprocessor to score a data set with.

    Three things come from three places:

    - How an image is read, and the order of its colours, is a matter of the data: of their own
      config, or for files of a folder ``LoadImageFromFile``, in BGR. Images in memory aren't read.
    - How it is brought to size is a matter of the detector, which has learned to see images that
      way: the evaluation transforms of its config, or of another one (``--pipeline-from``), in the
      pipeline as well as those that the data preprocessor runs on the device. Where neither
      changes the size, foreign images are resized to the CLIP's own, since a batch of images of
      several sizes would be padded.
    - Mean and standard deviation are the detector's.

    Networks are taken to see RGB, as every CLIP does.

    Args:
        cfg (Config): Config of the detector.
        data (DataSource): Where the data come from.
        dataset (BaseDataset): The data set, built; it has samples.
        source (Config, optional): Another config to take evaluation transforms from. Defaults to
            None.

    Returns:
        tuple[list[dict], dict]: Configs of the transforms and of the data preprocessor.

    Raises:
        ValueError: If the config has no evaluation transforms.
    """
    preprocessor = preprocessor_of(cfg)
    if source is not None:
        theirs = preprocessor_of(source)
        preprocessor = {k: v for k, v in preprocessor.items() if k not in _DEVICE_KEYS}
        preprocessor |= {key: theirs[key] for key in _DEVICE_KEYS if key in theirs}
    if data.to_rgb is not None:
        preprocessor['to_rgb'] = data.to_rgb
    transforms = [t for t in _evaluation_pipeline(source or cfg) if not is_loading(t)]
    size = None if data.is_own else _size_of_clip(cfg)
    changed = [*transforms, *preprocessor.get('test_transforms', ())]
    if size is not None and not any(_changes_size(transform) for transform in changed):
        resize = dict(type='Resize', scale=size, backend='pillow', interpolation='bilinear')
        transforms.insert(0, resize)
    if 'img' not in dataset.get_data_info(0):
        transforms[:0] = loading_of(data.dataset) or [dict(type='LoadImageFromFile')]
    return transforms, preprocessor


def _evaluation_pipeline(cfg: Config) -> list[dict]:
    noise_filter = (cfg.get('default_hooks') or {}).get('noise_filter') or {}
    if noise_filter.get('pipeline'):
        return list(noise_filter['pipeline'])
    for name in ('val_dataloader', 'test_dataloader'):
        pipeline = pipeline_of((cfg.get(name) or {}).get('dataset'))
        if pipeline is not None:
            return pipeline
    raise ValueError(
        f'{cfg.filename} has no val_dataloader.dataset.pipeline, whose transforms images are '
        'scored with: name a config that has, with --pipeline-from.'
    )


def _changes_size(transform: dict) -> bool:
    return any(word in str(transform.get('type')) for word in ('Resize', 'Crop'))


def _size_of_clip(cfg: Config) -> tuple[int, int] | None:
    """(Width, height) of the images that the detector's CLIP takes; None for another network."""
    model = cfg.get('model') or {}
    backbone = model.get('detector', model).get('backbone') or {}
    if 'clip' not in backbone:
        return None
    size = backbone.get('img_size')
    if size is None:
        size = resolve_clip(backbone['clip']).model_cfg['vision_cfg']['image_size']
    height, width = (size, size) if isinstance(size, int) else size
    return width, height
