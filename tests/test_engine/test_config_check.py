"""What people rightly write in a config passes its check."""

from __future__ import annotations

import functools
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NewType, TypeVar

import mmpretrain
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS, MODELS, RUNNERS

from deft_mm.engine.config_check import check_config
from deft_mm.models import DualPromptHead
from runner_utils import REPO

if TYPE_CHECKING:
    from nowhere import Unknown

CE = REPO / 'configs/ce/ce_digits_sym40.py'
DEFT = REPO / 'configs/deft/deft_digits_sym40.py'
THEIRS = Path(mmpretrain.__file__).parent / '.mim/configs'
T = TypeVar('T')


@HOOKS.register_module()
class WithoutTypes:
    def __init__(self, values, often=None, **rest):
        pass


@HOOKS.register_module()
class WithOddTypes:
    def __init__(
        self,
        values: Unknown,
        often: T | Annotated[int, 'of epochs'] = 'never',
        unit: NewType('Unit', str) = None,
        where: 'a text or a list' = (),  # noqa: F722
        size: int = None,
    ):
        pass


@MODELS.register_module()
class OwnHead(DualPromptHead):
    def __init__(self, *args, tau, **kwargs):
        super().__init__(*args, **kwargs)


@RUNNERS.register_module()
class OwnRunner(Runner):
    pass


def own_function(x):
    return x


@pytest.fixture(params=[CE, DEFT], ids=['plain', 'DeFT'])
def cfg(request):
    return Config.fromfile(request.param)


def passes(cfg: Config) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        check_config(cfg)


@pytest.mark.parametrize('kind', ['WithoutTypes', 'WithOddTypes', WithOddTypes])
@pytest.mark.parametrize('value', [None, 1, 'a', [1, 'a'], {'a': 1}, own_function, np.ones(2)])
def test_class_of_one_s_own_takes_anything(cfg, kind, value):
    cfg.custom_hooks = [dict(type=kind, values=value, often=value, priority='LOW')]
    passes(cfg)


@pytest.mark.parametrize(
    'options',
    [
        dict(where=[3], size=None),
        dict(where={}, size=2.0),
        dict(unit='px', size=np.int64(3)),
        dict(often=3, size=(1, 2)),
    ],
)
def test_types_of_others_need_not_be_true(cfg, options):
    cfg.custom_hooks = [dict(type='WithOddTypes', values=1, **options)]
    passes(cfg)


@pytest.mark.parametrize(
    'value', [0, 1, 0.4, np.float32(0.4), np.float64(0.4), np.int64(0), np.float32(0.4).item()]
)
def test_a_number_may_be_numpy_s(cfg, value):
    cfg.train_dataloader.dataset.noise = dict(type='SymmetricNoise', ratio=value, seed=np.int32(1))
    passes(cfg)


@pytest.mark.parametrize(
    'noise',
    [
        dict(type='AsymmetricNoise', ratio=0.2, mapping='next'),
        dict(type='AsymmetricNoise', ratio=0.2, mapping=[1, 2, 0]),
        dict(type='AsymmetricNoise', ratio=0.2, mapping=(1, 2, 0)),
        dict(type='AsymmetricNoise', ratio=0.2, mapping={0: 1, np.int64(1): 2}),
        dict(type='SymmetricNoise', ratio=0.2, _delete_=True, _scope_='mmpretrain'),
        dict(type='mmpretrain.SymmetricNoise', ratio=0.2),
        own_function,
        functools.partial(own_function, 1),
        None,
    ],
)
def test_noise_in_all_its_forms(cfg, noise):
    cfg.train_dataloader.dataset.noise = noise
    passes(cfg)


def test_subclass_with_arguments_of_its_own():
    cfg = Config.fromfile(DEFT)
    cfg.model.detector.head.update(type='OwnHead', tau='any', n_ctx=np.int64(4))
    passes(cfg)
    cfg.model.detector.head.n_ctx = 'four'
    with pytest.raises(TypeError, match="n_ctx='four': n_ctx of DualPromptHead takes an integer"):
        check_config(cfg)


@pytest.mark.parametrize(
    'change',
    [
        dict(train_cfg=dict(by_epoch=False, max_iters=10, val_interval=5)),
        dict(train_cfg=dict(type='IterBasedTrainLoop', max_iters=10, val_interval=5)),
        dict(train_cfg=dict(max_epochs=5, dynamic_intervals=[(3, 1)])),
        dict(runner_type='OwnRunner', my_settings=dict(a=1)),
        dict(val_cfg=None, val_dataloader=None, val_evaluator=None),
        dict(test_cfg=dict(fp16=True)),
        dict(val_evaluator=[dict(type='Accuracy', topk=(1, 5)), dict(type='SingleLabelMetric')]),
        dict(param_scheduler=None),
        dict(load_from='https://example.org/weights.pth', log_level='DEBUG'),
        dict(randomness=dict(seed=None, diff_rank_seed=True)),
        dict(optim_wrapper=dict(type='AmpOptimWrapper', optimizer=dict(type='AdamW', lr=1e-3))),
        dict(optim_wrapper=dict(optimizer=dict(type=torch.optim.SGD, lr=1, momentum=0))),
        dict(auto_scale_lr=dict(base_batch_size=256, enable=True)),
        dict(train_cfg=dict(max_epochs=2.0, val_interval=1)),
        dict(
            param_scheduler=dict(
                type='LinearLR', start_factor=0.1, end=0.5, convert_to_iter_based=True
            )
        ),
        dict(
            default_hooks=dict(
                checkpoint=dict(type='CheckpointHook', interval=-1, max_keep_ckpts=-1),
                visualization=dict(type='VisualizationHook', enable=True, draw_score=False),
            )
        ),
        dict(env_cfg=dict(dist_cfg=dict(backend='nccl', timeout=60, init_backend='torch'))),
    ],
    ids=lambda change: next(iter(change)),
)
def test_settings_of_mmengine(change):
    cfg = Config.fromfile(CE)
    for key, value in change.items():
        cfg[key] = value
    passes(cfg)


