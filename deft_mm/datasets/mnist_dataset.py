"""MNIST as the other data sets are: colour images, and names that prompts can use."""

from __future__ import annotations

from mmengine.fileio import join_path
from mmpretrain.datasets import MNIST
from mmpretrain.registry import DATASETS

from deft_mm.datasets.data_files import DownloadedFiles
from deft_mm.datasets.digits_dataset import DigitsDataset


@DATASETS.register_module()
class MNISTDataset(DownloadedFiles, MNIST):
    """MMPretrain's MNIST (Y. LeCun et al., 1998): 60,000 + 10,000 images of 28x28, 10 classes.

    What differs: images have three equal channels; classes are called 'zero' to 'nine' ('0 - zero'
    there); ``split`` alone chooses the files (there it is ``test_mode``); and missing files are
    downloaded (12 MB) from the mirror that torchvision uses, since the first address is closed.
    Without a network, put the four ``.gz`` files of
    https://ossci-datasets.s3.amazonaws.com/mnist/ into ``data_root``, packed or not.

    Layout of ``data_root``::

        data/mnist
        ├── train-images-idx3-ubyte
        ├── train-labels-idx1-ubyte
        ├── t10k-images-idx3-ubyte
        └── t10k-labels-idx1-ubyte

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

            dataset = dict(type='MNISTDataset', data_root='data/mnist', split='test')
    """

    METAINFO = DigitsDataset.METAINFO
    url_prefix = 'https://ossci-datasets.s3.amazonaws.com/mnist/'

    def load_data_list(self) -> list[dict]:
        """Load the images, (28, 28, 3) uint8, and the labels."""
        # MMPretrain chooses the files by `test_mode`, whatever `split` says.
        test_mode, self.test_mode = self.test_mode, self.split == 'test'
        try:
            samples = super().load_data_list()
        finally:
            self.test_mode = test_mode
        return [
            dict(img=sample['img'][..., None].repeat(3, axis=-1), gt_label=int(sample['gt_label']))
            for sample in samples
        ]

    def needed_files(self) -> dict[str, None]:
        """Return the paths of the files, packed or not; their sums are those of packed ones."""
        names = [name.removesuffix('.gz') for name, _ in self.train_list + self.test_list]
        return {join_path(self.data_prefix['root'], name): None for name in names}
