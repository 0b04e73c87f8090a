"""Food-101N: Food-101's classes, with training images from the web."""

from __future__ import annotations

from mmengine.fileio import list_from_file
from mmpretrain.datasets import BaseDataset, Food101
from mmpretrain.registry import DATASETS

from deft_mm.datasets.data_files import require_files


@DATASETS.register_module()
class Food101N(BaseDataset):
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
        metainfo (dict, optional): Meta information, such as other class names. Defaults to None.
        **kwargs: Other arguments of :class:`mmpretrain.datasets.BaseDataset`, such as ``pipeline``,
            ``indices`` and ``lazy_init``.

    Raises:
        FileNotFoundError: If a list or the folder of the images is missing.
        ValueError: If ``split`` is unknown, or a list names an unknown class.

    Example:

        .. code:: python

            dataset = dict(type='Food101N', data_root='data/food101n', split='test')
    """

    METAINFO = Food101.METAINFO

    def __init__(
        self, data_root: str, split: str = 'train', metainfo: dict | None = None, **kwargs
    ) -> None:
        if split not in ('train', 'test'):
            raise ValueError(f"Food101N: `split` is 'train' or 'test', found {split!r}.")
        self.split = split
        super().__init__(ann_file='', data_root=data_root, metainfo=metainfo, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Read the list; no image file is looked at."""
        archive, name, header, suffix = {
            'train': ('Food-101N_release', 'imagelist.tsv', 1, ''),
            'test': ('food-101', 'test.txt', 0, '.jpg'),
        }[self.split]
        folder = f'{self.data_root}/{archive}/images'
        path = f'{self.data_root}/{archive}/meta/{name}'
        require_files(self, path, folder)
        labels = {name: idx for idx, name in enumerate(self.METAINFO['classes'])}
        samples = []
        for line in list_from_file(path)[header:]:
            key = line.strip()
            if not key:
                continue
            class_name = key.split('/')[0]
            if class_name not in labels:
                raise ValueError(
                    f"{path}: '{key}' is of no class of Food-101. Expected lines such as "
                    "'apple_pie/1011328'."
                )
            samples.append(dict(img_path=f'{folder}/{key}{suffix}', gt_label=labels[class_name]))
        return samples

    def extra_repr(self) -> list[str]:
        """Return lines on what is read."""
        return [f'Root of dataset: \t{self.data_root}', f'Split: \t{self.split}']
