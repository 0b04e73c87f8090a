"""Food-101N: Food-101's classes, with training images from the web."""

from __future__ import annotations

from mmengine.fileio import list_from_file
from mmpretrain.datasets import Food101
from mmpretrain.registry import DATASETS

from deft_mm.datasets.split_dataset import SplitDataset


@DATASETS.register_module()
class Food101N(SplitDataset):
    """Food-101N (K.-H. Lee et al., CVPR 2018), tested on the test part of Food-101.

    310,009 training images, about 20% of their labels wrong; 25,250 test images with clean labels.
    The training images are at https://kuanghuei.github.io/Food-101N/, Food-101 is at
    https://data.vision.ee.ethz.ch/cvl/datasets_extra/food-101/. Unpack both archives into one
    folder.

    Layout of ``data_root``::

        data/food101n
        ├── Food-101N_release
        │   ├── images
        │   │   ├── apple_pie
        │   │   │   └── ...
        │   │   └── ...
        │   └── meta
        │       ├── imagelist.tsv     (a header, then apple_pie/1b9a1b7a0a0c4c2f9f3e.jpg)
        │       └── ...
        └── food-101
            ├── images
            │   ├── apple_pie
            │   │   └── ...
            │   └── ...
            └── meta
                ├── test.txt          (apple_pie/1011328)
                └── ...

    The labels are those of MMPretrain's ``Food101``. Food-101N's own verification of some labels
    (``verified_train.tsv``) says which are wrong, not what is right, and is not used.

    Args:
        data_root (str): The folder of the data.
        split (str): 'train' or 'test'. Defaults to 'train'.
        **kwargs: ``metainfo`` and others of :class:`~deft_mm.datasets.split_dataset.SplitDataset`.

    Raises:
        FileNotFoundError: If a list or the folder of the images is missing.
        ValueError: If ``split`` is unknown, or a list names an unknown class.

    Example:

        .. code:: python

            dataset = dict(type='Food101N', data_root='data/food101n', split='test')
    """

    METAINFO = Food101.METAINFO

    def read_samples(self) -> list[tuple[str, int]]:
        """Read the list; no image file is looked at."""
        archive, name, header, suffix = {
            'train': ('Food-101N_release', 'imagelist.tsv', 1, ''),
            'test': ('food-101', 'test.txt', 0, '.jpg'),
        }[self.split]
        path, folder = self.file(f'{archive}/meta/{name}'), self.file(f'{archive}/images')
        label_of = {name: idx for idx, name in enumerate(self.METAINFO['classes'])}
        samples = []
        for line in list_from_file(path)[header:]:
            key = line.strip()
            if not key:
                continue
            class_name = key.split('/')[0]
            if class_name not in label_of:
                raise ValueError(
                    f"{path}: '{key}' is of no class of Food-101. Expected lines such as "
                    "'apple_pie/1011328'."
                )
            samples.append((f'{folder}/{key}{suffix}', label_of[class_name]))
        return samples
