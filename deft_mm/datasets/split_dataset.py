"""What data sets have in common that lie on disk in parts."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from mmpretrain.datasets import BaseDataset

from deft_mm.datasets.data_files import require_files


class SplitDataset(BaseDataset):
    """Base of the data sets whose images and lists lie below one folder, in parts.

    A subclass names its parts in ``SPLITS`` (and in ``SPLIT_HINT`` what to say to who asks for
    another), reads one in :meth:`read_samples`, and shows its files in its docstring, see
    :func:`~deft_mm.datasets.data_files.require_files`.

    Args:
        data_root (str): The folder of the data.
        split (str): One of the parts. Defaults to 'train'.
        metainfo (dict, optional): Meta information, such as other class names. Defaults to None.
        **kwargs: Other arguments of :class:`mmpretrain.datasets.BaseDataset`, such as ``pipeline``,
            ``indices`` and ``lazy_init``.

    Raises:
        FileNotFoundError: If a list or folder is missing.
        ValueError: If ``split`` is unknown.
    """

    SPLITS: Sequence[str] = ('train', 'test')
    SPLIT_HINT = ''

    def __init__(
        self, data_root: str, split: str = 'train', metainfo: dict | None = None, **kwargs
    ) -> None:
        require_split(self, split, self.SPLITS, self.SPLIT_HINT)
        self.split = split
        super().__init__(ann_file='', data_root=data_root, metainfo=metainfo, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Read lists and folders; no image file is opened.

        Returns:
            list[dict]: ``img_path`` and ``gt_label``.
        """
        return [dict(img_path=path, gt_label=label) for path, label in self.read_samples()]

    @abstractmethod
    def read_samples(self) -> list[tuple[str, int]]:
        """Return path and label of every image of the part."""

    def file(self, name: str) -> str:
        """Return the path of a file or folder below ``data_root``, which must be there."""
        path = f'{self.data_root}/{name}'
        require_files(self, path)
        return path

    def extra_repr(self) -> list[str]:
        """Return lines on what is read."""
        return [f'Root of dataset: \t{self.data_root}', f'Split: \t{self.split}']


def require_split(dataset: Any, split: str, splits: Sequence[str], hint: str = '') -> None:
    """Check the name of a part.

    Args:
        dataset: The data set, for the message.
        split (str): The name.
        splits (Sequence[str]): The known ones.
        hint (str): A sentence for the message. Defaults to ''.

    Raises:
        ValueError: If it is none of them.
    """
    if split not in splits:
        *others, last = map(repr, splits)
        raise ValueError(
            f'{type(dataset).__name__}: `split` is {", ".join(others)} or {last}, found '
            f'{split!r}. {hint}'.rstrip()
        )
