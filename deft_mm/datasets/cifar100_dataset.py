"""CIFAR-100 with the class names of the paper's prompts."""

from __future__ import annotations

from mmpretrain.datasets import CIFAR100
from mmpretrain.registry import DATASETS

from deft_mm.datasets.data_files import DownloadedFiles


@DATASETS.register_module()
class CIFAR100Dataset(DownloadedFiles, CIFAR100):
    """MMPretrain's CIFAR100 (A. Krizhevsky, 2009): 50,000 + 10,000 images, 100 classes.

    Images are in memory, 32x32x3 uint8 in RGB. One class name differs: the paper's prompts say
    ``computer_keyboard``, MMPretrain's list ``keyboard``. The labels are the same.

    It is downloaded where it is missing (170 MB). Without a network, unpack
    https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz into ``data_root``.

    Layout of ``data_root``::

        data/cifar100
        └── cifar-100-python
            ├── train
            └── test

    The files are pickles. MMPretrain opens them only if their MD5 sums are the published ones.

    CIFAR-100N is this data set with human labels, see :class:`~deft_mm.datasets.noise.HumanNoise`.

    Args:
        data_root (str): The folder of the data.
        split (str): 'train' or 'test'. Defaults to 'train'.
        metainfo (dict, optional): Meta information, such as other class names. Defaults to None.
        download (bool): Whether to download missing files. Defaults to True.
        **kwargs: Other arguments of :class:`mmpretrain.datasets.BaseDataset`.

    Raises:
        FileNotFoundError: If a file is missing or damaged and can't be downloaded.

    Example:

        .. code:: python

            dataset = dict(type='CIFAR100Dataset', data_root='data/cifar100', split='test')
    """

    METAINFO = {
        'classes': tuple(
            'computer_keyboard' if name == 'keyboard' else name
            for name in CIFAR100.METAINFO['classes']
        )
    }
