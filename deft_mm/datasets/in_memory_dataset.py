"""Images decoded once and kept in memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.dataset import Compose, force_full_init
from mmengine.logging import print_log
from mmpretrain.registry import DATASETS

from deft_mm.datasets.chain import clean_labels_of, given_labels_of
from deft_mm.datasets.dataset_wrapper import DatasetWrapper
from deft_mm.datasets.in_threads import in_threads
from deft_mm.progress import Progress

GIB = 2**30


@DATASETS.register_module()
class InMemoryDataset(DatasetWrapper):
    """Decode the images of a data set once and keep them in memory, as bytes.

    For files of one size, such as Tiny-ImageNet's (1.1 GiB); CIFAR's and the digits are in memory
    by themselves. The pipeline of the wrapped data set starts from ``img`` and needs no
    ``LoadImageFromFile``. Data-loading workers share one copy; each process of a distributed run
    has its own. Where the images take more than ``max_bytes``, they are decoded each time, and a
    line in the log says so.

    It belongs around the data set and inside ``NoisyLabelDataset``, to which the images make no
    difference.

    Args:
        dataset (dict | BaseDataset): A classification data set.
        transforms (Sequence[dict | Callable]): What turns ``img_path`` into the image that is kept.
            Must not be random. Where it resizes, the scoring pass of ``NoiseFilterHook`` sees the
            resized images. Defaults to ``[dict(type='LoadImageFromFile')]``.
        max_bytes (int): The most memory that the images may take, in bytes. Defaults to 4 GiB.
        lazy_init (bool): Whether to put off reading and decoding until it is needed. Defaults to
            False.

    Raises:
        TypeError: If ``dataset`` is no data set.
        ValueError: If an image can't be read, is not uint8, or is of another size than the first;
            the message names it.

    Example:

        .. code:: python

            dataset = dict(
                type='NoisyLabelDataset',
                dataset=dict(
                    type='InMemoryDataset',
                    dataset=dict(
                        type='TinyImageNet',
                        data_root='data/tinyimagenet',
                        pipeline=[dict(type='PackInputs')])),
                noise=dict(type='SymmetricNoise', ratio=0.6))
    """

    def __init__(
        self,
        dataset: Any,
        transforms: Sequence[dict | Callable] = (dict(type='LoadImageFromFile'),),
        max_bytes: int = 4 * GIB,
        lazy_init: bool = False,
    ) -> None:
        self.transforms = Compose(transforms)
        self.max_bytes = max_bytes
        super().__init__(dataset, lazy_init)

    def _load(self) -> None:
        self._given_labels = given_labels_of(self.dataset)
        self._clean_labels = clean_labels_of(self.dataset)
        self._images = self._decode_all() if len(self.dataset) else None

    def _decode_all(self) -> torch.Tensor | None:
        """Return all images, (N, H, W, C) uint8, or None where they don't fit."""
        shape = self._decode(0)['img'].shape
        size = len(self.dataset) * int(np.prod(shape))
        if size > self.max_bytes:
            print_log(
                f'{len(self.dataset)} images of {shape} take {size / GIB:.2f} GiB, more than '
                f'max_bytes={self.max_bytes} of InMemoryDataset: each is decoded whenever it is '
                'needed.',
                logger='current',
            )
            return None
        # A tensor: workers that are spawned, not forked, get it as shared memory.
        images_NHWC = torch.empty((len(self.dataset), *shape), dtype=torch.uint8)

        def fill(idx: int) -> None:
            images_NHWC[idx] = torch.from_numpy(self._checked(idx, shape))

        progress = Progress('Decoded', len(self.dataset), 'images')
        for _ in in_threads(fill, range(len(self.dataset))):
            progress.advance()
        print_log(
            f'{len(self.dataset)} images decoded in {time.perf_counter() - progress.start:.0f} s '
            f'and kept in memory: {size / GIB:.2f} GiB.',
            logger='current',
        )
        return images_NHWC

    def _checked(self, idx: int, shape: tuple[int, ...]) -> np.ndarray:
        results = self._decode(idx)
        image = results['img']
        if image.shape != shape:
            raise ValueError(
                f'InMemoryDataset keeps images of one size, but {_name(results, idx)} is of '
                f'{image.shape} and the first of {shape}: add a Resize to `transforms`, or leave '
                'InMemoryDataset out.'
            )
        return np.ascontiguousarray(image)

    def _decode(self, idx: int) -> dict:
        info = self.dataset.get_data_info(idx)
        try:
            results = self.transforms(dict(info))
        except Exception as error:
            raise ValueError(
                f'InMemoryDataset: {_name(info, idx)} cannot be read: {error!r}. Repair it, or '
                'take it out of the data set.'
            ) from error
        image = None if results is None else results.get('img')
        if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
            found = getattr(image, 'dtype', type(image).__name__)
            raise ValueError(
                f'InMemoryDataset: its `transforms` must turn {_name(info, idx)} into a uint8 '
                f'array `img`, found {found}.'
            )
        return results

    @force_full_init
    def get_data_info(self, idx: int) -> dict:
        """Return the annotation of a sample, with its image.

        Args:
            idx (int): Index of the sample.

        Returns:
            dict: What the pipeline starts from: that of the data set, ``img``, a uint8 array of
                shape (H, W, C), and its ``img_shape`` and ``ori_shape``.
        """
        idx = self._check_index(idx)
        if self._images is None:
            return self._decode(idx)
        info = self.dataset.get_data_info(idx)
        # A copy, since transforms may write into it.
        info['img'] = self._images[idx].numpy().copy()
        info['img_shape'] = info['ori_shape'] = info['img'].shape[:2]
        return info

    def extra_repr(self) -> list[str]:
        """Return lines on what is kept."""
        kept = 'nothing' if self._images is None else f'{self._images.numel() / GIB:.2f} GiB'
        return [f'Kept in memory: \t{kept}']


def _name(info: dict, idx: int) -> str:
    return f"image '{info.get('img_path', 'no file')}' (sample {idx})"
