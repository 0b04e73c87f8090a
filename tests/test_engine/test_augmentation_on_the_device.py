"""Both stages, scoring, testing and inference with AugmentingDataPreprocessor."""

from __future__ import annotations

import mmengine
import numpy as np
import pytest
import torch
from mmpretrain import ImageClassificationInferencer, get_model

from deft_mm.datasets import sample_table_of
from deft_mm.engine.scoring_pass import score_samples
from runner_utils import MadeUpImages, run, same_state, scalars, tiny
from tool_utils import tool

CONFIG = 'deft/deft_digits_sym40.py'
PREPROCESSOR = dict(
    type='AugmentingDataPreprocessor',
    train_transforms=[
        dict(type='BatchRandomCrop', crop_size=24, padding=2),
        dict(type='BatchRandomFlip', prob=0.5),
        dict(type='BatchResize', scale=32),
    ],
    test_transforms=[dict(type='BatchResize', scale=32)],
)


def config(work_dir, **options):
    cfg = tiny(CONFIG, work_dir, num_samples=8, **options)
    cfg.data_preprocessor.update(PREPROCESSOR)
    # EMA has a copy of the model, preprocessor included
    cfg.custom_hooks = [dict(type='mmengine.EMAHook', momentum=0.1)]
    cfg.default_hooks.noise_filter.selector = dict(type='KeepEvenIndices')
    return cfg


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    """A run of both stages, two epochs each."""
    work_dir = tmp_path_factory.mktemp('whole')
    cfg = config(work_dir, train_cfg__max_epochs=4, default_hooks__checkpoint__max_keep_ckpts=-1)
    cfg.default_hooks.noise_filter.detector_epochs = 2
    cfg.dump(work_dir / 'config.py')
    return run(cfg), cfg


@pytest.mark.parametrize('epoch', [1, 3])
def test_resume_augments_as_an_uninterrupted_run(whole, tmp_path, epoch):
    runner, cfg = whole
    work_dir = cfg.work_dir
    cfg = cfg.copy()
    cfg.work_dir = str(tmp_path)
    cfg.resume, cfg.load_from = True, f'{work_dir}/epoch_{epoch}.pth'
    resumed = run(cfg)
    assert same_state(resumed.model.state_dict(), runner.model.state_dict())
    assert scalars(tmp_path) == [line for line in scalars(work_dir) if line['epoch'] > epoch]


def test_training_is_augmented_and_scoring_is_not(whole):
    runner, _ = whole
    dataset = MadeUpImages(10, 8, pipeline=[])
    detector = runner.model.detector
    seen = []
    handle = detector.backbone.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    for _ in range(2):
        table = sample_table_of(dataset)
        score_samples(detector, dataset, table, [dict(type='PackInputs')], batch_size=8)
    handle.remove()
    assert seen[0].shape == (8, 3, 32, 32) and torch.equal(*seen)
    pre = detector.data_preprocessor
    images = torch.from_numpy(np.stack([dataset[i]['img'] for i in range(8)])).permute(0, 3, 1, 2)
    assert torch.equal(seen[0], (images - pre.mean) / pre.std)
    torch.manual_seed(0)
    assert not torch.equal(pre(dict(inputs=images), training=True)['inputs'], seen[0])


@pytest.mark.parametrize('options', [(), ('--tta',)])
def test_testing_gives_the_accuracy_of_the_validation(whole, tmp_path, monkeypatch, options):
    _, cfg = whole
    out = tmp_path / 'metrics.json'
    checkpoint = f'{cfg.work_dir}/epoch_4.pth'
    arguments = [f'{cfg.work_dir}/config.py', checkpoint, '--work-dir', tmp_path, *options]
    arguments += ['--out', out, '--out-item', 'metrics']
    tool(monkeypatch, 'test.py', *arguments)
    accuracy = mmengine.load(out)['accuracy/top1']
    if not options:
        printed = mmengine.load(f'{cfg.work_dir}/summary.json')['epochs'][-1]['metrics']
        assert accuracy == printed['accuracy/top1']


def test_inferencer_takes_images_of_any_size(whole):
    _, cfg = whole
    model = get_model(f'{cfg.work_dir}/config.py', pretrained=f'{cfg.work_dir}/epoch_4.pth')
    image = np.random.RandomState(0).randint(0, 256, (50, 41, 3), dtype=np.uint8)
    inputs = []
    model.active.backbone.register_forward_pre_hook(lambda _, args: inputs.append(args[0]))
    found = ImageClassificationInferencer(model)([image, image[:20]])
    assert len(found) == 2 and {tuple(batch.shape) for batch in inputs} == {(1, 3, 32, 32)}
