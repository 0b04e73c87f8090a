"""Runs of the real configs, small enough for a test: tiny random CLIP, tiny made-up images."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.datasets import BaseDataset
from mmpretrain.registry import DATASETS, TASK_UTILS

import deft_mm  # noqa: F401
from deft_mm.selection import Selector

REPO = Path(__file__).parent.parent
CONFIGS = sorted(path for path in REPO.glob('configs/*/*.py') if path.parent.name != '_base_')
TINY_WIDTH = 32
# A small model of the same kind, by how the name of a timm model begins, and its width.
SMALL_TIMM = dict(
    resnet50=('resnet10t', 512), convnext=('convnext_atto', 320), vit=('vit_tiny_patch16_224', 192)
)
TINY_CLIP = dict(
    model=dict(
        embed_dim=16,
        quick_gelu=True,
        vision_cfg=dict(image_size=32, patch_size=16, width=TINY_WIDTH, layers=2, head_width=16),
        text_cfg=dict(context_length=77, vocab_size=49408, width=TINY_WIDTH, heads=2, layers=2),
    ),
    pretrained=None,
)


@DATASETS.register_module()
class MadeUpImages(BaseDataset):
    """Images that show their class: each class lights a pixel block of its own, under noise."""

    def __init__(
        self, num_classes: int, num_samples: int = 24, labels: list[int] | None = None, **kwargs
    ) -> None:
        self.num_classes, self.num_samples, self.labels = num_classes, num_samples, labels
        kwargs.setdefault('metainfo', dict(classes=[f'class {i}' for i in range(num_classes)]))
        super().__init__(ann_file='', **kwargs)

    def load_data_list(self) -> list[dict]:
        draw = np.random.RandomState(0)
        samples = []
        for i in range(self.num_samples):
            label = i % self.num_classes
            image = draw.randint(0, 60, (32, 32, 3), dtype=np.uint8)
            row, column = divmod(label % 16, 4)
            image[8 * row : 8 * row + 8, 8 * column : 8 * column + 8] += 150
            given = label if self.labels is None else self.labels[i]
            samples.append(dict(img=image, gt_label=given))
        return samples


@TASK_UTILS.register_module()
class KeepEvenIndices(Selector):
    """Keeps every other sample, for tests in which it doesn't matter which."""

    def __call__(self, table) -> tuple[np.ndarray, np.ndarray]:
        return np.arange(len(table)) % 2 == 0, table.clean_prob


def tiny(
    path: str | Path,
    work_dir: str | Path,
    num_samples: int = 24,
    made_up_images: bool = True,
    **options,
) -> Config:
    """Read a config of the repo and exchange CLIP, classifier, data and length for tiny ones.

    Args:
        path: The config file, relative to ``configs/`` or absolute.
        work_dir: Where the run writes.
        num_samples: Training samples.
        made_up_images: Whether to exchange the data set, too.
        **options: Config keys to set afterwards, dots written as two underscores.
    """
    cfg = Config.fromfile(REPO / 'configs' / path)
    cfg.work_dir = str(work_dir)
    _exchange(cfg.model)
    _shorten(cfg)
    for split in ('train', 'val', 'test'):
        loader = cfg[f'{split}_dataloader']
        loader.update(batch_size=4, num_workers=0, persistent_workers=False)
        loader.collate_fn = dict(type='default_collate')
        if made_up_images:
            _exchange_dataset(loader, cfg, num_samples if split == 'train' else 6)
    if made_up_images:  # they have the size that the tiny CLIP takes
        for key in ('train_transforms', 'test_transforms'):
            cfg.data_preprocessor.pop(key, None)
    cfg.merge_from_dict({key.replace('__', '.'): value for key, value in options.items()})
    return cfg


def _exchange(model: dict) -> None:
    if isinstance(model, dict):
        if 'clip' in model:
            model['clip'] = copy.deepcopy(TINY_CLIP)
        if model.get('backbone', {}).get('type') == 'TIMMBackbone':
            name, width = SMALL_TIMM[model['backbone']['model_name'].split('_')[0].split('.')[0]]
            model['backbone'].update(model_name=name, pretrained=False)
            model['head']['in_channels'] = width
        if str(model.get('type', '')).startswith('CLIP') and model.get('out_type') == 'token':
            model['_width'] = True
        for value in model.values():
            _exchange(value)
        if model.get('backbone', {}).pop('_width', False):
            model['head']['in_channels'] = TINY_WIDTH


def _exchange_dataset(loader: dict, cfg: Config, num_samples: int) -> None:
    pipeline = [dict(type='PackInputs')]
    fake = dict(
        type='MadeUpImages',
        num_classes=num_classes_of(cfg),
        num_samples=num_samples,
        pipeline=pipeline,
    )
    if loader['dataset']['type'] == 'NoisyLabelDataset':
        loader['dataset']['dataset'] = fake
    else:
        loader['dataset'] = fake


def num_classes_of(cfg: Config) -> int:
    """Number of classes of a config's model."""
    model = cfg.model.get('detector', cfg.model)
    return model['head']['num_classes']


def _shorten(cfg: Config) -> None:
    """One epoch a stage, and settings that don't count on more."""
    cfg.train_cfg.max_epochs = 1
    if cfg.model.type == 'DeFT':
        noise_filter = cfg.default_hooks.noise_filter
        noise_filter.detector_epochs = min(noise_filter.detector_epochs, 1)
        cfg.train_cfg.max_epochs = noise_filter.detector_epochs + 1
        cfg.model.detector.head.pop('warmup_epochs', None)
        cfg.optim_wrapper.detector.pop('clip_grad', None)
        # The digits' own rates are for a CLIP that has been trained.
        if cfg.optim_wrapper.detector.pop('paramwise_cfg', None):
            cfg.optim_wrapper.detector.optimizer.lr = 0.01
    cfg.default_hooks.logger.interval = 1


class BatchOrder(Hook):
    """Notes the sample indices of every training batch."""

    def __init__(self) -> None:
        self.batches: list[tuple[int, list[int]]] = []

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        self.batches.append((runner.epoch, [s.sample_idx for s in data_batch['data_samples']]))


def run(cfg: Config) -> Runner:
    """Train, in a runner of its own."""
    cfg = copy.deepcopy(cfg)
    cfg.experiment_name = f'{Path(cfg.work_dir).name}_{np.random.randint(1 << 30)}'
    runner = Runner.from_cfg(cfg)
    runner.order = BatchOrder()
    runner.register_hook(runner.order)
    runner.train()
    return runner


def scalars(work_dir: str | Path) -> list[dict]:
    """The training log of the newest run in a work directory, times left out."""
    files = Path(work_dir).glob('*/vis_data/scalars.json')
    # Their folders are named by whole seconds.
    newest = max(files, key=lambda path: path.stat().st_mtime_ns)
    lines = [json.loads(line) for line in newest.read_text().splitlines()]
    hidden = ('time', 'data_time', 'memory')
    return [
        {key: value for key, value in line.items() if key not in hidden}
        for line in lines
        if 'loss' in line
    ]


def same_state(one: dict, two: dict) -> bool:
    """Whether two state dicts are equal bit for bit."""
    return one.keys() == two.keys() and all(torch.equal(one[key], two[key]) for key in one)
