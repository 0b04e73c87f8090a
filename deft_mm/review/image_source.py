"""Where the images of a selection come from."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from deft_mm.datasets.own_images.decoding import decode_image
from deft_mm.datasets.unreadable_image import UnreadableImageError
from deft_mm.selection import SampleTable
from deft_mm.shorten import printable
from deft_mm.user_file import read_bytes
from deft_mm.visualization import sample_views


class ImageSource:
    """Gives the images of samples: of the files that a selection names, or of a data set.

    Args:
        table (SampleTable): The selection.
        dataset: The data set that it was made of, for images that are no files. Defaults to None.

    Raises:
        FileNotFoundError: If none of the files is there.
        ValueError: If there are samples without a file, and no data set.
    """

    def __init__(self, table: SampleTable, dataset: Any = None) -> None:
        self.paths = [os.path.abspath(path) if path else '' for path in table.img_path]
        self.dataset = dataset
        if dataset is not None:
            return
        nameless = self.paths.count('')
        if nameless:
            raise ValueError(
                f'{nameless} of {len(self.paths)} samples of the selection are no files: give the '
                'config of their data set with --config CONFIG.'
            )
        if not any(map(os.path.isfile, self.paths)):
            raise FileNotFoundError(
                f'None of the {len(self.paths)} images is there (first: '
                f"'{printable(self.paths[0])}'): paths that are not absolute are those of the "
                'folder in which the selection was made, run this there.'
            )

    def image(self, idx: int) -> np.ndarray | None:
        """Read an image.

        Args:
            idx (int): Index of the sample.

        Returns:
            np.ndarray, optional: (H, W, 3) uint8 in the order RGB; None where it can't be read.
        """
        try:
            if self.dataset is not None:
                return sample_views(self.dataset, idx)[0].image
        except UnreadableImageError:
            return None
        try:
            return decode_image(read_bytes(self.paths[idx])).pixels[:, :, ::-1]
        except Exception:  # Pillow's plug-ins raise errors of every kind
            return None
