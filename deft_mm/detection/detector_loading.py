"""The detector of a config: built, with the weights of a checkpoint, or as zero-shot CLIP."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence

from mmengine.config import Config
from mmengine.runner import CheckpointLoader
from mmpretrain.registry import DATASETS, MODELS
from torch import Tensor, nn

from deft_mm.datasets import class_names_of
from deft_mm.engine.checkpoint_loading import misfits, safe_loading, weights_of
from deft_mm.engine.data_settings import fill_num_classes, settle_data
from deft_mm.models.heads import TextHead

DEFAULT_TEMPLATE = 'a photo of a {}.'
# Of DeFT's checkpoints, of whichever stage.
_PREFIX = 'detector.'
# Losses may keep something of every training sample, and nothing that a prediction needs.
_LOSSES = 'head.loss'


def load_checkpoint(path: str) -> dict:
    """Load a checkpoint, a file or an address, without running code that it may hold.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it holds no weights.
        UnpicklingError: If it holds more than tensors and plain types, see
            :func:`deft_mm.engine.checkpoint_loading.load_local_checkpoint`.
    """
    with safe_loading():
        checkpoint = CheckpointLoader.load_checkpoint(path, map_location='cpu')
    if not isinstance(checkpoint, Mapping) or not _weights_in(checkpoint):
        raise ValueError(f'Checkpoint {path} holds no weights of a model.')
    return dict(checkpoint)


def detector_classes(cfg: Config, checkpoint: Mapping) -> list[str]:
    """The class names of a trained detector, in the order of its labels.

    They are those of its head's config, of the training set that the checkpoint names, or of the
    config's training set, which is read only then. Where the config leaves the number of classes
    open, it is filled in.

    Args:
        cfg (Config): Its config; ``num_classes=None`` is replaced in place.
        checkpoint (Mapping): Its checkpoint.

    Returns:
        list[str]: D names.

    Raises:
        ValueError: If there are none.
    """
    names = _detector_cfg(cfg)['head'].get('class_names')
    if not names:
        dataset_meta = (checkpoint.get('meta') or {}).get('dataset_meta') or {}
        names = dataset_meta.get('classes') or dataset_meta.get('CLASSES')
    if not names:
        dataset = (cfg.get('train_dataloader') or {}).get('dataset')
        if dataset is None:
            raise ValueError(
                f"The class names of the detector of {cfg.filename} are not known: set its head's "
                'class_names, in the order of the labels.'
            )
        settle_data(cfg)
        names = class_names_of(DATASETS.build(dataset))
    fill_num_classes(cfg, len(names))
    return [str(name) for name in names]


def build_detector(
    cfg: Config,
    checkpoint: Mapping,
    preprocessor: Mapping,
    class_names: Sequence[str] | None = None,
    source: str = 'The checkpoint',
    what: str = 'detector',
) -> nn.Module:
    """Build a trained detector: of a DeFT model its ``detector``, of another one the whole.

    Args:
        cfg (Config): Its config.
        checkpoint (Mapping): Its checkpoint, of either stage of DeFT.
        preprocessor (Mapping): Config of the data preprocessor.
        class_names (Sequence[str], optional): Names to write new prompts with, in place of the
            classes that it was trained on. Defaults to None.
        source (str): What to call the checkpoint in an error. Defaults to 'The checkpoint'.
        what (str): What to call the model. Defaults to 'detector'.

    Returns:
        nn.Module: An ``ImageClassifier``.

    Raises:
        ValueError: If the checkpoint doesn't hold the weights of this detector, or new prompts are
            asked for where there are none, or where their contexts belong to a class.
    """
    model = dict(_detector_cfg(cfg), data_preprocessor=dict(preprocessor))
    if class_names is not None:
        _require_shared_prompts(model['head'])
        model['head'].update(num_classes=len(class_names), class_names=list(class_names))
    detector = MODELS.build(model)
    weights = _weights_in(checkpoint)
    if class_names is not None:
        weights['head.class_token_ids'] = detector.head.class_token_ids
    faults = misfits(detector, weights)
    found = [f'{len(names)} {fault} ({names[0]})' for fault, names in faults.items() if names]
    if found:
        raise ValueError(
            f'{source} does not hold the weights of the {what} of {cfg.filename}: '
            f'{", ".join(found)}. Give the config that the run has written to its work directory, '
            'and a checkpoint of that run.'
        )
    detector.load_state_dict(weights, strict=False)
    return detector.eval()


def has_clip(cfg: Config) -> bool:
    """Whether a config has a detector, or another classifier, with a CLIP backbone.

    Args:
        cfg (Config): A config.

    Returns:
        bool: Whether :func:`build_zero_shot_detector` takes it.
    """
    model = cfg.get('model') or {}
    return 'clip' in (model.get('detector', model).get('backbone') or {})


def build_zero_shot_detector(
    cfg: Config,
    preprocessor: Mapping,
    class_names: Sequence[str],
    template: str = DEFAULT_TEMPLATE,
    temperature: float | None = None,
) -> nn.Module:
    """Build zero-shot CLIP out of the CLIP of a config's detector; nothing of it is trained.

    Args:
        cfg (Config): A config whose detector has a CLIP backbone.
        preprocessor (Mapping): Config of the data preprocessor.
        class_names (Sequence[str]): Names to write prompts with.
        template (str): See :class:`~deft_mm.models.heads.ZeroShotHead`.
        temperature (float, optional): See there.

    Returns:
        nn.Module: An ``ImageClassifier``.

    Raises:
        ValueError: If there is no CLIP.
    """
    backbone = _detector_cfg(cfg)['backbone']
    if 'clip' not in backbone:
        raise ValueError(
            f'--clip-only takes the CLIP of {cfg.filename}, whose detector has the backbone '
            f'{backbone.get("type")}: give a config of DeFT or another one with a CLIP backbone.'
        )
    head = dict(
        type='ZeroShotHead',
        clip=backbone['clip'],
        num_classes=len(class_names),
        class_names=list(class_names),
        template=template,
        temperature=temperature,
    )
    kept = {key: backbone[key] for key in ('type', 'clip', 'img_size') if key in backbone}
    model = dict(
        type='ImageClassifier', backbone=kept, head=head, data_preprocessor=dict(preprocessor)
    )
    return MODELS.build(model).eval()


def _detector_cfg(cfg: Config) -> dict:
    """A copy of the config of the model that scores."""
    model = cfg.get('model') or {}
    model = copy.deepcopy(dict(model.get('detector', model)))
    missing = [name for name in ('backbone', 'head') if not model.get(name)]
    if missing:
        raise ValueError(
            f'{cfg.filename} has no {" and no ".join(missing)} in its '
            f'model{".detector" if "detector" in (cfg.get("model") or {}) else ""}: give the '
            'config of a detector, an ImageClassifier or a DeFT model.'
        )
    return model


def _require_shared_prompts(head: Mapping) -> None:
    class_ = MODELS.get(head['type'])
    if class_ is None or not issubclass(class_, TextHead):
        raise ValueError(
            f'--class-names data writes prompts, but the detector has a {head["type"]}, whose '
            'classes are those of its training: leave it out, and match classes by name.'
        )
    if head.get('class_specific'):
        raise ValueError(
            '--class-names data writes new prompts with the trained contexts, but with '
            'class_specific=True each context belongs to a class of the training: leave it out, '
            'and match classes by name.'
        )


def _weights_in(checkpoint: Mapping) -> dict[str, Tensor]:
    """The detector's weights by name: those of a DeFT model's detector, or all of a model."""
    weights = weights_of(checkpoint)
    inside = {k.removeprefix(_PREFIX): v for k, v in weights.items() if k.startswith(_PREFIX)}
    return {k: v for k, v in (inside or weights).items() if not k.startswith(_LOSSES)}
