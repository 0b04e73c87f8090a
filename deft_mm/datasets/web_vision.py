"""WebVision: web images found by searching for ImageNet's classes."""

from __future__ import annotations

from mmpretrain.datasets import BaseDataset
from mmpretrain.registry import DATASETS

from deft_mm.datasets.data_files import read_labelled_paths, require_files
from deft_mm.datasets.ilsvrc12 import CLASS_NAMES, NUM_CLASSES, check_num_classes


@DATASETS.register_module()
class WebVision(BaseDataset):
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

    def __init__(
        self,
        data_root: str,
        split: str = 'train',
        num_classes: int = 50,
        metainfo: dict | None = None,
        **kwargs,
    ) -> None:
        if split not in ('train', 'val'):
            raise ValueError(f"WebVision: `split` is 'train' or 'val', found {split!r}.")
        self.split = split
        self.num_classes = check_num_classes('WebVision', num_classes)
        kwargs.setdefault('classes', CLASS_NAMES[:num_classes])  # `metainfo` overrides it
        super().__init__(ann_file='', data_root=data_root, metainfo=metainfo, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Read the list; no image file is looked at."""
        filelist, folder = {
            'train': ('train_filelist_google.txt', 'google'),
            'val': ('val_filelist.txt', 'val_images_256'),
        }[self.split]
        filelist = f'{self.data_root}/info/{filelist}'
        require_files(self, filelist, f'{self.data_root}/{folder}')
        # Paths of training images begin with their folder, those of validation images do not.
        prefix = self.data_root if self.split == 'train' else f'{self.data_root}/{folder}'
        return [
            dict(img_path=f'{prefix}/{name}', gt_label=label)
            for name, label in read_labelled_paths(filelist, NUM_CLASSES)
            if label < self.num_classes
        ]

    def extra_repr(self) -> list[str]:
        """Return lines on what is read."""
        return [f'Root of dataset: \t{self.data_root}', f'Split: \t{self.split}']
