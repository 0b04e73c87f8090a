"""Real handwritten digits that come with scikit-learn."""

from __future__ import annotations

import numpy as np
from mmpretrain.datasets import BaseDataset
from mmpretrain.registry import DATASETS
from sklearn.datasets import load_digits

from deft_mm.datasets.split_dataset import require_split

SPLIT_SEED = 0
NUM_TEST = 500


@DATASETS.register_module()
class DigitsDataset(BaseDataset):
    """The 1,797 digits of 8x8 pixels of ``sklearn.datasets.load_digits``; no file is needed.

    Source: the test part of the "Optical Recognition of Handwritten Digits" data set of the UCI
    repository (E. Alpaydin, C. Kaynak). The split is fixed and stratified: 500 samples for
    testing, 1,297 for training, drawn with NumPy's ``RandomState(0)``, whose stream never changes.

    Each sample has its image in ``img``, as MMPretrain's CIFAR10 does, so that pipelines need no
    ``LoadImageFromFile``: 8x8x3 uint8, three equal channels, the levels 0..16 stretched to 0..255.

    Args:
        split (str): 'train' or 'test'. Defaults to 'train'.
        metainfo (dict, optional): Meta information, such as other class names. Defaults to None.
        test_mode (bool): Whether an item that can't be had is an error. Defaults to False.
        **kwargs: Other arguments of :class:`mmpretrain.datasets.BaseDataset`, such as ``pipeline``,
            ``indices`` and ``lazy_init``.

    Raises:
        ValueError: If ``split`` is neither 'train' nor 'test'.

    Example:

        .. code:: python

            dataset = dict(type='DigitsDataset', split='test', pipeline=[dict(type='PackInputs')])
    """

    METAINFO = {
        'classes': (
            'zero',
            'one',
            'two',
            'three',
            'four',
            'five',
            'six',
            'seven',
            'eight',
            'nine',
        )
    }

    def __init__(
        self,
        split: str = 'train',
        metainfo: dict | None = None,
        test_mode: bool = False,
        **kwargs,
    ) -> None:
        require_split(self, split, ('train', 'test'))
        self.split = split
        super().__init__(ann_file='', metainfo=metainfo, test_mode=test_mode, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Load the images and labels of the split."""
        images, labels = load_digits(return_X_y=True)
        # (1797, 64) floats 0..16 -> (1797, 8, 8, 3) bytes 0..255
        images = np.rint(images.reshape(-1, 8, 8, 1) * (255 / 16)).astype(np.uint8)
        images = images.repeat(3, axis=-1)
        in_test = stratified_test_mask(labels, NUM_TEST, SPLIT_SEED)
        indices = np.flatnonzero(in_test == (self.split == 'test'))
        return [{'img': images[idx], 'gt_label': int(labels[idx])} for idx in indices]

    def extra_repr(self) -> list[str]:
        """Return lines on the split."""
        return [f'Split: \t{self.split}']


def stratified_test_mask(labels: np.ndarray, num_test: int, seed: int) -> np.ndarray:
    """Choose test samples at random, in proportion to the classes.

    Args:
        labels (np.ndarray): (N,) integers.
        num_test (int): How many; classes with the largest remainders get one more.
        seed (int): Seed of NumPy's ``RandomState``.

    Returns:
        np.ndarray: (N,) bool, True for ``num_test`` samples.
    """
    classes, counts = np.unique(labels, return_counts=True)
    shares = counts * num_test / len(labels)
    quotas = shares.astype(int)
    remainders = np.argsort(quotas - shares, kind='stable')
    quotas[remainders[: num_test - quotas.sum()]] += 1

    order = np.random.RandomState(seed).permutation(len(labels))
    mask = np.zeros(len(labels), dtype=bool)
    for class_, quota in zip(classes, quotas, strict=True):
        mask[order[labels[order] == class_][:quota]] = True
    return mask
