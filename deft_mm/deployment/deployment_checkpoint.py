"""A checkpoint for use: the classifier alone, and a config that needs nothing of its run."""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Mapping

import torch
from mmengine.config import Config
from open_clip.transformer import QuickGELU
from torch import Tensor, nn

from deft_mm.deployment.probability_model import predict_batch
from deft_mm.detection import FileModel, file_model
from deft_mm.engine.options import merge_options
from deft_mm.models.clip import resolve_clip
from deft_mm.version import __version__

# Losses may keep something of every training sample, and nothing that a prediction needs.
_LOSSES = 'head.loss'


def deployment_checkpoint(found: FileModel, images: Tensor, source: str) -> tuple[bytes, bytes]:
    """Write a classifier for use, and compare what is written with it.

    Args:
        found (FileModel): The classifier, on the CPU.
        images (Tensor): Real images, prepared, float32 of shape (B, 3, H, W).
        source (str): What to call the checkpoint that it came from.

    Returns:
        tuple[bytes, bytes]: The checkpoint, with the weights and the names of the classes, and its
        ``config.json``: MMPretrain's own, with the model, which loads no weights of a CLIP or of
        timm, and the evaluation transforms. (A head with text still builds its CLIP's text tower.)

    Raises:
        ValueError: If the classifier that was written says something else than the one given.
    """
    content = _config_of(found)
    weights = {k: v for k, v in found.model.state_dict().items() if _LOSSES not in k}
    meta = dict(dataset_meta=dict(classes=list(found.class_names)), deft_mm=__version__)
    file = io.BytesIO()
    torch.save(dict(state_dict=weights, meta=meta), file)
    text = json.dumps(content, indent=1).encode()
    _check(found, images, file.getvalue(), text, source)
    return file.getvalue(), text


def _config_of(found: FileModel) -> dict:
    model = copy.deepcopy(Config(dict(model=found.cfg.model)).to_dict()['model'])
    model.pop('train_cfg', None)
    model['data_preprocessor'] = dict(found.preprocessor)
    backbone, head = model['backbone'], model['head']
    if 'num_classes' in head:
        head['num_classes'] = len(found.class_names)
    if 'clip' in backbone and 'clip' not in head:
        backbone['clip'] = _without_weights(backbone['clip'], found.model.backbone)
    if backbone.get('pretrained'):  # timm's
        backbone['pretrained'] = False
    loader = found.cfg.get('val_dataloader') or found.cfg.get('test_dataloader') or {}
    loader = dict(
        batch_size=loader.get('batch_size', 1),
        num_workers=loader.get('num_workers', 0),
        dataset=dict(pipeline=list(found.transforms)),
    )
    imports = (found.cfg.get('custom_imports') or {}).get('imports') or []
    imports = [imports] if isinstance(imports, str) else list(imports)
    content = dict(
        custom_imports=dict(imports=list(dict.fromkeys(['deft_mm', *imports]))),
        default_scope='mmpretrain',
        model=model,
    )
    for part in ('val', 'test'):  # a config has all three or none
        content[f'{part}_dataloader'], content[f'{part}_cfg'] = loader, {}
        content[f'{part}_evaluator'] = dict(type='Accuracy')
    # What JSON does not know is written as near as it can be, as config.json of a run.
    return json.loads(json.dumps(content, default=str))


def _without_weights(clip: Mapping | str, backbone: nn.Module) -> dict:
    """The architecture of a CLIP: its weights are in the checkpoint."""
    quick = any(isinstance(module, QuickGELU) for module in backbone.modules())
    model = {k: v for k, v in resolve_clip(clip).model_cfg.items() if k != 'quick_gelu'}
    return dict(model=dict(model, quick_gelu=quick), pretrained=None)


def _check(found: FileModel, images: Tensor, file: bytes, config: bytes, source: str) -> None:
    checkpoint = torch.load(io.BytesIO(file), weights_only=True)
    cfg = Config(json.loads(config), cfg_text=config.decode(), filename='config.json')
    merge_options(cfg, {})  # as every tool does with a config: it is checked
    again = file_model(cfg, checkpoint, [''], source)
    same = again.transforms == _plain(found.transforms) and again.class_names == found.class_names
    one = predict_batch(found.model, images, ['probs'])['probs']
    two = predict_batch(again.model, images, ['probs'])['probs']
    if not same or not torch.allclose(one, two, atol=1e-6):
        raise ValueError(
            f'{source}: its classifier cannot be written for use, since with the config alone it '
            f'says something else (by {float((one - two).abs().max()):.2g}). Nothing is written.'
        )


def _plain(value: list) -> list:
    return json.loads(json.dumps(value, default=str))
