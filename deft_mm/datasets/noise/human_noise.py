"""Labels of human annotators: CIFAR-10N and CIFAR-100N."""

from __future__ import annotations

import pickle
import re
import zipfile
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmpretrain.registry import TASK_UTILS

from deft_mm.array_file import most_bytes, read_arrays
from deft_mm.datasets.noise.label_noise import LabelNoise
from deft_mm.safe_globals import numpy_globals, takes_renamed_globals
from deft_mm.selection.fingerprint import digest_file
from deft_mm.shorten import first_line
from deft_mm.user_file import open_file

KEYS = (
    'aggre_label',
    'random_label1',
    'random_label2',
    'random_label3',
    'worse_label',
    'noisy_label',
)
_CLEAN = 'clean_label'


@TASK_UTILS.register_module()
class HumanNoise(LabelNoise):
    """Take the labels that people gave to CIFAR's training images.

    Wei et al., "Learning with Noisy Labels Revisited", ICLR 2022 (arXiv 2110.12088). The files
    ``CIFAR-10_human.pt`` and ``CIFAR-100_human.pt`` are at
    https://github.com/UCSC-REAL/cifar-10-100n, in the order of CIFAR's Python version, which is
    that of MMPretrain (the ``_ordered.npy`` files there are in another one, and are no use here).
    They are pickles; nothing but NumPy arrays is taken from them, and no code of theirs is run.

    Args:
        path (str | PathLike): One of the two files, or a .npz with the same keys.
        key (str): For CIFAR-10N 'aggre_label', 'random_label1', 'random_label2', 'random_label3' or
            'worse_label'; for CIFAR-100N 'noisy_label'.

    Raises:
        ValueError: If ``key`` is none of these.

    Example:

        .. code:: python

            noise = dict(
                type='HumanNoise', path='data/cifar10/CIFAR-10_human.pt', key='worse_label')
    """

    def __init__(self, path: str | PathLike, key: str) -> None:
        if key not in KEYS:
            raise ValueError(f'HumanNoise: `key` is one of {", ".join(KEYS)}, found {key!r}.')
        self.path = str(path)
        self.key = key

    def __call__(self, labels: np.ndarray, num_classes: int, dataset: Any = None) -> np.ndarray:
        """Read the labels; see :meth:`LabelNoise.__call__`.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If the file is damaged or holds more than arrays, lacks the key, or belongs
                to other samples.
        """
        arrays = _read(Path(self.path), self.key, len(labels))
        clean, noisy = (_labels_of(arrays, key, self.path) for key in (_CLEAN, self.key))
        if not np.array_equal(clean, labels):
            if len(clean) != len(labels):
                difference = f'it has {len(clean)} samples, the data set {len(labels)}'
            else:
                difference = f'{np.mean(clean != labels):.1%} of its `{_CLEAN}` are other classes'
            raise ValueError(
                f"HumanNoise: '{self.path}' does not fit this data set and order: {difference}. It "
                'needs the whole training set of CIFAR, with its own labels, in the order '
                'of MMPretrain.'
            )
        if len(noisy) != len(clean) or not np.isin(noisy, np.arange(num_classes)).all():
            raise ValueError(
                f"HumanNoise: `{self.key}` of '{self.path}' does not have one label in 0 to "
                f'{num_classes - 1} for each of {len(clean)} samples.'
            )
        return noisy

    def parameters(self) -> dict:
        """Return the key and the checksum of the file, which may lie anywhere."""
        return dict(key=self.key, checksum=digest_file(self.path))


def _read(path: Path, key: str, num_samples: int) -> dict:
    if path.suffix != '.npz' and not takes_renamed_globals():
        raise ValueError(
            f"HumanNoise: reading arrays safely from '{path}' takes PyTorch 2.6, found "
            f'{torch.__version__}. Save its dict with numpy.savez(file, **arrays), and give that '
            '.npz.'
        )
    try:
        if path.suffix == '.npz':
            return read_arrays(path, lambda names: {_CLEAN, key}.intersection(names), num_samples)
        _require_room(path, num_samples)
        content = _load_arrays(path)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f'HumanNoise: {error}. Get CIFAR-10_human.pt or CIFAR-100_human.pt '
            'from https://github.com/UCSC-REAL/cifar-10-100n.'
        ) from error
    except Exception as error:  # what a damaged file raises can be anything
        raise ValueError(
            f"HumanNoise: '{path}' was not loaded, since it is damaged or holds more than NumPy "
            f'arrays: {_reason(error)}.'
        ) from error
    if not isinstance(content, dict):
        raise ValueError(
            f"HumanNoise: '{path}' holds a {type(content).__name__}, not a dict of arrays."
        )
    return content


def _require_room(path: Path, num_samples: int) -> None:
    """Refuse a file that unpacks to more than labels take, which PyTorch does not look at."""
    most = most_bytes(num_samples)
    with open_file(path, most) as file:
        if zipfile.is_zipfile(file):
            size = sum(member.file_size for member in zipfile.ZipFile(file).infolist())
            if size > most:
                raise ValueError(
                    f'it unpacks to {size:,} bytes, too many for the labels of {num_samples} '
                    'samples'
                )


def _reason(error: Exception) -> str:
    """Say in a few words what PyTorch says in many, with advice to load the file unsafely."""
    if not isinstance(error, pickle.UnpicklingError):
        return first_line(error)
    refused = re.search(r'GLOBAL ([\w.]+)', str(error))
    return f'it refers to {refused[1]}' if refused else 'it is no pickle of arrays'


def _load_arrays(path: Path) -> Any:
    # Not the context manager `safe_globals`: at its end it also takes away what was allowed before,
    # and what was allowed before for checkpoints has no place here.
    serialization = torch.serialization
    allowed_before = serialization.get_safe_globals()
    serialization.clear_safe_globals()
    try:
        serialization.add_safe_globals(_array_globals())
        return torch.load(path, map_location='cpu', weights_only=True)
    finally:
        serialization.clear_safe_globals()
        serialization.add_safe_globals(allowed_before)


def _array_globals() -> list:
    """What the pickle of an array of integers refers to."""
    dtypes = {type(np.dtype(code)) for code in np.typecodes['AllInteger']}
    return [np.ndarray, np.dtype, *dtypes, *numpy_globals('_reconstruct')]


def _labels_of(arrays: dict, key: str, path: str) -> np.ndarray:
    """Return (N,) int64."""
    if key not in arrays:
        raise ValueError(f"HumanNoise: '{path}' has no `{key}`, only {sorted(map(str, arrays))}.")
    array = arrays[key]
    array = array.numpy() if isinstance(array, torch.Tensor) else np.asarray(array)
    if array.ndim != 1 or array.dtype.kind not in 'iu':
        raise ValueError(
            f"HumanNoise: `{key}` of '{path}' is of shape {array.shape} and type {array.dtype}, "
            'not a row of integers.'
        )
    return array.astype(np.int64)
