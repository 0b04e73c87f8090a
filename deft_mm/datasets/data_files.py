"""Checking and reading the files of a data set on disk."""

from __future__ import annotations

import inspect
import textwrap

from mmengine.dataset import BaseDataset
from mmengine.fileio import exists, join_path, list_from_file
from mmpretrain.datasets.utils import check_md5

# What MMPretrain's CIFAR10 and MNIST raise where files are missing or damaged, or a download fails.
_LOADING_ERRORS = (AssertionError, OSError, RuntimeError, ValueError)


class DownloadedFiles:
    """Put before a data set of MMPretrain that downloads its files: its errors name the file.

    The docstring of the class shows the expected files, see :func:`require_files`.
    """

    def load_data_list(self) -> list[dict]:
        """Load images and labels.

        Raises:
            FileNotFoundError: If a file is missing or damaged and can't be downloaded.
        """
        try:
            return super().load_data_list()
        except _LOADING_ERRORS as error:
            raise FileNotFoundError(
                f'{type(self).__name__}: {_fault(self.needed_files())}, and could not be '
                f'downloaded ({str(error) or type(error).__name__}). The layout of `data_root` '
                f'(here {self.data_root!r}) must be:\n\n{layout_of(type(self))}'
            ) from error

    def needed_files(self) -> dict[str, str | None]:
        """Return the paths of the files, each with its MD5 sum where that is known."""
        folder = join_path(self.data_prefix['root'], self.base_folder)
        return {join_path(folder, name): md5 for name, md5 in self.train_list + self.test_list}


def require_files(dataset: BaseDataset, *paths: str) -> None:
    """Check that files or folders of a data set are there.

    Args:
        dataset (BaseDataset): The data set that needs them. Its class docstring shows the expected
            files in a literal block after ``Layout of ``data_root````.
        *paths (str): Files or folders.

    Raises:
        FileNotFoundError: If one is missing; the message shows the expected files.
    """
    for path in paths:
        if not exists(path):
            raise FileNotFoundError(
                f"{type(dataset).__name__}: '{path}' is missing (`data_root` is "
                f'{dataset.data_root!r}). Expected layout:\n\n{layout_of(type(dataset))}'
            )


def layout_of(dataset_class: type) -> str:
    """Return the literal block ``Layout of ``data_root```` of a class docstring.

    Args:
        dataset_class (type): A data set class.

    Returns:
        str: Indented lines; a reference to the documentation where Python dropped docstrings.
    """
    lines = iter((inspect.getdoc(dataset_class) or '').splitlines())
    block = []
    for line in lines:
        if line.startswith('Layout of ``data_root``'):
            break
    for line in lines:
        if line and not line.startswith(' '):
            break
        block.append(line)
    text = textwrap.dedent('\n'.join(block)).strip('\n')
    return textwrap.indent(text or f'see the documentation of {dataset_class.__name__}', '    ')


def read_labelled_paths(path: str, num_classes: int) -> list[tuple[str, int]]:
    """Read a list of one image path and one class index a line, separated by a blank.

    Args:
        path (str): The text file.
        num_classes (int): Class indices are below it.

    Returns:
        list[tuple[str, int]]: Image paths as written, and class indices, in the order of the file.

    Raises:
        ValueError: If a line has another form; the message names file and line.
    """
    pairs = []
    for number, line in enumerate(list_from_file(path), start=1):
        fields = line.rsplit(maxsplit=1)
        if not fields:
            continue
        if len(fields) != 2 or not fields[1].isdecimal() or int(fields[1]) >= num_classes:
            raise ValueError(
                f'{path}, line {number}: expected an image path and a class index below '
                f'{num_classes}, found {line!r}.'
            )
        pairs.append((fields[0], int(fields[1])))
    return pairs


def _fault(files: dict[str, str | None]) -> str:
    for path, md5 in files.items():
        if not exists(path):
            return f"'{path}' is missing"
        if md5 is not None and not check_md5(path, md5):
            return f"'{path}' is not the published file (its MD5 sum is another)"
    return f'one of {", ".join(map(repr, files))} is damaged'
