"""Small images, augmented and resized: on the device, in batches, against one by one on the CPU.

python benchmarks/data.py              # 32x32 -> 224x224, batch 64, without workers and with two
python benchmarks/data.py --small      # few small images; only checks agreement

Both read the same images from memory and prepare batches for a model: crop, mirror, resize,
normalise. The plain way is MMPretrain's: transforms of single images in the data set's pipeline,
normalisation in ClsDataPreprocessor. Ours packs the 32x32 bytes and leaves the rest to
AugmentingDataPreprocessor. Timed is all that it takes until a batch is ready, with no model. On a
machine without a GPU the device is the CPU itself: the work is not moved, only done in batches.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

import numpy as np
import torch
import torch.nn.functional as F
from comparison import (
    Peaks,
    check_agreement,
    describe,
    parse_args,
    peak_memory,
    report,
    time_in_turn,
)
from mmengine.dataset import default_collate
from mmpretrain.datasets import BaseDataset
from mmpretrain.registry import MODELS
from torch import Tensor
from torch.utils.data import DataLoader

from deft_mm.datasets import NoisyLabelDataset

BATCH_SIZE = 64
SIZE, SMALL_SIZE = 224, 64
NORM = dict(mean=[129.285, 124.185, 112.455], std=[68.085, 65.28, 70.38], num_classes=100)
# One grey level of 255, for values that Pillow rounds the other way.
EVALUATION_TOLERANCE = 1 / 128
# Of statistics of random augmentations, each of their own.
TRAINING_TOLERANCE = 0.05

PACK = dict(type='PackInputs')


def plain_pipeline(size: int, training: bool) -> list[dict]:
    """MMPretrain's transforms, as in ``configs/_base_/datasets/cifar100.py``."""
    crop = dict(type='RandomCrop', crop_size=32, padding=4)
    resize = dict(type='Resize', scale=size, backend='pillow', interpolation='bilinear')
    flip = dict(type='RandomFlip', prob=0.5, direction='horizontal')
    return [crop, resize, flip, PACK] if training else [resize, PACK]


def our_preprocessor(size: int) -> dict:
    """The same for a batch."""
    resize = dict(type='BatchResize', scale=size)
    return dict(
        type='AugmentingDataPreprocessor',
        train_transforms=[
            dict(type='BatchRandomCrop', crop_size=32, padding=4),
            dict(type='BatchRandomFlip', prob=0.5),
            resize,
        ],
        test_transforms=[resize],
        **NORM,
    )


class CIFARLike(BaseDataset):
    """Made-up images of 32x32 pixels, brighter towards one corner, in memory like CIFAR's.

    Args:
        count (int): How many.
        **kwargs: Other arguments of ``mmpretrain.datasets.BaseDataset``.
    """

    METAINFO = {'classes': tuple(f'class {i}' for i in range(100))}

    def __init__(self, count: int, **kwargs) -> None:
        self.count = count
        super().__init__(ann_file='', **kwargs)

    def load_data_list(self) -> list[dict]:
        """Draw the images."""
        draw = np.random.RandomState(0)
        ramp = np.add.outer(np.arange(32), np.arange(32))[..., None] * np.array([1.0, 2.0, 3.0])
        images = (ramp + draw.randint(0, 70, (self.count, 32, 32, 3))).astype(np.uint8)
        return [dict(img=image, gt_label=i % 100) for i, image in enumerate(images)]


class Way:
    """A data set, its dataloader and its preprocessor.

    Args:
        ours (bool): Whether this is our way or the plain one.
        count (int): Images.
        size (int): Height and width that the model wants.
        num_workers (int): Data-loading workers. Defaults to 0.
        device (str): Where batches are to be. Defaults to 'cpu'.
        training (bool): Whether to augment. Defaults to True.
    """

    def __init__(
        self,
        ours: bool,
        count: int,
        size: int,
        num_workers: int = 0,
        device: str = 'cpu',
        training: bool = True,
    ) -> None:
        pipeline = [PACK] if ours else plain_pipeline(size, training)
        cfg = our_preprocessor(size) if ours else dict(type='ClsDataPreprocessor', **NORM)
        self.loader = DataLoader(
            NoisyLabelDataset(CIFARLike(count, pipeline=pipeline)),
            BATCH_SIZE,
            num_workers=num_workers,
            collate_fn=default_collate,
            pin_memory=torch.device(device).type == 'cuda',
            persistent_workers=num_workers > 0,
        )
        self.preprocessor = MODELS.build(cfg).to(device)
        self.training = training

    def epoch(self) -> None:
        """Prepare all batches, and forget them."""
        for batch in self.loader:
            self.preprocessor(batch, self.training)

    def images(self) -> Tensor:
        """Prepare all batches, and keep them: (N, 3, H, W)."""
        return torch.cat([self.preprocessor(b, self.training)['inputs'] for b in self.loader])


def check(size: int, device: str) -> None:
    """Evaluation gives the same values, training the same distribution."""
    ours, plain = (
        Way(is_ours, BATCH_SIZE, size, device=device, training=False).images()
        for is_ours in (True, False)
    )
    what = f'data, evaluation, {device}'
    check_agreement(what, dict(images=ours), dict(images=plain), EVALUATION_TOLERANCE)
    # The distribution is that of places and mirror images, which the size does not change.
    ours, plain = (
        _statistics(Way(is_ours, 4096, SMALL_SIZE, device=device).images())
        for is_ours in (True, False)
    )
    check_agreement(f'data, training, {device}', ours, plain, TRAINING_TOLERANCE)


def _statistics(images_NCHW: Tensor) -> dict[str, Tensor]:
    """Mean and spread over images, by channel and place: padding and mirror images show there."""
    cells_NCPP = F.adaptive_avg_pool2d(images_NCHW, 16)
    return dict(mean=cells_NCPP.mean(dim=0), std=cells_NCPP.std(dim=0))


def compare(size: int, num_workers: int, device: str, args) -> None:
    ours, plain = (
        Way(is_ours, args.images, size, num_workers, device) for is_ours in (True, False)
    )
    times = time_in_turn(plain.epoch, ours.epoch, args.repeats, device)
    # Of this process, or of the GPU; workers need some beside it.
    peaks = Peaks(peak_memory(plain.epoch, device), peak_memory(ours.epoch, device))
    what = f'data, {num_workers} workers, {device}'
    report(what, times, peaks)
    speeds = (args.images / median(seconds) for seconds in (times.plain, times.ours))
    print('{}: plain {:.0f} images/s, ours {:.0f} images/s'.format(what, *speeds))


def main(argv: Sequence[str] | None = None) -> None:
    args = parse_args(__doc__.splitlines()[0], argv, images=3200, workers=[0, 2])
    size = SMALL_SIZE if args.small else SIZE
    np.random.seed(0)
    torch.manual_seed(0)
    for device in args.devices:
        print(describe(device))
        check(size, device)
        for num_workers in [] if args.small else args.workers:
            compare(size, num_workers, device, args)


if __name__ == '__main__':
    main()
