"""ImageNet (ILSVRC12), with class names that prompts can use."""

from __future__ import annotations

import logging
import re

from mmengine.logging import print_log
from mmpretrain.datasets import ImageNet
from mmpretrain.datasets.custom import find_folders, get_samples
from mmpretrain.registry import DATASETS
from open_clip import IMAGENET_CLASSNAMES

from deft_mm.datasets.data_files import require_files
from deft_mm.datasets.split_dataset import require_split

NUM_CLASSES = 1000
# open_clip's list, in the order of the sorted WordNet ids, calls two classes `missile` and two
# `sunglasses`. Prompts have to differ: these take WordNet's other word.
_OTHER_NAMES = {744: 'projectile', 836: 'sunglass'}
CLASS_NAMES = tuple(_OTHER_NAMES.get(idx, name) for idx, name in enumerate(IMAGENET_CLASSNAMES))


@DATASETS.register_module()
class ILSVRC12(ImageNet):
    """MMPretrain's ImageNet under the names that CLIP's authors chose, or its first classes only.

    MMPretrain's class lists all synonyms of a class ('tench, Tinca tinca'), which is no prompt.
    With ``num_classes=50`` it is the second validation set of WebVision-50.

    The data are at https://image-net.org/download-images (free registration); training images
    lie in a folder per class, whose names in alphabetical order are the order of the labels.
    Validation images may lie in such folders too, or in one folder with a list as MMPretrain's.

    Layout of ``data_root``::

        data/imagenet
        ├── train
        │   ├── n01440764
        │   │   ├── n01440764_10026.JPEG
        │   │   └── ...
        │   └── ...
        ├── val
        │   ├── n01440764                        (folders as in train, or with meta/val.txt
        │   │   └── ...                           ILSVRC2012_val_00000001.JPEG, ...)
        │   └── ...
        └── meta                                 (only without folders per class; also faster)
            ├── train.txt                        (n01440764/n01440764_10026.JPEG 0)
            └── val.txt                          (ILSVRC2012_val_00000001.JPEG 65)

    Args:
        data_root (str): The folder of the data. Defaults to ''.
        split (str): 'train' or 'val'; sets ``data_prefix`` and ``ann_file``. Defaults to '': both
            are given.
        data_prefix (str | dict): The folder of the images below ``data_root``. Defaults to ''.
        ann_file (str): A list of path and label below ``data_root``. Defaults to '': the list of
            ``split`` if there is one, otherwise a folder per class.
        num_classes (int): Only the first classes are read. Defaults to 1000.
        metainfo (dict, optional): Meta information, such as other class names. Defaults to None.
        **kwargs: Other arguments of :class:`mmpretrain.datasets.ImageNet`.

    Raises:
        FileNotFoundError: If folder or list is missing.
        ValueError: If an argument is unknown, or folders are not those of ILSVRC12.

    Example:

        .. code:: python

            dataset = dict(type='ILSVRC12', data_root='data/imagenet', split='val', num_classes=50)
    """

    METAINFO = {'classes': CLASS_NAMES}

    def __init__(
        self,
        data_root: str = '',
        split: str = '',
        data_prefix: str | dict = '',
        ann_file: str = '',
        num_classes: int = NUM_CLASSES,
        metainfo: dict | None = None,
        **kwargs,
    ) -> None:
        if split:
            require_split(self, split, ('train', 'val'))
        self.num_classes = check_num_classes('ILSVRC12', num_classes)
        kwargs.setdefault('classes', CLASS_NAMES[:num_classes])  # `metainfo` overrides it
        super().__init__(data_root, split, data_prefix, ann_file, metainfo, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Read the list or the folders; no image file is opened."""
        require_files(self, self.img_prefix)
        if self.ann_file:
            require_files(self, self.ann_file)
            samples = super().load_data_list()
            return [sample for sample in samples if sample['gt_label'] < self.num_classes]
        self.folder_to_idx = self._class_folders()
        samples, empty = get_samples(self.img_prefix, self.folder_to_idx, self.is_valid_file)
        if not samples:
            require_files(self, f'{self.img_prefix}/n01440764/*.JPEG')
        if empty:
            print_log(
                f'{len(empty)} of {self.num_classes} class folders of {self.img_prefix} have no '
                f'image, such as {min(empty)}.',
                logger='current',
                level=logging.WARNING,
            )
        return [
            dict(img_path=f'{self.img_prefix}/{path}', gt_label=label) for path, label in samples
        ]

    def _class_folders(self) -> dict[str, int]:
        """Label by folder, of the classes that are read."""
        folders, _ = find_folders(self.img_prefix)
        if not folders:
            require_files(self, f'{self.img_prefix}/n01440764')
        unknown = [folder for folder in folders if not re.fullmatch(r'n\d{8}', folder)]
        if unknown or len(folders) not in (NUM_CLASSES, self.num_classes):
            found = f"among them '{unknown[0]}'" if unknown else 'all named after WordNet ids'
            raise ValueError(
                f'ILSVRC12: {self.img_prefix} has {len(folders)} folders, {found}. The label is '
                f'the place of a folder among the {NUM_CLASSES} WordNet ids (n01440764 is 0): all '
                f'of them, or the first {self.num_classes}, must be there and nothing else.'
            )
        return {folder: idx for idx, folder in enumerate(folders[: self.num_classes])}


def check_num_classes(name: str, num_classes: int) -> int:
    """Check a number of ILSVRC12's classes.

    Args:
        name (str): The data set that asks.
        num_classes (int): The number.

    Returns:
        int: The number.

    Raises:
        ValueError: If there are not so many.
    """
    if not 1 <= num_classes <= NUM_CLASSES:
        raise ValueError(f'{name}: `num_classes` is 1 to {NUM_CLASSES}, found {num_classes}.')
    return num_classes
