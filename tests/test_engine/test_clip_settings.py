"""A CLIP is exchanged for another one with everything in a config that depends on it."""

import pytest
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS

from clip_utils import clip_folder
from deft_mm.engine.clip_settings import exchange_clip
from deft_mm.engine.config_walk import DATALOADERS, dicts_in
from runner_utils import REPO

WIDE = dict(
    embed_dim=24,
    vision_cfg=dict(image_size=48, patch_size=16, width=32, layers=2, head_width=16),
    text_cfg=dict(context_length=77, vocab_size=49408, width=32, heads=2, layers=1),
)
MEAN = [127.5, 100.0, 90.0]


@pytest.fixture(scope='module')
def clip(tmp_path_factory):
    """A CLIP of another width, image size and normalisation than any that a config has."""
    mean = [value / 255 for value in MEAN]
    folder = clip_folder(WIDE, tmp_path_factory.mktemp('clip'), mean=mean, std=[0.2, 0.2, 0.2])
    return dict(model=f'local-dir:{folder}')


def read(name: str) -> Config:
    return Config.fromfile(REPO / 'configs' / name)


def clips_in(cfg: Config) -> list:
    return [part['clip'] for part in dicts_in(cfg._cfg_dict) if 'clip' in part]


@pytest.mark.parametrize(
    'name',
    [
        'deft/deft_cifar100_sym60.py',
        'deft/deft_folder.py',
        'deft/deft_digits_sym40.py',
        'ce/ce_folder.py',
        'fixmatch/fixmatch_folder.py',
        'label_match/label_match_digits_sym40.py',
        'audit/audit_folder.py',
    ],
)
def test_everything_follows(name, clip):
    cfg = read(name)
    exchange_clip(cfg, clip)
    assert clips_in(cfg) and all(found == clip for found in clips_in(cfg))
    keys = ('model', 'data_preprocessor', *DATALOADERS)
    text = Config({key: cfg[key] for key in keys}).pretty_text
    assert '224' not in text and '768' not in text and 'in_channels=32' in text
    # CIFAR-100 has a normalisation of its own.
    assert (cfg.data_preprocessor.mean == MEAN) == ('cifar100' not in name)
    if 'folder' in name:
        assert text.count('scale=55') >= 3 and text.count('crop_size=48') >= 3
    for part in dicts_in(cfg.model):
        if 'num_classes' in part:
            part['num_classes'] = 10
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        MODELS.build({**cfg.model, 'data_preprocessor': cfg.data_preprocessor})


def test_crops_of_small_images_in_their_own_size_and_foreign_normalisation_stay(clip):
    cifar, webvision = read('deft/deft_cifar100_sym60.py'), read('deft/deft_webvision.py')
    exchange_clip(cifar, clip)
    exchange_clip(webvision, clip)
    crop, _, resize = cifar.data_preprocessor['train_transforms']
    assert crop.crop_size == 32 and resize.scale == 48
    assert webvision.data_preprocessor.mean[0] == 123.675


def test_a_part_with_a_clip_of_its_own_keeps_it(clip):
    own = dict(model='RN50', pretrained='openai')
    cfg = read('deft/deft_cifar100_sym60.py')
    cfg.model.classifier.backbone = dict(type='CLIPResNet', clip=own)
    cfg.model.classifier.head.in_channels = 2048
    exchange_clip(cfg, clip)
    assert cfg.model.classifier.backbone.clip == own
    assert cfg.model.classifier.head.in_channels == 2048
    assert cfg.model.detector.head.clip == clip


def test_a_resnet_takes_the_place_of_a_transformer():
    cfg = read('ce/ce_cifar100_sym60.py')
    exchange_clip(cfg, dict(model='RN50', pretrained='openai'))
    assert cfg.model.backbone.type == 'CLIPResNet' and cfg.model.head.in_channels == 2048


def test_a_model_without_clip_has_none_to_exchange():
    cfg = Config(dict(model=dict(backbone=dict(type='ResNet', depth=18))))
    with pytest.raises(ValueError, match='has no CLIP backbone'):
        exchange_clip(cfg, dict(model='tiny'))
