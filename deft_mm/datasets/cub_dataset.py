"""CUB-200-2011, with an error that says which file is missing."""

from __future__ import annotations

from mmpretrain.datasets import CUB
from mmpretrain.registry import DATASETS

from deft_mm.datasets.data_files import require_files


@DATASETS.register_module()
class CUBDataset(CUB):
    """MMPretrain's CUB-200-2011 (C. Wah et al., 2011): 5,994 + 5,794 images of 200 bird species.

    Class names and their order are those of the paper's prompts, and of the data set's own
    ``classes.txt``. Samples are in the order of ``images.txt``, as in the paper's reference code;
    for its symmetric noise see :class:`~deft_mm.datasets.noise.SymmetricNoise`.

    The data are at https://data.caltech.edu/records/65de6-vp158 (1.1 GB)::

        mkdir -p data/cub && tar -xzf CUB_200_2011.tgz -C data/cub --strip-components=1

    Layout of ``data_root``::

        data/cub
        ├── images
        │   ├── 001.Black_footed_Albatross
        │   │   ├── Black_Footed_Albatross_0001_796111.jpg
        │   │   └── ...
        │   └── ...
        ├── images.txt                   (1 001.Black_footed_Albatross/...0046_18.jpg)
        ├── image_class_labels.txt       (1 1)
        └── train_test_split.txt         (1 0)

    Args:
        data_root (str): The folder of the data.
        split (str): 'train' or 'test'. Defaults to 'train'.
        **kwargs: Other arguments of :class:`mmpretrain.datasets.CUB`, such as
            ``metainfo=dict(classes=...)`` for other class names.

    Raises:
        FileNotFoundError: If a list or the folder of the images is missing.

    Example:

        .. code:: python

            dataset = dict(type='CUBDataset', data_root='data/cub', split='test')
    """

    def load_data_list(self) -> list[dict]:
        """Read the lists, in the order of ``images.txt``; no image file is opened."""
        require_files(
            self,
            self.ann_file,
            self.image_class_labels_file,
            self.train_test_split_file,
            self.img_prefix,
        )
        return super().load_data_list()
