"""AugmentingDataPreprocessor: what a model gets is what MMPretrain's pipeline would give."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mmengine.dataset import default_collate, pseudo_collate
from mmpretrain.registry import MODELS, TRANSFORMS
from mmpretrain.structures import DataSample

NORM = dict(mean=[120.0, 110.0, 100.0], std=[60.0, 61.0, 62.0], num_classes=5)
PACK = dict(type='PackInputs')
RESIZE = dict(type='Resize', scale=24, backend='pillow', interpolation='bilinear')


def ours(**cfg):
    cfg.setdefault('test_transforms', [dict(type='BatchResize', scale=24)])
    return MODELS.build(dict(type='AugmentingDataPreprocessor', **cfg))


def plain(**cfg):
    return MODELS.build(dict(type='ClsDataPreprocessor', **cfg))


def samples(pipeline: list[dict], sizes=((8, 8),) * 6, channels: int = 3) -> list[dict]:
    draw = np.random.RandomState(0)
    packed = []
    for i, size in enumerate(sizes):
        image = draw.randint(0, 256, (*size, channels), dtype=np.uint8)
        results = dict(img=image, gt_label=i % 5, sample_idx=i)
        for cfg in pipeline:
            results = TRANSFORMS.build(cfg)(results)
        packed.append(results)
    return packed


@pytest.mark.parametrize('collate', [default_collate, pseudo_collate])
@pytest.mark.parametrize('to_rgb', [False, True])
def test_evaluation_gives_the_values_of_the_cpu_pipeline(collate, to_rgb):
    one = ours(**NORM, to_rgb=to_rgb)(collate(samples([PACK])))
    two = plain(**NORM, to_rgb=to_rgb)(collate(samples([RESIZE, PACK])))
    # one grey level for ties
    torch.testing.assert_close(one['inputs'], two['inputs'], rtol=0, atol=1.001 / 60)
    assert (one['inputs'] != two['inputs']).float().mean() < 0.01
    assert one['inputs'].dtype == torch.float32
    for left, right in zip(one['data_samples'], two['data_samples'], strict=True):
        assert left.gt_label == right.gt_label and left.sample_idx == right.sample_idx


@pytest.mark.parametrize(
    'cfg',
    [
        NORM,
        dict(NORM, to_rgb=True, pad_size_divisor=16, pad_value=3),
        dict(NORM, to_onehot=True),
        dict(num_classes=5),
        dict(num_classes=5, to_rgb=True),
        dict(mean=[127.0], std=[60.0]),
    ],
)
@pytest.mark.parametrize('channels', [1, 3])
@pytest.mark.parametrize('collate', [default_collate, pseudo_collate])
def test_without_transforms_it_is_mmpretrains_preprocessor(cfg, channels, collate):
    one = ours(**cfg, test_transforms=[])(collate(samples([PACK], channels=channels)))
    two = plain(**cfg)(collate(samples([PACK], channels=channels)))
    assert torch.equal(one['inputs'], two['inputs'])
    for left, right in zip(one['data_samples'], two['data_samples'], strict=True):
        assert left.gt_label == right.gt_label
        if cfg.get('to_onehot'):
            assert torch.equal(left.gt_score, right.gt_score)


def test_training_and_testing_have_transforms_of_their_own():
    preprocessor = ours(
        **NORM,
        train_transforms=[
            dict(type='BatchRandomCrop', crop_size=8, padding=4),
            dict(type='BatchResize', scale=16),
        ],
    )
    batch = default_collate(samples([PACK]))
    first, second = (preprocessor(batch, training=True)['inputs'] for _ in range(2))
    assert first.shape == (6, 3, 16, 16) and not torch.equal(first, second)
    first, second = (preprocessor(batch, training=False)['inputs'] for _ in range(2))
    assert first.shape == (6, 3, 24, 24) and torch.equal(first, second)


def test_images_of_any_size_come_out_in_one_size():
    """An inferencer's images, in a batch that is not stacked."""
    sizes = [(8, 8), (40, 30), (24, 24)]
    one = ours(**NORM)(pseudo_collate(samples([PACK], sizes)))['inputs']
    two = plain(**NORM)(default_collate(samples([RESIZE, PACK], sizes)))['inputs']
    torch.testing.assert_close(one, two, rtol=0, atol=2.001 / 60)


def test_batches_without_labels_work_and_are_left_as_they_are():
    images = torch.rand(2, 3, 24, 24) * 255
    batch = dict(inputs=images.clone(), data_samples=[DataSample(), DataSample()])
    ours(**NORM)(batch)
    assert torch.equal(batch['inputs'], images)
    assert ours(**NORM)(dict(inputs=images))['inputs'].shape == images.shape


def test_batch_augmentations_see_the_transformed_batch():
    preprocessor = ours(
        **NORM,
        train_transforms=[dict(type='BatchResize', scale=16)],
        batch_augments=dict(augments=dict(type='Mixup', alpha=1.0)),
    )
    data = preprocessor(default_collate(samples([PACK])), training=True)
    assert data['inputs'].shape == (6, 3, 16, 16)
    assert data['data_samples'][0].gt_score.shape == (5,)


def test_transform_that_there_is_not_is_named():
    with pytest.raises(KeyError, match='BatchReSize'):
        ours(**NORM, train_transforms=[dict(type='BatchReSize', scale=8)])
