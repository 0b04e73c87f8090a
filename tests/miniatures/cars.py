"""Stanford Cars, in its three layouts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmpretrain.datasets.categories import STANFORDCARS_CATEGORIES
from scipy.io import savemat

from miniatures.jpeg_files import write_jpegs

# Class ids of the .mat files, from 1: 6 is the Acura Integra, 14 the Audi TTS, 174 the Ram C/V.
TRAIN_IDS = (14, 3, 174, 6, 1, 14, 196, 6, 2)
TEST_IDS = (6, 14, 1, 174, 6)


def make(root: Path) -> None:
    """Write 9 training and 5 test images with the authors' folders and devkit."""
    for part, ids in (('train', TRAIN_IDS), ('test', TEST_IDS)):
        names = _names(ids)
        write_jpegs(root / f'cars_{part}', names)
        suffix = '_withlabels' if part == 'test' else ''
        annotations = _annotations(**{'class': ids, 'fname': names})
        _write_mat(root / f'devkit/cars_{part}_annos{suffix}.mat', annotations=annotations)
    _write_mat(root / 'devkit/cars_test_annos.mat', annotations=_annotations(fname=names))
    _write_mat(root / 'devkit/cars_meta.mat', class_names=_class_names())


def make_class_folders(root: Path) -> None:
    """Write the same images in a folder per class."""
    for part, ids in (('train', TRAIN_IDS), ('test', TEST_IDS)):
        folders = [name.replace('/', '-') for name in STANFORDCARS_CATEGORIES]
        for folder in folders:
            (root / part / folder).mkdir(parents=True)
        names = [f'{folders[i - 1]}/{name}' for i, name in zip(ids, _names(ids), strict=True)]
        write_jpegs(root / part, names)


def make_one_folder(root: Path) -> None:
    """Write as many images of the same classes in one folder, with one list."""
    ids = sorted(TRAIN_IDS + TEST_IDS)
    paths = [f'car_ims/{i + 1:06d}.jpg' for i in range(len(ids))]
    write_jpegs(root, paths)
    remaining = list(TEST_IDS)
    in_test = []
    for class_id in ids:
        in_test.append(int(class_id in remaining))
        if class_id in remaining:
            remaining.remove(class_id)
    annotations = _annotations(**{'relative_im_path': paths, 'class': ids, 'test': in_test})
    _write_mat(root / 'cars_annos.mat', annotations=annotations, class_names=_class_names())


def _names(ids: tuple[int, ...]) -> list[str]:
    return [f'{i + 1:05d}.jpg' for i in range(len(ids))]


def _annotations(**fields: Sequence) -> np.ndarray:
    """A MATLAB struct array of one element an image."""
    size = len(next(iter(fields.values())))
    boxes = {f'bbox_{corner}': [10] * size for corner in ('x1', 'y1', 'x2', 'y2')}
    columns = {**boxes, **fields}
    array = np.empty((1, size), dtype=[(name, object) for name in columns])
    for name, values in columns.items():
        array[name][0] = values
    return array


def _class_names() -> np.ndarray:
    return np.array([STANFORDCARS_CATEGORIES], dtype=object)


def _write_mat(path: Path, **variables: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(path, variables)
