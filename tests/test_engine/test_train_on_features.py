"""Prompts alone are trained on features that are computed once."""

import numpy as np
import pytest
import torch
from mmpretrain.datasets import PackInputs
from mmpretrain.registry import TRANSFORMS
from process_utils import run_tool

from clip_utils import RESNET, VIT
from deft_mm.models.backbones import CLIPResNet, CLIPVisionTransformer
from deft_mm.selection import read_selection
from runner_utils import run, same_state, tiny

CONFIG = 'deft/deft_digits_sym40_cautious.py'
NUM_SAMPLES = 26


@pytest.fixture
def seen(monkeypatch):
    """How many images the tower sees, batch by batch."""
    batches, embed = [], CLIPVisionTransformer._embed

    def counted(self, x):
        batches.append(len(x))
        return embed(self, x)

    monkeypatch.setattr(CLIPVisionTransformer, '_embed', counted)
    return batches


def config(work_dir, on_features=True, **options):
    """Stage 1 alone, three epochs, the same transforms in training as in evaluation."""
    cfg = tiny(CONFIG, work_dir, NUM_SAMPLES, train_cfg__max_epochs=3, **options)
    cfg.model.classifier = None
    cfg.optim_wrapper.pop('classifier', None)
    cfg.default_hooks.noise_filter.update(
        detector_epochs=None, train_on_features=on_features, detection_interval=1
    )
    cfg.default_hooks.checkpoint.max_keep_ckpts = -1
    cfg.train_dataloader.dataset.dataset.pipeline = cfg.val_dataloader.dataset.pipeline
    return cfg


def contexts(runner) -> torch.Tensor:
    return runner.model.detector.head.prompts.neg_ctx.detach()


def test_prompts_are_those_that_images_give_and_each_image_is_seen_once(tmp_path, seen):
    with_images = run(config(tmp_path / 'images', on_features=False))
    images, seen[:] = sum(seen), []
    on_features = run(config(tmp_path / 'features'))
    validated = 3 * 6
    assert images >= 6 * NUM_SAMPLES + validated  # trained on and scored in every epoch
    assert sum(seen) == NUM_SAMPLES + validated
    assert on_features.order.batches == with_images.order.batches
    first = torch.load(tmp_path / 'images/epoch_1.pth', weights_only=False)['state_dict']
    moved = contexts(with_images) - first['detector.head.prompts.neg_ctx']
    assert moved.abs().max() > 2e-2
    # Features are in half precision, and Adam makes steps of one size of gradients of any.
    torch.testing.assert_close(contexts(on_features), contexts(with_images), rtol=0, atol=2e-3)
    found, expected = (
        read_selection(tmp_path / name / 'selection.csv') for name in ('features', 'images')
    )
    np.testing.assert_allclose(found.clean_prob, expected.clean_prob, atol=2e-3)


def test_with_averaged_weights_the_selection_is_that_of_images(tmp_path):
    found = []
    for on_features in (False, True):
        cfg = config(tmp_path / str(on_features), on_features)
        cfg.custom_hooks = [*cfg.get('custom_hooks', []), dict(type='EMAHook', momentum=0.05)]
        run(cfg)
        found.append(read_selection(tmp_path / str(on_features) / 'selection.csv').clean_prob)
    run(config(tmp_path / 'plain'))
    plain = read_selection(tmp_path / 'plain/selection.csv').clean_prob
    np.testing.assert_allclose(*found, atol=2e-3)
    assert np.abs(found[1] - plain).max() > 4e-3  # the averaged weights are others


def test_resume_in_stage_one_equals_an_uninterrupted_run(tmp_path, seen):
    whole = run(config(tmp_path / 'whole'))
    seen.clear()
    cfg = config(
        tmp_path / 'again', default_hooks__noise_filter__features=f'{tmp_path}/whole/features'
    )
    cfg.resume, cfg.load_from = True, str(tmp_path / 'whole' / 'epoch_1.pth')
    again = run(cfg)
    assert [item for item in whole.order.batches if item[0] >= 1] == again.order.batches
    assert same_state(whole.model.state_dict(), again.model.state_dict())
    assert sum(seen) == 3 * 6  # of validation; that of epoch 1 had not been done


def test_two_processes_train_on_features(tmp_path):
    cfg = config(tmp_path)
    cfg.custom_imports = dict(imports=['deft_mm', 'runner_utils'], allow_failed_imports=False)
    cfg.dump(tmp_path / 'config.py')
    run_tool('train.py', [tmp_path / 'config.py'], tmp_path)
    log = ''.join(path.read_text() for path in tmp_path.glob('*/*.log'))
    assert 'Stage 1 trains on the features of 26 images' in log
    assert '26 of 26 images have features' in log
    assert (tmp_path / 'epoch_3.pth').exists()


@TRANSFORMS.register_module()
class PackAllButOne(PackInputs):
    """Fails as an image does that can't be read."""

    def transform(self, results):
        return None if results['sample_idx'] == 3 else super().transform(results)


def test_another_image_stands_in_for_one_that_cannot_be_read(tmp_path):
    cfg = config(tmp_path, default_hooks__noise_filter__skip_unreadable=True)
    cfg.default_hooks.noise_filter.pipeline = [dict(type='PackAllButOne')]
    runner = run(cfg)
    seen = [index for _, batch in runner.order.batches for index in batch]
    assert len(seen) >= 3 * NUM_SAMPLES and 3 not in seen and seen.count(4) == 2 * seen.count(5)
    assert not read_selection(tmp_path / 'selection.csv').kept[3]


@pytest.mark.parametrize(
    ('tower', 'cfg'), [(CLIPVisionTransformer, VIT), (CLIPResNet, RESNET)], ids=['vit', 'resnet']
)
def test_a_tower_hands_features_on(tower, cfg):
    features = torch.randn(2, cfg['embed_dim'])
    assert tower(clip=dict(model=cfg, pretrained=None))(features)[-1] is features


def test_stage_two_trains_on_images(tmp_path, seen):
    cfg = tiny(CONFIG, tmp_path, NUM_SAMPLES, train_cfg__max_epochs=3)
    cfg.default_hooks.noise_filter.update(detector_epochs=2, train_on_features=True)
    runner = run(cfg)
    assert runner.model.active_stage == 'classifier'
    assert type(runner.train_dataloader.dataset).__name__ == 'CleanSubset'
    image = runner.train_dataloader.dataset[0]['inputs']
    assert image.dim() == 3


def test_a_tower_that_is_trained_is_refused(tmp_path):
    cfg = tiny('deft/deft_digits_sym40.py', tmp_path)
    cfg.default_hooks.noise_filter.train_on_features = True
    with pytest.raises(ValueError, match='train_on_features=True .* model.detector.backbone.peft'):
        run(cfg)
