"""WebVision: web images found by searching for ImageNet's classes."""

from __future__ import annotations

from mmpretrain.registry import DATASETS

from deft_mm.datasets.data_files import read_labelled_paths
from deft_mm.datasets.ilsvrc12 import CLASS_NAMES, NUM_CLASSES, check_num_classes
from deft_mm.datasets.split_dataset import SplitDataset


@DATASETS.register_module()
class WebVision(SplitDataset):
    """WebVision 1.0 (W. Li et al., 2017), the Google part of its training images.

    By default its first 50 classes, which the literature calls WebVision-50 or mini-WebVision:
    65,944 training images, about 20% of their labels wrong, and 2,500 validation images with clean
    labels. The classes are those of ILSVRC12 in the same order.

    The data are at https://data.vision.ee.ethz.ch/cvl/webvision/dataset2017.html: of the resized
    images "Google Images" (16 GB) and "Validation Images", of the metadata "Training & Validation
    Labels".

    Layout of ``data_root``::

        data/webvision
        ├── info
        │   ├── train_filelist_google.txt    (google/q0001/img_0001.jpg 0)
        │   ├── val_filelist.txt             (val000001.jpg 0)
        │   └── ...
        ├── google
        │   ├── q0001
        │   │   └── ...
        │   └── ...
        ├── val_images_256
        │   ├── val000001.jpg
        │   └── ...
        └── imagenet                         (for ILSVRC12's validation images: `ILSVRC12`)
            └── val
                └── ...

    Args:
        data_root (str): The folder of the data.
        split (str): 'train' or 'val'. Defaults to 'train'.
        num_classes (int): Only the first classes are read, up to 1000. Defaults to 50.
        metainfo (dict, optional): Meta information, such as other class names. Defaults to None:
            the names of the paper's prompts, which are those of :class:`ILSVRC12`.
        **kwargs: Other arguments of :class:`mmpretrain.datasets.BaseDataset`, such as ``pipeline``,
            ``indices`` and ``lazy_init``.

    Raises:
        FileNotFoundError: If a list or the folder of the images is missing.
        ValueError: If an argument is unknown, or a list has lines of another form.

    Example:

        .. code:: python

            dataset = dict(type='WebVision', data_root='data/webvision', split='val')
    """

    METAINFO = {'classes': CLASS_NAMES[:50]}
    SPLITS = ('train', 'val')

    def __init__(
        self,
        data_root: str,
        split: str = 'train',
        num_classes: int = 50,
        metainfo: dict | None = None,
        **kwargs,
    ) -> None:
        self.num_classes = check_num_classes('WebVision', num_classes)
        kwargs.setdefault('classes', CLASS_NAMES[:num_classes])  # `metainfo` overrides it
        super().__init__(data_root, split, metainfo, **kwargs)

    def read_samples(self) -> list[tuple[str, int]]:
        """Read the list; no image file is looked at."""
        name, folder = {
            'train': ('train_filelist_google.txt', 'google'),
            'val': ('val_filelist.txt', 'val_images_256'),
        }[self.split]
        filelist, folder = self.file(f'info/{name}'), self.file(folder)
        # Paths of training images begin with their folder, those of validation images do not.
        prefix = self.data_root if self.split == 'train' else folder
        return [
            (f'{prefix}/{path}', label)
            for path, label in read_labelled_paths(filelist, NUM_CLASSES)
            if label < self.num_classes
        ]
