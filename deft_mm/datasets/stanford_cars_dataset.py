"""Stanford Cars, in any of the layouts it is passed on in, with the paper's order of classes."""

from __future__ import annotations

import numpy as np
from mmengine.fileio import exists, list_dir_or_file
from mmpretrain.datasets import StanfordCars
from mmpretrain.registry import DATASETS
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from deft_mm.datasets.data_files import require_files
from deft_mm.datasets.split_dataset import SplitDataset

# In the order of the class ids of the .mat files; a name is also the name of a folder.
_NAMES_BY_ID = [name.replace('/', '-') for name in StanfordCars.METAINFO['classes']]
CLASS_NAMES = tuple(sorted(_NAMES_BY_ID))
_LABEL_OF = {name: label for label, name in enumerate(CLASS_NAMES)}


@DATASETS.register_module()
class StanfordCarsDataset(SplitDataset):
    """Stanford Cars (J. Krause et al., 2013): 8,144 + 8,041 images of 196 models of cars.

    A label is the place of the class name in the alphabetical order, as in the paper, whatever the
    layout. This is not the order of the ids in the data set's own .mat files (nor of MMPretrain's
    StanfordCars, which follows those ids and differs in 144 of 196 places): ids are translated. One
    name is spelt otherwise, so that it can be the name of a folder: 'Ram C-V Cargo Van Minivan
    2012' for 'Ram C/V ...'. Samples are in the order of their labels, then of their file names; the
    paper's reference code takes them as the file system lists them, so that noise of the same seed
    falls on other samples there.

    The authors' site no longer has the files. The images are at
    https://www.kaggle.com/datasets/jessicali9530/stanford-cars-dataset (2 GB), the .mat files at
    https://github.com/pytorch/vision/issues/7545. A folder per class:
    https://www.kaggle.com/datasets/cyizhuo/stanford-cars-by-classes-folder.

    Layout of ``data_root``::

        data/cars                                    folders as they came from the authors
        ├── cars_train
        │   ├── 00001.jpg                            (also cars_train/cars_train/00001.jpg)
        │   └── ...
        ├── cars_test
        │   └── ...
        └── devkit                                   (the .mat files may also lie in data/cars)
            ├── cars_train_annos.mat
            └── cars_test_annos_withlabels.mat

        data/cars                                    or: a folder per class
        ├── train
        │   ├── AM General Hummer SUV 2000
        │   │   ├── 00163.jpg
        │   │   └── ...
        │   └── ...
        └── test
            └── ...

        data/cars                                    or: all images in one folder
        ├── car_ims
        │   ├── 000001.jpg
        │   └── ...
        └── cars_annos.mat

    Args:
        data_root (str): The folder of the data.
        split (str): 'train' or 'test'. Defaults to 'train'.
        **kwargs: ``metainfo`` and others of :class:`~deft_mm.datasets.split_dataset.SplitDataset`.

    Raises:
        FileNotFoundError: If a folder or a .mat file is missing.
        ValueError: If ``split`` is unknown, a .mat file has no labels, or a folder is no class.

    Example:

        .. code:: python

            dataset = dict(type='StanfordCarsDataset', data_root='data/cars', split='test')
    """

    METAINFO = {'classes': CLASS_NAMES}

    def read_samples(self) -> list[tuple[str, int]]:
        """Read the .mat file or the folders; no image file is opened."""
        if exists(f'{self.data_root}/{self.split}'):
            samples = self._read_class_folders(f'{self.data_root}/{self.split}')
        elif exists(f'{self.data_root}/car_ims'):
            samples = self._read_common_list(self.file('cars_annos.mat'))
        else:
            samples = self._read_devkit()
        return sorted(samples, key=lambda sample: (sample[1], sample[0]))

    def _read_class_folders(self, folder: str) -> list[tuple[str, int]]:
        require_files(self, *(f'{folder}/{name}' for name in CLASS_NAMES))
        samples = []
        for path in list_dir_or_file(folder, list_dir=False, recursive=True):
            name = path.replace('\\', '/').split('/')[0]
            if not path.lower().endswith(('.jpg', '.jpeg')):
                continue
            if name not in _LABEL_OF:
                raise ValueError(
                    f'StanfordCarsDataset: {folder} has images in {name!r}, which is no class of '
                    'Stanford Cars. The folders must have the names of its 196 classes.'
                )
            samples.append((f'{folder}/{path}', _LABEL_OF[name]))
        return samples

    def _read_common_list(self, path: str) -> list[tuple[str, int]]:
        annotations = _read_mat(path, 'relative_im_path', 'class', 'test')
        annotations = annotations[annotations['test'].astype(bool) == (self.split == 'test')]
        paths = [f'{self.data_root}/{name}' for name in annotations['relative_im_path']]
        return list(zip(paths, _labels_of(annotations, path), strict=True))

    def _read_devkit(self) -> list[tuple[str, int]]:
        folder = self.file(f'cars_{self.split}')
        if exists(f'{folder}/cars_{self.split}'):
            folder = f'{folder}/cars_{self.split}'
        name = 'cars_train_annos.mat' if self.split == 'train' else 'cars_test_annos_withlabels.mat'
        path = f'{self.data_root}/{name}'
        if not exists(path):
            path = self.file(f'devkit/{name}')
        annotations = _read_mat(path, 'fname', 'class')
        paths = [f'{folder}/{name}' for name in annotations['fname']]
        return list(zip(paths, _labels_of(annotations, path), strict=True))


def _read_mat(path: str, *fields: str) -> np.ndarray:
    """Return the (N,) structured array ``annotations`` of a file."""
    try:
        annotations = np.atleast_1d(loadmat(path, squeeze_me=True)['annotations'])
    except (KeyError, MatReadError, NotImplementedError, TypeError, ValueError) as error:
        raise ValueError(
            f'StanfordCarsDataset: {path} is no list of images of Stanford Cars ({error}). '
            'Get the file anew.'
        ) from error
    missing = set(fields) - set(annotations.dtype.names or ())
    if missing:
        raise ValueError(
            f'StanfordCarsDataset: {path} has no `{min(missing)}` for its images. (The list '
            'cars_test_annos.mat has no classes, cars_test_annos_withlabels.mat has.)'
        )
    return annotations


def _labels_of(annotations: np.ndarray, path: str) -> list[int]:
    """Translate class ids, from 1, to labels."""
    ids = annotations['class'].astype(np.int64)
    if ids.min(initial=1) < 1 or ids.max(initial=1) > len(_NAMES_BY_ID):
        raise ValueError(
            f'StanfordCarsDataset: class ids are 1 to {len(_NAMES_BY_ID)}; {path} has '
            f'{ids.min()} to {ids.max()}.'
        )
    return [_LABEL_OF[_NAMES_BY_ID[idx - 1]] for idx in ids]
