"""Features of images on a disk, found again by the image.

Shapes: n images at a time, D width of a feature before CLIP's projection, E behind it.
"""

from __future__ import annotations

import io
import logging
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from mmengine.logging import print_log

from deft_mm.fileio import remove_leftovers, write_atomically
from deft_mm.selection.fingerprint import digest, digest_file

# A file is written after so many images, or where they take longer, after so many seconds: what a
# killed process has computed since is lost.
_ROWS = 4096
_SECONDS = 30.0
# A temporary file of another process that is at work is not as old as that.
_LEFT_OVER = 3600.0


class FeatureStore:
    """The features of one image tower, in files that are written once.

    A file has up to 4,096 images, each with the number of the image, the feature before CLIP's
    projection and the one behind it. Its name is the checksum of what is in it. It is renamed to
    that when it is complete, so that one that is there is whole; one that has been damaged since is
    told of, removed, and its images have no features. In memory are 16 bytes an image; features are
    mapped.

    Several processes may write to one folder, be they of one run or not.

    Args:
        folder (Path): Where the files are; made when the first is written.
        widths (tuple[int, int]): D and E.
        dtype (str): 'float16' or 'float32'.
    """

    def __init__(self, folder: Path, widths: tuple[int, int], dtype: str) -> None:
        self.folder = folder
        self._row = np.dtype(
            [
                ('image', np.uint64),
                ('token', dtype, (widths[0],)),
                ('projected', dtype, (widths[1],)),
            ]
        )
        self._chunks: list[np.ndarray] | None = None
        self._starts = np.zeros(0, dtype=np.int64)
        self._added: list[np.ndarray] = []
        self._last_written = time.monotonic()

    def find(self, images: np.ndarray) -> np.ndarray:
        """Look for images, in files that are there when this is first called.

        Args:
            images (np.ndarray): (n,) uint64 numbers, see
                :func:`~deft_mm.datasets.image_ids.image_ids`.

        Returns:
            np.ndarray: (n,) int64, where :meth:`read` finds their features; -1 for one that has
            none.
        """
        if self._chunks is None:
            self._open()
        if not self._chunks:
            return np.full(len(images), -1)
        known = np.concatenate([chunk['image'] for chunk in self._chunks])
        order = known.argsort(kind='stable')
        place = order[known.searchsorted(images, sorter=order).clip(max=len(known) - 1)]
        return np.where(known[place] == images, place, -1)

    def read(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Read the features of images.

        Args:
            places (np.ndarray): (n,) int64, what :meth:`find` returned, none of them -1.

        Returns:
            tuple[np.ndarray, np.ndarray]: The features before (n, D) and behind the projection
            (n, E), in the store's type.
        """
        rows = np.empty(len(places), dtype=self._row)
        chunk_n = self._starts.searchsorted(places, side='right') - 1
        for number in np.unique(chunk_n):
            of_chunk = chunk_n == number
            rows[of_chunk] = self._chunks[number][places[of_chunk] - self._starts[number]]
        return rows['token'], rows['projected']

    def add(self, images: np.ndarray, features: Sequence[np.ndarray]) -> None:
        """Keep the features of images; they are written when there are enough.

        Args:
            images (np.ndarray): (n,) uint64 numbers.
            features (Sequence[np.ndarray]): Before (n, D) and behind the projection (n, E).

        Raises:
            OSError: If a file can't be written; it is named.
        """
        rows = np.empty(len(images), dtype=self._row)
        rows['image'], (rows['token'], rows['projected']) = images, features
        self._added.append(rows)
        late = time.monotonic() - self._last_written >= _SECONDS
        if late or sum(map(len, self._added)) >= _ROWS:
            self.flush()

    def flush(self) -> None:
        """Write what has been added and isn't written yet.

        Raises:
            OSError: If the file can't be written; it is named.
        """
        rows, self._added = self._added, []
        self._last_written = time.monotonic()
        if sum(map(len, rows)):
            file = io.BytesIO()
            np.save(file, np.concatenate(rows), allow_pickle=False)
            content = file.getvalue()
            write_atomically(content, self.folder / f'{digest(content, size=16)}.npy')

    def _open(self) -> None:
        remove_leftovers(self.folder, before=time.time() - _LEFT_OVER)
        self._chunks, damaged = [], []
        for path in sorted(self.folder.glob('*.npy')):
            try:
                chunk = self._mapped(path)
            except (OSError, ValueError, EOFError):
                damaged.append(path)
            else:
                self._chunks.append(chunk)
        sizes = [len(chunk) for chunk in self._chunks]
        self._starts = np.cumsum([0, *sizes[:-1]], dtype=np.int64)
        if damaged:
            print_log(
                f'{len(damaged)} files of features in {self.folder} are damaged '
                f'({damaged[0].name}): what was in them is computed again.',
                logger='current',
                level=logging.WARNING,
            )
            for path in damaged:
                path.unlink(missing_ok=True)

    def _mapped(self, path: Path) -> np.ndarray:
        """A file whose content is what its name says, without reading it to memory."""
        if digest_file(path) != path.stem:
            raise ValueError('its checksum is another one')
        chunk = np.load(path, mmap_mode='r', allow_pickle=False)
        if chunk.dtype != self._row or chunk.ndim != 1:
            raise ValueError(f'it has {chunk.dtype} of shape {chunk.shape}')
        return chunk
