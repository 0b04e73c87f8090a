"""Images that have no labels."""

from __future__ import annotations

from collections.abc import Sequence

from mmpretrain.datasets import BaseDataset


class ImageListDataset(BaseDataset):
    """Image files to be classified, each with the first class in place of a label.

    Args:
        paths (Sequence[str]): The files.
        classes (Sequence[str]): The names of the classes that there are.
    """

    def __init__(self, paths: Sequence[str], classes: Sequence[str]) -> None:
        self.paths = list(paths)
        super().__init__(ann_file='', metainfo=dict(classes=list(classes)), test_mode=True)

    def load_data_list(self) -> list[dict]:
        """List the files."""
        return [dict(img_path=path, gt_label=0) for path in self.paths]
