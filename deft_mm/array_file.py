"""Arrays from .npy and .npz files, measured before they are unpacked."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable, Sequence
from os import PathLike
from typing import IO

import numpy as np

from deft_mm.user_file import open_file


def most_bytes(num_samples: int) -> int:
    """How much of a file is unpacked: a KiB a sample, and 64 for what else is there.

    Args:
        num_samples (int): N.

    Returns:
        int: Bytes.
    """
    return 2**16 + 2**10 * num_samples


def read_arrays(
    path: str | PathLike, choose: Callable[[Sequence[str]], Sequence[str]], num_samples: int
) -> dict[str, np.ndarray]:
    """Read some arrays of a .npz file, or the one of a .npy file; nothing is unpickled.

    Args:
        path (str | PathLike): The file.
        choose (Callable): Gets the names of all arrays of a .npz, returns those of the arrays to
            read. The array of a .npy is called ''.
        num_samples (int): How many samples the arrays are of, see :func:`most_bytes`.

    Returns:
        dict[str, np.ndarray]: Arrays by name.

    Raises:
        FileNotFoundError: If there is no such file.
        Exception: Of many types, if the file is damaged or an array takes more bytes.
    """
    with open_file(path) as file:
        if not zipfile.is_zipfile(file):
            return {'': _read_array(file, num_samples)}
        with zipfile.ZipFile(file) as members:
            names = [name.removesuffix('.npy') for name in members.namelist()]
            arrays = {}
            for name in choose(names):
                with members.open(f'{name}.npy') as member:
                    arrays[name] = _read_array(member, num_samples)
    return arrays


def _read_array(file: IO[bytes], num_samples: int) -> np.ndarray:
    file.seek(0)
    version = np.lib.format.read_magic(file)
    if version != (1, 0):
        # Theirs are as long as they say; those of the first are of 64 KiB at most.
        raise ValueError(f'its header is of version {version}, and not (1, 0)')
    shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    size = math.prod(shape) * dtype.itemsize
    if size > most_bytes(num_samples):
        raise ValueError(
            f'an array in it unpacks to {size:,} bytes (shape {shape}, {dtype}), too many for '
            f'{num_samples} samples'
        )
    file.seek(0)
    return np.lib.format.read_array(file, allow_pickle=False)
