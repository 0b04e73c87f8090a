"""Clothing1M: clothes from online shops, with labels taken from the text around the images."""

from __future__ import annotations

import random
from collections.abc import Sequence

import numpy as np
from mmengine.dataset import force_full_init
from mmengine.fileio import list_from_file
from mmpretrain.registry import DATASETS

from deft_mm.datasets.chain import img_paths_of
from deft_mm.datasets.data_files import read_labelled_paths
from deft_mm.datasets.split_dataset import SplitDataset


@DATASETS.register_module()
class Clothing1M(SplitDataset):
    """Clothing1M (T. Xiao et al., CVPR 2015): 14 classes, about 38% of the given labels wrong.

    ======================  =========  ====================================================
    split, subset             samples  labels
    ======================  =========  ====================================================
    'train', 'full'         1,000,000  noisy
    'train', 'balanced'        32,000  noisy; a class-balanced part of 'full', drawn by seed
    'train', 'verified'        24,637  noisy; the true ones are in :attr:`clean_labels`
    'val'                      14,313  clean
    'test'                     10,526  clean
    ======================  =========  ====================================================

    The data come by e-mail from the authors, see https://github.com/Cysu/noisy_label. Unpack all
    image archives and the annotations into one folder.

    Layout of ``data_root``::

        data/clothing1m
        ├── images
        │   ├── 0
        │   │   ├── 00
        │   │   │   ├── 1007463,2019738.jpg
        │   │   │   └── ...
        │   │   └── ...
        │   ├── ...
        │   └── 9
        ├── noisy_label_kv.txt          (images/0/00/1007463,2019738.jpg 5)
        ├── noisy_train_key_list.txt    (images/0/00/1007463,2019738.jpg)
        ├── clean_label_kv.txt
        ├── clean_train_key_list.txt
        ├── clean_val_key_list.txt
        └── clean_test_key_list.txt

    'balanced' is the paper's training set: the list is shuffled, a sample is taken while its class
    has fewer than ``subset_size / 14`` samples and all classes together fewer than
    ``subset_size``, and what was taken is shuffled again, by Python's ``random`` seeded with
    ``seed``. 'verified' is not in the paper: those training images whose label was
    also checked by hand, so that precision and recall of a selection on real noise are known. No
    image of the two other subsets was checked.

    Args:
        data_root (str): The folder of the data.
        split (str): 'train', 'val' or 'test'. Defaults to 'train'.
        subset (str): Of the training part: 'balanced', 'full' or 'verified'. Defaults to
            'balanced'.
        seed (int): Seed of the balanced subset. Defaults to 0.
        subset_size (int): Size of the balanced subset. Defaults to 32000.
        metainfo (dict, optional): Meta information, such as other class names. Defaults to None:
            the names of the paper's prompts.
        **kwargs: Other arguments of :class:`mmpretrain.datasets.BaseDataset`, such as ``pipeline``,
            ``indices`` and ``lazy_init``.

    Raises:
        FileNotFoundError: If a list is missing.
        ValueError: If an argument is unknown, or a list has lines of another form.

    Example:

        .. code:: python

            dataset = dict(type='Clothing1M', data_root='data/clothing1m', subset='full')
    """

    METAINFO = {
        'classes': (
            'T-Shirt',
            'Shirt',
            'Knitwear',
            'Chiffon',
            'Sweater',
            'Hoodie',
            'Windbreaker',
            'Jacket',
            'Downcoat',
            'Suit',
            'Shawl',
            'Dress',
            'Vest',
            'Underwear',
        )
    }
    SPLITS = ('train', 'val', 'test')

    def __init__(
        self,
        data_root: str,
        split: str = 'train',
        subset: str = 'balanced',
        seed: int = 0,
        subset_size: int = 32000,
        metainfo: dict | None = None,
        **kwargs,
    ) -> None:
        if subset not in ('balanced', 'full', 'verified'):
            raise ValueError(
                f"Clothing1M: `subset` is 'balanced', 'full' or 'verified', found {subset!r}."
            )
        if subset_size < 1:
            raise ValueError(f'Clothing1M: `subset_size` is at least 1, found {subset_size}.')
        self.subset = subset if split == 'train' else 'full'
        self.seed, self.subset_size = seed, subset_size
        super().__init__(data_root, split, metainfo, **kwargs)

    def read_samples(self) -> list[tuple[str, int]]:
        """Read the lists; no image file is looked at."""
        noisy = self.split == 'train'
        part = 'noisy_train' if noisy and self.subset != 'verified' else f'clean_{self.split}'
        labels = self._read_labels('noisy' if noisy else 'clean')
        keys = self.file(f'{part}_key_list.txt')
        paths = [line.strip() for line in list_from_file(keys) if line.strip()]
        if self.subset == 'verified':
            paths = [path for path in paths if path in labels]
        for path in paths:
            if path not in labels:
                raise ValueError(
                    f"Clothing1M: '{path}' of {part}_key_list.txt has no label in "
                    f'{"noisy" if noisy else "clean"}_label_kv.txt. Get both files anew.'
                )
        if self.subset == 'balanced':
            num_classes = len(self.METAINFO['classes'])
            given = [labels[path] for path in paths]
            taken = balanced_subset(given, num_classes, self.subset_size, self.seed)
            paths = [paths[idx] for idx in taken]
        return [(f'{self.data_root}/{path}', labels[path]) for path in paths]

    @property
    @force_full_init
    def clean_labels(self) -> np.ndarray | None:
        """np.ndarray, optional: (N,) int64, true labels of the subset 'verified', for metrics."""
        if self.subset != 'verified':
            return None
        labels = self._read_labels('clean')
        paths = (path.removeprefix(f'{self.data_root}/') for path in img_paths_of(self))
        return np.array([labels[path] for path in paths], dtype=np.int64)

    def extra_repr(self) -> list[str]:
        """Return lines on what is read."""
        return [*super().extra_repr(), f'Subset: \t{self.subset}']

    def _read_labels(self, kind: str) -> dict[str, int]:
        path = self.file(f'{kind}_label_kv.txt')
        return dict(read_labelled_paths(path, len(self.METAINFO['classes'])))


def balanced_subset(labels: Sequence[int], num_classes: int, size: int, seed: int) -> list[int]:
    """Draw samples until every class has the same share.

    Drawn as the paper's reference does it: equal to Python's ``random``, seeded.

    Args:
        labels (Sequence[int]): N class indices.
        num_classes (int): The number of classes C.
        size (int): How many to take: at most ceil(``size`` / C) of a class, fewer than ``size``
            where classes are too small.
        seed (int): Seed of Python's ``random.Random``.

    Returns:
        list[int]: Indices of the samples, in random order.
    """
    draw = random.Random(seed)
    order = list(range(len(labels)))
    draw.shuffle(order)
    counts = [0] * num_classes
    taken = []
    for idx in order:
        if len(taken) == size:
            break
        if counts[labels[idx]] < size / num_classes:
            counts[labels[idx]] += 1
            taken.append(idx)
    draw.shuffle(taken)
    return taken
