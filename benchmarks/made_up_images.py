"""A data set of random images in memory, and batches of it."""

from __future__ import annotations

import numpy as np
from mmengine.registry import DefaultScope
from mmpretrain.datasets import BaseDataset
from mmpretrain.datasets.transforms import PackInputs


class MadeUpImages(BaseDataset):
    """Random images, decoded, whose labels are their indices modulo the number of classes.

    Args:
        n_images (int): N.
        n_classes (int): C.
        size (int): Height and width in pixels.
    """

    def __init__(self, n_images: int, n_classes: int, size: int) -> None:
        self.n_images, self.n_classes, self.size = n_images, n_classes, size
        classes = [f'class {i}' for i in range(n_classes)]
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            super().__init__(ann_file='', metainfo=dict(classes=classes), pipeline=[PackInputs()])

    def load_data_list(self) -> list[dict]:
        draw = np.random.RandomState(0)
        shape = (self.size, self.size, 3)
        return [
            dict(img=draw.randint(0, 256, shape, dtype=np.uint8), gt_label=i % self.n_classes)
            for i in range(self.n_images)
        ]
