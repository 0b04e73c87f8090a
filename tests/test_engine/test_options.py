"""An override that nothing reads is an error that names the nearest; one that is read passes."""

import argparse
import re

import pytest
from mmengine.config import Config
from mmengine.hooks import Hook
from mmpretrain.models import ImageClassifier, LinearClsHead, TIMMBackbone
from mmpretrain.registry import HOOKS
from torch.optim import SGD

from common_options import add_cfg_options
from deft_mm.datasets import ImageFolderDataset
from deft_mm.engine.config_readers import TOP_KEYS, taken_by
from deft_mm.engine.config_walk import parts_of
from deft_mm.engine.launch import read_config
from deft_mm.engine.options import merge_options, parse_options, read_options
from deft_mm.engine.read_keys import known_in
from runner_utils import CONFIGS as ALL_CONFIGS
from runner_utils import REPO

DATASET = 'train_dataloader.dataset'
FILTER = 'default_hooks.noise_filter'
BACKEND = 'visualizer.vis_backends.0'
CONFIGS = {
    name: REPO / 'configs' / name.split('_')[0] / f'{name}.py'
    for name in ('deft_digits_sym40', 'ce_digits_sym40', 'gmm_digits_sym40', 'deft_folder')
} | {
    'resnet50': REPO / 'configs/deft/deft_cifar100_sym60_resnet50.py',
    'idn50': REPO / 'configs/deft/deft_cifar100_idn50.py',
    'fixmatch': REPO / 'configs/fixmatch/fixmatch_digits_sym40.py',
    'sce': REPO / 'configs/sce/sce_digits_sym40.py',
    'small_loss': REPO / 'configs/small_loss/small_loss_digits_sym40.py',
    'webvision': REPO / 'configs/deft/deft_webvision.py',
}
# All but those that differ from another one in the noise alone.
DIFFERING_CONFIGS = [
    path
    for path in ALL_CONFIGS
    if not re.search(r'_(idn|sym)\d0$', path.stem) or path.stem.endswith('digits_sym40')
] + sorted(REPO.glob('configs/deft/*_sym40.py'))


def read(name: str, *pairs: str) -> Config:
    return read_config(str(CONFIGS[name]), parse_options(pairs))


@HOOKS.register_module()
class HookThatTakesAnything(Hook):
    def __init__(self, **options) -> None:
        self.options = options


@pytest.mark.parametrize(
    ('text', 'value'),
    [
        ('[polar bear, ice fox]', ['polar bear', 'ice fox']),
        ("['polar bear','ice fox']", ['polar bear', 'ice fox']),
        ('polar bear', 'polar bear'),
        ('/my images/list.csv', '/my images/list.csv'),
        ('[1, 2]', [1, 2]),
        ('[ 1 ,(a  b, c)]', [1, ('a  b', 'c')]),
    ],
)
def test_blanks_within_a_text_are_part_of_it(text, value):
    assert parse_options([f'classes={text}']) == dict(classes=value)


