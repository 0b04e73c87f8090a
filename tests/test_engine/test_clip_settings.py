"""CLIP is named once: everything that depends on it follows, and what doesn't fit is told."""

import json

import open_clip
import pytest
from mmengine.config import Config

from clip_utils import clip_folder
from deft_mm.engine.clip_settings import check_clip
from deft_mm.engine.config_walk import DATALOADERS, dicts_in
from deft_mm.engine.launch import read_config
from runner_utils import REPO
from tool_utils import tool

WIDE = dict(
    embed_dim=24,
    vision_cfg=dict(image_size=48, patch_size=16, width=32, layers=2, head_width=16),
    text_cfg=dict(context_length=77, vocab_size=49408, width=32, heads=2, layers=1),
)
MEAN = [127.5, 100.0, 90.0]


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A CLIP of another width, image size and normalisation than any that a config has."""
    mean = [value / 255 for value in MEAN]
    return clip_folder(WIDE, tmp_path_factory.mktemp('clip'), mean=mean, std=[0.2, 0.2, 0.2])


def read(name: str, **options) -> Config:
    return read_config(str(REPO / 'configs' / name), options)


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
def test_everything_follows_the_one_name(name, folder):
    cfg = read(name, **{'clip.model': f'local-dir:{folder}'})
    assert len(clips_in(cfg)) >= 2
    assert all(clip == dict(model=f'local-dir:{folder}') for clip in clips_in(cfg))
    keys = ('model', 'data_preprocessor', *DATALOADERS)
    text = Config({key: cfg[key] for key in keys}).pretty_text
    assert '224' not in text and '768' not in text and 'in_channels=32' in text
    # CIFAR-100 has a normalisation of its own.
    assert (cfg.data_preprocessor.mean == MEAN) == ('cifar100' not in name)
    if 'folder' in name:
        assert text.count('scale=55') >= 3 and text.count('crop_size=48') >= 3
    check_clip(cfg)


def test_crops_of_small_images_in_their_own_size_and_foreign_normalisation_stay(folder):
    options = {'clip.model': f'local-dir:{folder}'}
    crop, _, resize = read('deft/deft_cifar100_sym60.py', **options).data_preprocessor[
        'train_transforms'
    ]
    assert crop.crop_size == 32 and resize.scale == 48
    assert read('deft/deft_webvision.py', **options).data_preprocessor.mean[0] == 123.675


def test_a_config_file_names_it_as_options_do(folder, tmp_path):
    path = tmp_path / 'mine.py'
    base = REPO / 'configs/deft/deft_cifar100_sym60.py'
    path.write_text(f"_base_ = [{str(base)!r}]\nclip = dict(model='local-dir:{folder}')\n")
    mine = read_config(str(path), {})
    assert mine.to_dict() == read(base, **{'clip.model': f'local-dir:{folder}'}).to_dict()
    # An option beats the file.
    named = read_config(str(path), {'clip.model': 'tiny'})
    assert all(clip == dict(model='tiny') for clip in clips_in(named))


@pytest.mark.parametrize('name', ['{folder}', 'local-dir:{folder}'])
def test_it_is_called_as_on_a_command_line(name, folder):
    for key in ('clip', 'clip.model'):
        cfg = read('ce/ce_digits_sym40.py', **{key: name.format(folder=folder)})
        assert cfg.model.backbone.clip == dict(model=f'local-dir:{folder}')


def test_a_config_names_no_clip_beside_those_of_its_parts(folder):
    for name in ('deft/deft_cifar100_sym60.py', 'label_match/label_match_digits_sym40.py'):
        assert 'clip' not in Config.fromfile(REPO / 'configs' / name)
        assert 'clip' not in read(name, **{'clip.model': f'local-dir:{folder}'})


def test_a_part_that_is_changed_by_itself_is_what_holds(folder):
    clip = dict(_delete_=True, model=f'local-dir:{folder}')
    parts = ('detector.backbone', 'detector.head', 'classifier.backbone')
    options = {f'model.{part}.clip': clip for part in parts}
    options['model.classifier.head.in_channels'] = 32
    cfg = read('deft/deft_cifar100_sym60.py', **options)
    assert {clip['model'] for clip in clips_in(Config(dict(model=cfg.model)))} == {
        f'local-dir:{folder}'
    }


def test_weights_alone_are_exchanged_without_the_model(tmp_path):
    weights = tmp_path / 'weights.safetensors'
    weights.write_bytes(b'')
    cfg = read('deft/deft_cifar100_sym60.py', **{'clip.pretrained': str(weights)})
    assert {clip['pretrained'] for clip in clips_in(cfg)} == {str(weights)}
    assert {clip['model'] for clip in clips_in(cfg)} == {'ViT-B-16'}


def test_a_part_with_a_clip_of_its_own_keeps_it(folder):
    own = dict(model='RN50', pretrained='openai')
    options = {
        'clip.model': f'local-dir:{folder}',
        'model.classifier.backbone': dict(_delete_=True, type='CLIPResNet', clip=own),
        'model.classifier.head.in_channels': 2048,
    }
    cfg = read('deft/deft_cifar100_sym60.py', **options)
    assert cfg.model.classifier.backbone.clip == own
    assert cfg.model.classifier.head.in_channels == 2048
    assert cfg.model.detector.head.clip.model == f'local-dir:{folder}'


def test_a_model_of_open_clip_comes_with_openais_weights():
    for before in ('deft/deft_digits_sym40.py', 'deft/deft_cifar100_sym60.py'):
        cfg = read(before, **{'clip.model': 'ViT-L-14'})
        assert all(clip == dict(model='ViT-L-14', pretrained='openai') for clip in clips_in(cfg))
        assert cfg.model.classifier.head.in_channels == 1024


def test_a_resnet_takes_the_place_of_a_transformer():
    cfg = read('ce/ce_cifar100_sym60.py', **{'clip.model': 'RN50'})
    assert cfg.model.backbone.type == 'CLIPResNet' and cfg.model.head.in_channels == 2048


@pytest.mark.parametrize(
    ('options', 'match'),
    [
        ({'clip.model': 'ViT-B-61'}, 'did you mean ViT-B-16'),
        ({'clip': 'ViT-B-61'}, 'did you mean ViT-B-16'),
        ({'clip.model': 'ViT-B-16', 'clip.pretrained': 'openay'}, 'known tags: openai'),
        ({'clip.model': 5}, 'clip.model must be a model name, .* but is 5'),
        ({'clip.model': 'ViT-L-14', 'clip.modle': 'tiny'}, "unknown key 'modle'"),
        ({'clip.modle': 'tiny'}, "unknown key 'modle'"),
    ],
)
def test_a_clip_that_is_none_is_one_sentence(options, match):
    with pytest.raises((TypeError, ValueError), match=match):
        read('deft/deft_digits_sym40.py', **options)


@pytest.mark.parametrize(
    ('options', 'match'),
    [
        (
            {'model.classifier.head.in_channels': 192},
            r'model\.classifier\.head\.in_channels=192, but .* have the width 128',
        ),
        (
            {'model.detector.head.clip': dict(model='RN50', pretrained='openai')},
            r'model\.detector\.head\.clip and model\.detector\.backbone\.clip are two CLIPs',
        ),
    ],
)
def test_what_does_not_fit_is_told_before_training(options, match):
    with pytest.raises(ValueError, match=match):
        check_clip(read('deft/deft_digits_sym40.py', **options))


def test_a_model_without_clip_has_none_to_exchange(tmp_path):
    path = tmp_path / 'resnet.py'
    path.write_text("_base_ = ['mmpretrain::resnet/resnet18_8xb16_cifar10.py']\n")
    with pytest.raises(ValueError, match='has no CLIP backbone'):
        read_config(str(path), {'clip.model': 'tiny'})


@pytest.mark.parametrize('name', ['deft/deft_digits_sym40.py', 'elr/elr_digits_sym40.py'])
def test_another_clip_trains_by_its_name_alone(name, folder, tmp_path, monkeypatch):
    options = [f'clip.model=local-dir:{folder}', 'train_cfg.max_epochs=2']
    options += ['train_dataloader.dataset.dataset.indices=60', 'val_dataloader.dataset.indices=20']
    if name.startswith('deft/'):
        options += [
            'default_hooks.noise_filter.detector_epochs=1',
            'default_hooks.noise_filter.selector.type=LabelMatchSelector',
            'model.detector.head.warmup_epochs=0',
        ]
    config = REPO / 'configs' / name
    tool(monkeypatch, 'train.py', config, '--work-dir', tmp_path, '--cfg-options', *options)
    assert json.loads((tmp_path / 'summary.json').read_text())['finished']
    # The config that the run has written says the same, and can be changed in the same way.
    written = read_config(str(tmp_path / config.name), {'clip.model': 'tiny'})
    assert all(clip == dict(model='tiny') for clip in clips_in(written))


@pytest.mark.parametrize(
    ('name', 'options'),
    [
        ('train.py', []),
        ('test.py', ['weights.pth']),
        ('clean.py', []),
        ('detect.py', ['--clip-only', '--out', 'selection.csv']),
    ],
)
def test_missing_data_are_told_before_weights_are_fetched(name, options, tmp_path, monkeypatch):
    def fetch(*args, **kwargs):
        raise AssertionError('the weights are asked for')

    monkeypatch.setattr(open_clip, 'download_pretrained', fetch)
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'weights.pth').touch()
    with pytest.raises((FileNotFoundError, ValueError), match='data/cub'):
        tool(monkeypatch, name, REPO / 'configs/deft/deft_cub_sym40.py', *options)
