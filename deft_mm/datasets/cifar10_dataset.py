"""CIFAR-10, with an error that says which file is missing."""

from __future__ import annotations

from mmpretrain.datasets import CIFAR10
from mmpretrain.registry import DATASETS

from deft_mm.datasets.data_files import DownloadedFiles


@DATASETS.register_module()
class CIFAR10Dataset(DownloadedFiles, CIFAR10):
    """MMPretrain's CIFAR10 (A. Krizhevsky, 2009): 50,000 + 10,000 images, 10 classes.

    Images are in memory, 32x32x3 uint8 in RGB.

    It is downloaded where it is missing (170 MB). Without a network, unpack
    https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz into ``data_root``.

    Layout of ``data_root``::

        data/cifar10
        └── cifar-10-batches-py
            ├── data_batch_1
            ├── ...
            ├── data_batch_5
            └── test_batch

    The files are pickles. MMPretrain opens them only if their MD5 sums are the published ones.

    CIFAR-10N is this data set with human labels, see :class:`~deft_mm.datasets.noise.HumanNoise`.

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

            dataset = dict(type='CIFAR10Dataset', data_root='data/cifar10', split='test')
    """