@pytest.mark.parametrize(
    ('name', 'pair', 'nearest'),
    [
        ('deft_digits_sym40', 'train_cgf.max_epochs=2', 'train_cfg'),
        ('deft_digits_sym40', 'train_cfg.max_epoch=2', 'train_cfg.max_epochs'),
        ('deft_digits_sym40', f'{DATASET}.nois.ratio=0.2', f'{DATASET}.noise'),
        ('deft_digits_sym40', f'{DATASET}.noise.ration=0.2', f'{DATASET}.noise.ratio'),
        ('deft_digits_sym40', f'{DATASET}.dataset.indces=9', f'{DATASET}.dataset.indices'),
        ('deft_digits_sym40', 'noise.ratio=0.2', f'{DATASET}.noise.ratio'),
        ('deft_digits_sym40', 'detector.head.recipe=cautious', 'model.detector'),
        ('deft_digits_sym40', 'train_dataloader.batchsize=2', 'train_dataloader.batch_size'),
        ('deft_digits_sym40', 'val_cfg.fp61=True', 'val_cfg.fp16'),
        ('deft_digits_sym40', 'model.clasifier=None', 'model.classifier'),
        ('deft_digits_sym40', 'model.detector.head.reciep=x', 'model.detector.head.recipe'),
        ('deft_digits_sym40', 'model.classifier.head.topks=3', 'model.classifier.head.topk'),
        ('deft_digits_sym40', 'optim_wrapper.detectr.lr=1', 'optim_wrapper.detector'),
        (
            'deft_digits_sym40',
            'optim_wrapper.detector.optimizer.rl=1',
            'optim_wrapper.detector.optimizer.lr',
        ),
        (
            'deft_digits_sym40',
            'optim_wrapper.detector.optimiser.lr=1',
            'optim_wrapper.detector.optimizer',
        ),
        ('deft_digits_sym40', 'param_scheduler.detectr=None', 'param_scheduler.detector'),
        (
            'deft_digits_sym40',
            'default_hooks.noise_filter.batchsize=1',
            'default_hooks.noise_filter.batch_size',
        ),
        ('deft_digits_sym40', 'default_hooks.logge.interval=1', 'default_hooks.logger'),
        ('deft_digits_sym40', 'default_hooks.noise_fliter=None', 'default_hooks.noise_filter'),
        ('deft_digits_sym40', 'randomness.sed=1', 'randomness.seed'),
        ('deft_digits_sym40', 'env_cfg.dist_cgf.timeout=1', 'env_cfg.dist_cfg'),
        ('deft_digits_sym40', 'auto_scale_lr.enabled=True', 'auto_scale_lr.enable'),
        ('ce_digits_sym40', 'optim_wrapper.optimiser.lr=1', 'optim_wrapper.optimizer'),
        ('ce_digits_sym40', 'optim_wrapper.clip_gard.max_norm=1', 'optim_wrapper.clip_grad'),
        ('ce_digits_sym40', 'param_scheduler.eta_mn=0', 'param_scheduler.eta_min'),
        ('ce_digits_sym40', 'model.head.los.type=GCELoss', 'model.head.loss'),
        (
            'gmm_digits_sym40',
            'default_hooks.noise_filter.begn=2',
            'default_hooks.noise_filter.begin',
        ),
        ('deft_folder', 'data_rot=/x', 'data_root'),
        (
            'deft_folder',
            'visualizer.vis_backends.0.save_dri=x',
            'visualizer.vis_backends.0.save_dir',
        ),
    ],
)
def test_key_that_nothing_reads_is_refused_with_the_nearest(name, pair, nearest):
    key = pair.split('=')[0]
    with pytest.raises(ValueError, match=rf"'{re.escape(key)}' changes nothing") as error:
        read(name, pair)
    assert f"is it '{nearest}" in str(error.value) and f'+{key}' in str(error.value)
    cfg = read(name, f'+{pair}')  # it is meant
    for part in key.split('.'):
        cfg = cfg[int(part) if part.isdigit() else part]


@pytest.mark.parametrize(
    ('name', 'pair', 'place'),
    [
        ('small_loss', 'noise_ratio=0.2', 'model.head.loss.noise_ratio'),
        ('deft_digits_sym40', 'vis_backends.0.save_dir=x', 'visualizer.vis_backends.0.save_dir'),
        ('deft_digits_sym40', 'train_pipeline.0.type=x', f'{DATASET}.dataset.pipeline.0.type'),
        # dicts that a config spreads in another, `dict(**images, split='val')`, or adds to
        ('deft_folder', 'images.val_ratio=0.2', f'{DATASET}.dataset.val_ratio'),
        ('deft_folder', 'images.val_ratio=0.2', 'test_dataloader.dataset.val_ratio'),
        (
            'fixmatch',
            'strength.num_policies=1',
            'classifier_dataset.strong_pipeline.2.num_policies',
        ),
        ('sce', 'classifier.backbone.out_type=x', 'model.backbone.out_type'),
    ],
)
def test_variable_of_the_config_file_is_refused_with_what_was_made_of_it(name, pair, place):
    with pytest.raises(ValueError, match='is a variable') as error:
        read(name, pair)
    assert place in str(error.value)
    read(name, f'+{pair}')


