"""What to say when MMPretrain could not get the files of a data set."""

from __future__ import annotations

from mmengine.dataset import BaseDataset
from mmengine.fileio import exists
from mmpretrain.datasets.utils import check_md5

from deft_mm.datasets.data_files import layout_of

# What MMPretrain's CIFAR10 and MNIST raise where files are missing or damaged, or a download fails.
LOADING_ERRORS = (AssertionError, OSError, RuntimeError, ValueError)


def loading_error(
    dataset: BaseDataset, files: dict[str, str | None], error: Exception
) -> FileNotFoundError:
    """Turn an error of MMPretrain into one that names the file and shows the expected ones.

    Args:
        dataset (BaseDataset): The data set; its class docstring has the expected layout, see
            :func:`~deft_mm.datasets.data_files.layout_of`.
        files (dict[str, str | None]): Needed files, each with its MD5 sum where that is known.
        error (Exception): What MMPretrain raised.

    Returns:
        FileNotFoundError: The error to raise.
    """
    return FileNotFoundError(
        f'{type(dataset).__name__}: {_fault(files)}, and could not be downloaded '
        f'({str(error) or type(error).__name__}). The layout of `data_root` '
        f'(here {dataset.data_root!r}) must be:\n\n{layout_of(type(dataset))}'
    )


def _fault(files: dict[str, str | None]) -> str:
    for path, md5 in files.items():
        if not exists(path):
            return f"'{path}' is missing"
        if md5 is not None and not check_md5(path, md5):
            return f"'{path}' is not the published file (its MD5 sum is another)"
    return f'one of {", ".join(map(repr, files))} is damaged'