@pytest.mark.parametrize(
    'settings',
    [
        dict(clip_grad=dict(type='value', clip_value=0.5)),
        dict(clip_grad=dict(max_norm=5, norm_type='inf', error_if_nonfinite=True)),
        dict(paramwise_cfg=dict(norm_decay_mult=0, custom_keys={'.head': dict(lr_mult=0.1)})),
        dict(
            constructor='LearningRateDecayOptimWrapperConstructor',
            paramwise_cfg=dict(layer_decay_rate=0.7),
        ),
        dict(constructor='MyConstructor', paramwise_cfg=dict(mine=1), mine=2),
    ],
    ids=lambda settings: '-'.join(settings),
)
def test_settings_of_an_optimiser(settings):
    cfg = Config.fromfile(CE)
    cfg.optim_wrapper.update(settings)
    passes(cfg)
    if settings.get('constructor') != 'MyConstructor':
        cfg = Config.fromfile(DEFT)
        cfg.optim_wrapper.detector = dict(cfg.optim_wrapper.detector, **settings)
        passes(cfg)


def test_data_set_may_begin_with_its_last_samples(cfg):
    cfg.val_dataloader.dataset.indices = -3
    passes(cfg)


THEIR_CONFIGS = [
    'resnet/resnet18_8xb16_cifar10.py',
    'vision_transformer/vit-base-p16_32xb128-mae_in1k.py',
    'swin_transformer/swin-tiny_16xb64_in1k.py',
    'convnext/convnext-tiny_32xb128_in1k.py',
    'mae/mae_vit-base-p16_8xb512-amp-coslr-300e_in1k.py',
    'mocov3/mocov3_resnet50_8xb512-amp-coslr-100e_in1k.py',
]


@pytest.mark.parametrize('path', THEIR_CONFIGS)
def test_config_of_mmpretrain(path):
    passes(Config.fromfile(THEIRS / path))


def test_config_that_inherits_one_of_mmpretrain_and_imports_a_class(tmp_path, monkeypatch):
    (tmp_path / 'my_own_hooks.py').write_text(
        'from mmpretrain.registry import HOOKS\nfrom mmengine.hooks import Hook\n\n\n'
        '@HOOKS.register_module(force=True)\nclass MyOwnHook(Hook):\n'
        '    def __init__(self, how):\n        pass\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / 'mine.py').write_text(
        "_base_ = 'mmpretrain::resnet/resnet18_8xb16_cifar10.py'\n"
        "custom_imports = dict(imports=['my_own_hooks', 'deft_mm'], allow_failed_imports=False)\n"
        "custom_hooks = [dict(type='MyOwnHook', how=dict(a=1))]\n"
        "model = dict(head=dict(_delete_=True, type='LinearClsHead', num_classes=10,\n"
        "    in_channels=512, loss=dict(type='GCELoss', q=0.7)))\n"
    )
    passes(Config.fromfile(tmp_path / 'mine.py'))


def test_config_of_classes_in_place_of_names(tmp_path):
    (tmp_path / 'base.py').write_text(
        'from mmpretrain.models import GlobalAveragePooling, ImageClassifier\n'
        'from mmpretrain.models import LinearClsHead, ResNet\n'
        'from torch.optim import SGD\n\n'
        'model = dict(type=ImageClassifier, backbone=dict(type=ResNet, depth=18),\n'
        '    neck=dict(type=GlobalAveragePooling),\n'
        '    head=dict(type=LinearClsHead, num_classes=10, in_channels=512))\n'
        'optim_wrapper = dict(optimizer=dict(type=SGD, lr=0.1))\n'
    )
    (tmp_path / 'mine.py').write_text(
        'from mmengine.config import read_base\n\nwith read_base():\n    from .base import *\n\n'
        'from deft_mm.models import GCELoss\n\nmodel.head.loss = dict(type=GCELoss, q=0.7)\n'
    )
    cfg = Config.fromfile(tmp_path / 'mine.py')
    passes(cfg)
    cfg.model.head.loss.q = 'much'
    with pytest.raises(TypeError, match=r"head\.loss\.q='much': q of GCELoss takes a number"):
        check_config(cfg)