@pytest.mark.parametrize(
    ('name', 'pairs'),
    [
        # of the documentation and the configs' own comments
        ('deft_digits_sym40', 'optim_wrapper.dtype=bfloat16 compile=True'),
        ('deft_digits_sym40', 'compile.backend=eager'),
        ('deft_digits_sym40', 'default_hooks.noise_filter.selector.type=LabelMatchSelector'),
        ('deft_digits_sym40', 'default_hooks.noise_filter.selection=work_dirs/selection.csv'),
        ('deft_digits_sym40', 'default_hooks.noise_filter.limits.max_rejected=0.8'),
        ('deft_digits_sym40', 'default_hooks.noise_filter.detection_interval=1'),
        (
            'deft_digits_sym40',
            f'{FILTER}.classifier_dataset.type=RelabelledSubset',
        ),
        ('deft_digits_sym40', 'default_hooks.noise_filter.batch_size=32'),
        ('deft_digits_sym40', 'model.classifier=None'),
        ('deft_digits_sym40', 'model.classifier.backbone.peft=None'),
        ('deft_digits_sym40', 'model.detector.head.text_memory_gb=8.0'),
        ('deft_digits_sym40', 'optim_wrapper.detector.optimizer.fused=False'),
        ('deft_digits_sym40', 'train_dataloader.persistent_workers=False'),
        ('deft_digits_sym40', f'{DATASET}.noise_file=data/noise/x.npz'),
        (
            'deft_folder',
            'data_root=x train_path=train val_path=val val_ratio=0.2 classes=[a,b]',
        ),
        # what a run may need besides
        ('deft_digits_sym40', f'{DATASET}.noise.type=AsymmetricNoise {DATASET}.noise.mapping=None'),
        ('deft_digits_sym40', f'{DATASET}.dataset.indices=24 {DATASET}.dataset.lazy_init=True'),
        ('deft_digits_sym40', f'{DATASET}.dataset.pipeline.0.type=PackInputs'),
        ('deft_digits_sym40', 'train_dataloader.sampler.round_up=False'),
        ('deft_digits_sym40', 'train_dataloader.num_batch_per_epoch=3 train_dataloader.timeout=5'),
        ('deft_digits_sym40', 'train_dataloader.drop_last=True val_dataloader.prefetch_factor=2'),
        ('deft_digits_sym40', 'train_cfg.val_begin=2 train_cfg.by_epoch=True val_cfg.fp16=True'),
        ('deft_digits_sym40', 'train_cfg.type=IterBasedTrainLoop train_cfg.max_iters=3'),
        ('deft_digits_sym40', 'optim_wrapper.accumulative_counts=2 optim_wrapper.loss_scale=512'),
        ('deft_digits_sym40', 'optim_wrapper.detector.paramwise_cfg.norm_decay_mult=0'),
        ('deft_digits_sym40', 'optim_wrapper.classifier.clip_grad.max_norm=1'),
        ('deft_digits_sym40', 'param_scheduler.detector.begin=1 param_scheduler.detector.end=3'),
        ('ce_digits_sym40', 'param_scheduler.convert_to_iter_based=True param_scheduler.T_max=9'),
        ('ce_digits_sym40', 'optim_wrapper.optimizer.nesterov=True'),
        ('ce_digits_sym40', 'optim_wrapper.optimizer.type=AdamW optim_wrapper.optimizer.eps=1e-9'),
        ('ce_digits_sym40', 'model.head.loss.type=GCELoss model.head.loss.q=0.7'),
        ('ce_digits_sym40', 'model.head.init_cfg=None model.train_cfg.augments=Mixup'),
        ('ce_digits_sym40', 'default_hooks.ema.type=EMAHook default_hooks.ema.momentum=1e-4'),
        ('ce_digits_sym40', 'default_hooks.ema.type=EMAHook default_hooks.ema.update_buffers=True'),
        ('ce_digits_sym40', 'default_hooks.checkpoint.save_best=auto default_hooks.timer=None'),
        ('ce_digits_sym40', 'default_hooks.x.type=HookThatTakesAnything default_hooks.x.a.b=1'),
        ('ce_digits_sym40', 'default_hooks.logger.priority=LOW'),
        ('ce_digits_sym40', 'randomness.deterministic=True randomness.diff_rank_seed=True'),
        ('ce_digits_sym40', 'env_cfg.dist_cfg.timeout=1800 env_cfg.resource_limit=9999'),
        ('ce_digits_sym40', 'log_processor.window_size=5 log_processor.by_epoch=True'),
        ('ce_digits_sym40', 'resume=True load_from=x.pth launcher=none work_dir=x log_level=INFO'),
        ('ce_digits_sym40', 'experiment_name=x sync_bn=torch find_unused_parameters=True'),
        ('ce_digits_sym40', 'auto_scale_lr.enable=True auto_scale_lr=None'),
        ('ce_digits_sym40', 'val_dataloader=None val_cfg=None val_evaluator=None'),
        ('ce_digits_sym40', 'val_evaluator.topk=[1,5] visualizer.name=x'),
        ('resnet50', 'model.classifier.backbone.drop_rate=0.1'),  # an option of timm's
        ('resnet50', 'data_preprocessor.to_rgb=True data_preprocessor.pad_size_divisor=32'),
        ('webvision', f'{DATASET}.dataset.data_root=/x train_dataloader.num_workers=2'),
    ],
)
def test_key_that_is_read_passes(name, pairs):
    read(name, *pairs.split())


def test_key_of_a_class_that_another_override_names_is_that_class_s():
    key = 'default_hooks.noise_filter.selector'
    delete = f'{key}._delete_=True'
    read('webvision', delete, f'{key}.type=ThresholdSelector', f'{key}.threshold=0.3')
    with pytest.raises(ValueError, match=rf"{key}\.treshold.*is it '{key}\.threshold"):
        read('webvision', delete, f'{key}.type=ThresholdSelector', f'{key}.treshold=0.3')


def test_list_takes_its_indices_and_nothing_else():
    key = f'{DATASET}.dataset.pipeline'
    cfg = read('deft_digits_sym40', f'{key}.0.type=PackInputs')
    assert cfg.train_dataloader.dataset.dataset.pipeline[0].type == 'PackInputs'
    for index in ('9', 'first', '-1'):
        with pytest.raises(ValueError, match=f'{key!r} is a list of .*{index}'):
            read('deft_digits_sym40', f'{key}.{index}.type=PackInputs')


