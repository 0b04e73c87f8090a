"""ANIMAL-10N: five pairs of animals that people confuse."""

from __future__ import annotations

import re

from mmengine.fileio import list_dir_or_file
from mmpretrain.registry import DATASETS

from deft_mm.datasets.data_files import require_files
from deft_mm.datasets.split_dataset import SplitDataset


@DATASETS.register_module()
class Animal10N(SplitDataset):
    """ANIMAL-10N (H. Song et al., ICML 2019): 64x64 images, labelled by people, about 8% wrongly.

    50,000 training images with noisy labels, 5,000 test images with clean ones. The data are at
    https://dm.kaist.ac.kr/datasets/animal-10n (a form to fill in): take the raw images, not the
    binary version. A file name starts with the label.

    Layout of ``data_root``::

        data/animal10n
        ├── training
        │   ├── 0_10.jpg
        │   └── ...
        └── testing
            ├── 0_4.jpg
            └── ...

    Samples are in the alphabetical order of their file names.

    Args:
        data_root (str): The folder of the data.
        split (str): 'train' or 'test'. Defaults to 'train'.
        **kwargs: ``metainfo`` and others of :class:`~deft_mm.datasets.split_dataset.SplitDataset`.

    Raises:
        FileNotFoundError: If the folder is missing, or has no images of that form.
        ValueError: If ``split`` is unknown.

    Example:

        .. code:: python

            dataset = dict(type='Animal10N', data_root='data/animal10n', split='test')
    """

    METAINFO = {
        'classes': (
            'cat',
            'lynx',
            'wolf',
            'coyote',
            'cheetah',
            'jaguar',
            'chimpanzee',
            'orangutan',
            'hamster',
            'guinea pig',
        )
    }

    def read_samples(self) -> list[tuple[str, int]]:
        """Read the file names; no image file is opened."""
        folder = self.file(dict(train='training', test='testing')[self.split])
        names = sorted(
            name
            for name in list_dir_or_file(folder, list_dir=False)
            if re.fullmatch(r'\d_\d+\.jpe?g', name, re.IGNORECASE)
        )
        if not names:
            require_files(self, f'{folder}/0_*.jpg')
        return [(f'{folder}/{name}', int(name[0])) for name in names]
