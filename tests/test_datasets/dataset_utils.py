"""Small data sets of real files and of images in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from mmengine.fileio import dump
from mmpretrain.datasets import BaseDataset, CustomDataset
from PIL import Image

PACK = [dict(type='PackInputs')]
LOAD_AND_PACK = [dict(type='LoadImageFromFile'), dict(type='PackInputs')]


def image_folder(root: Path, num_classes: int = 3, per_class: int = 4) -> Path:
    """Write a folder of small PNG files per class."""
    for label in range(num_classes):
        (root / f'class_{label}').mkdir(parents=True)
        for i in range(per_class):
            pixels = np.full((6, 5, 3), 20 * label + i, dtype=np.uint8)
            Image.fromarray(pixels).save(root / f'class_{label}' / f'{i}.png')
    return root


def folder_dataset(root: Path, **options) -> CustomDataset:
    """MMPretrain's data set of a folder per class."""
    # Serialising a data set runs the garbage collector, which takes longer than these tests.
    options.setdefault('serialize_data', False)
    options.setdefault('pipeline', LOAD_AND_PACK)
    return CustomDataset(data_prefix=str(root), **options)


def memory_dataset(tmp_path: Path, labels, classes, name: str = 'ann.json', **options):
    """MMPretrain's data set of an annotation file; its image paths lead nowhere."""
    samples = [
        dict(img_path=f'{i % 2}/{i}.png', gt_label=int(label)) for i, label in enumerate(labels)
    ]
    dump(dict(metainfo=dict(classes=list(classes)), data_list=samples), tmp_path / name)
    options.setdefault('serialize_data', False)
    options.setdefault('pipeline', PACK)
    return BaseDataset(ann_file=str(tmp_path / name), **options)