def test_value_has_no_keys_until_a_dict_replaces_it():
    pair = 'train_dataloader.batch_size.first=1'
    with pytest.raises(ValueError, match=r"'train_dataloader\.batch_size' is \d+.*no keys"):
        read('ce_digits_sym40', pair)
    peft = 'model.backbone.peft'
    with pytest.raises(ValueError, match=rf"'{peft}' is None.*{peft}\._delete_=True"):
        merge_options(read('ce_digits_sym40', f'{peft}=None'), {f'{peft}.type': 'VPT'})
    cfg = read('ce_digits_sym40', f'{peft}=None')
    merge_options(cfg, {f'{peft}._delete_': True, f'{peft}.type': 'VPT'})
    assert cfg.model.backbone.peft.type == 'VPT'


def test_arguments_are_followed_through_kwargs_to_where_they_end():
    assert {'num_classes', 'in_channels', 'topk', 'cal_acc', 'init_cfg'} <= taken_by(LinearClsHead)
    assert 'kwargs' not in taken_by(LinearClsHead) and 'self' not in taken_by(LinearClsHead)
    assert {'data_root', 'val_ratio', 'indices', 'lazy_init'} <= taken_by(ImageFolderDataset)
    assert 'train_cfg' in taken_by(ImageClassifier) and 'momentum' in taken_by(SGD)
    assert taken_by(TIMMBackbone) is None and taken_by(HookThatTakesAnything) is None


def test_variable_is_refused_in_the_config_of_a_run_whose_data_are_known(tmp_path):
    path = str(tmp_path / 'deft_folder.py')
    read('deft_folder', f'data_root={tmp_path}', 'classes=[cat,dog]').dump(path)
    with pytest.raises(ValueError, match="'images' is a variable") as error:
        read_config(path, {'images.data_root': 'elsewhere'})
    assert f'{DATASET}.dataset.data_root' in str(error.value)


def options_of(*argv: str) -> dict:
    parser = argparse.ArgumentParser()
    add_cfg_options(parser)
    args = parser.parse_args(argv)
    read_options(args)
    return args.cfg_options


def test_options_of_the_command_line_are_collected():
    argv = ['--cfg-options', 'a.b=1', 'c=[x,2]', '--cfg-options', '+d=None', 'a.b=3']
    assert options_of(*argv) == {'a.b': 3, 'c': ['x', 2], '+d': None}
    assert options_of() == {}


@pytest.mark.parametrize('text', ['foo', '=3'])
def test_text_that_is_no_option_is_a_mistake_of_the_command_line(text, capsys):
    with pytest.raises(SystemExit):
        options_of('--cfg-options', text)
    assert repr(text) in capsys.readouterr().err
    with pytest.raises(ValueError, match=re.escape(f'An override is KEY=VALUE, found {text!r}')):
        parse_options([text])


@pytest.mark.parametrize('text', ['a=[1,2', 'a=[dict(type=b,c=1)]'])
def test_option_with_a_value_that_is_none_names_itself(text):
    with pytest.raises(ValueError, match=rf'^--cfg-options: .*{re.escape(repr(text))}'):
        options_of('--cfg-options', text)


def test_data_sets_take_whole_values_over_and_not_their_parts(tmp_path):
    path = tmp_path / 'mine.py'
    noise = "noise = dict(type='SymmetricNoise', ratio=0.4, seed=0)"
    path.write_text(f"_base_ = '{CONFIGS['ce_digits_sym40']}'\n{noise}\n")
    with pytest.raises(ValueError, match=rf"'noise' is a variable.*{DATASET}\.noise\.ratio"):
        read_config(str(path), {'noise.ratio': 0.2})
    cfg = read_config(str(path), {'noise': 'other'})
    assert cfg.train_dataloader.dataset.noise == 'other'


def test_every_key_of_every_config_would_be_read_if_it_were_new():
    """The rule finds what classes take, in whatever part of a config they stand."""
    unread = set()
    for path in DIFFERING_CONFIGS:
        cfg = Config.fromfile(path).to_dict()
        for key, part in parts_of(cfg):
            known = known_in(key.split('.'), part, cfg) if isinstance(part, dict) and key else None
            if known is not None and key.partition('.')[0] in TOP_KEYS:
                unread |= {f'{key}.{name}' for name in set(part) - known}
    assert unread == set()


@pytest.mark.parametrize('name', ['visualization', 'noise_filter', 'guard'])
def test_hook_that_is_none_is_taken_away(name):
    cfg = read_config(str(CONFIGS['deft_digits_sym40']), {f'default_hooks.{name}': None})
    assert cfg.default_hooks[name] is None
