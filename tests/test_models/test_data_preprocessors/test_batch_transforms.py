"""Batch transforms give what MMPretrain's transforms of single images give."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
import torch
from mmpretrain.registry import BATCH_AUGMENTS, TRANSFORMS

from deft_mm.models.data_preprocessors import BatchRandomCrop, BatchRandomFlip, BatchResize


def random_images(*shape_BCHW: int) -> torch.Tensor:
    return torch.randint(0, 256, shape_BCHW, dtype=torch.uint8)


def single(transforms: list[dict], image_CHW: torch.Tensor) -> torch.Tensor:
    """Run MMPretrain's transforms on one image."""
    results = dict(img=image_CHW.permute(1, 2, 0).numpy().copy())
    for cfg in transforms:
        results = TRANSFORMS.build(cfg)(results)
    return torch.from_numpy(np.ascontiguousarray(results['img'])).permute(2, 0, 1)


@pytest.fixture(params=['bytes', 'two passes'])
def path(request, monkeypatch):
    """Both ways to resize; the second is a GPU's."""
    if request.param == 'two passes':
        monkeypatch.setattr(
            'deft_mm.models.data_preprocessors.batch_resize._CPU_RESIZES_BYTES', False
        )


def differences(before: tuple[int, int], scale) -> torch.Tensor:
    images = random_images(3, 3, *before)
    cfg = dict(type='Resize', scale=scale, backend='pillow', interpolation='bilinear')
    ours = BatchResize(scale)(images)
    pillow = torch.stack([single([cfg], image) for image in images])
    assert ours.dtype == torch.uint8 and ours.shape == pillow.shape
    return (ours.int() - pillow.int()).abs()


@pytest.mark.parametrize(
    ('before', 'scale'),
    [((8, 8), 32), ((28, 28), 224), ((32, 32), 224), ((64, 64), 256), ((30, 50), (100, 90))],
)
def test_images_enlarged_by_a_whole_number_have_the_bytes_of_pillow(before, scale, path):
    difference = differences(before, scale)
    # Ties may be rounded either way, which depends on the CPU.
    assert difference.max() <= 1 and (difference > 0).float().mean() < 0.001


@pytest.mark.parametrize(
    ('before', 'scale'), [((64, 64), 224), ((256, 256), 224), ((70, 50), (60, 33))]
)
def test_other_sizes_differ_from_pillows_by_two_of_255_at_most(before, scale, path):
    assert differences(before, scale).max() <= 2


def test_floating_images_are_resized_without_rounding():
    images = torch.rand(2, 3, 8, 8)
    resized = BatchResize(32)(images)
    assert resized.dtype == torch.float32 and resized.shape == (2, 3, 32, 32)
    assert len(resized.unique()) > 1000


def test_images_of_the_wanted_size_are_not_touched():
    images = random_images(2, 3, 32, 32)
    assert BatchResize(32)(images) is images


def outcomes(images) -> Counter:
    return Counter(image.numpy().tobytes() for image in images)


def test_crops_and_flips_have_the_distribution_of_mmpretrains():
    """All outcomes for a 3x3 image are known: 9 places times mirrored or not."""
    image = random_images(3, 3, 3)
    number = 1800
    batch = image.expand(number, 3, 3, 3)
    ours = BatchRandomFlip(0.5)(BatchRandomCrop(3, padding=1)(batch))
    cfgs = [
        dict(type='RandomCrop', crop_size=3, padding=1),
        dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    ]
    plain = [single(cfgs, image) for _ in range(number)]
    ours, plain = outcomes(ours), outcomes(plain)
    assert len(plain) == 18 and ours.keys() == plain.keys()
    # Binomial(1800, 1/18): mean 100, standard deviation 9.7; the draws are seeded
    assert all(60 < count < 140 for counts in (ours, plain) for count in counts.values())


@pytest.mark.parametrize('direction', ['horizontal', 'vertical'])
def test_flips_are_in_the_direction_asked_for_and_as_often(direction):
    images = random_images(1, 3, 4, 5).expand(2000, 3, 4, 5)
    mirrored = single([dict(type='RandomFlip', prob=1.0, direction=direction)], images[0])
    counts = outcomes(BatchRandomFlip(0.2, direction)(images))
    assert counts.keys() == outcomes([images[0], mirrored]).keys()
    assert 340 < counts[mirrored.contiguous().numpy().tobytes()] < 460


def test_same_seed_same_draws_and_pad_value_is_the_one_given():
    images = random_images(8, 3, 6, 6)
    crop = BatchRandomCrop((4, 5), padding=3, pad_val=7)
    torch.manual_seed(3)
    one = crop(images)
    torch.manual_seed(3)
    assert torch.equal(crop(images), one) and one.shape == (8, 3, 4, 5)
    assert BatchRandomCrop(12, padding=3, pad_val=7)(images)[0, 0, 0].tolist() == [7] * 12


@pytest.mark.parametrize(
    ('cfg', 'match'),
    [
        (dict(type='BatchResize', scale=0), r'BatchResize\.scale.*found 0'),
        (dict(type='BatchResize', scale=(1, 2, 3)), r'BatchResize\.scale'),
        (dict(type='BatchRandomCrop', crop_size='8'), r'BatchRandomCrop\.crop_size'),
        (dict(type='BatchRandomCrop', crop_size=8, padding=-1), r'BatchRandomCrop\.padding'),
        (dict(type='BatchRandomFlip', prob=2), r'BatchRandomFlip\.prob.*found 2'),
        (dict(type='BatchRandomFlip', direction='up'), "found 'up'"),
    ],
)
def test_wrong_setting_is_named(cfg, match):
    with pytest.raises(ValueError, match=match):
        BATCH_AUGMENTS.build(cfg)


def test_crop_larger_than_the_images_is_an_error():
    with pytest.raises(ValueError, match=r'crop_size=\(9, 9\) is larger than the images, \(8, 8\)'):
        BatchRandomCrop(9, padding=1)(random_images(1, 3, 6, 6))
