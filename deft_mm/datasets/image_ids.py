"""Which image a sample shows, whatever its label is and wherever its file lies."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from deft_mm.datasets.in_threads import in_threads
from deft_mm.progress import Progress
from deft_mm.selection.fingerprint import digest, digest_image
from deft_mm.user_file import read_bytes

# What an annotation says of the label, or of the place of a sample.
_NOT_OF_THE_IMAGE = ('gt_label', 'gt_score', 'sample_idx', 'img', 'img_path')
# Images that a thread takes at a time: not an object for each of a million.
_AT_ONCE = 256


def image_ids(dataset: Any, indices: Sequence[int]) -> np.ndarray:
    """Number images by their content: the bytes of the file, or of the array.

    What else an annotation has, such as a box to cut out, counts, too. Every file is read once, in
    a few threads. One that can't be read gets a number that no other call will give.

    Args:
        dataset: A data set, wrapped or not.
        indices (Sequence[int]): n indices of samples in it.

    Returns:
        np.ndarray: (n,) uint64, equal for equal images.
    """
    ids = np.empty(len(indices), dtype=np.uint64)
    progress = Progress('Identified', len(indices), 'images')

    def number(start: int) -> list[int]:
        part = indices[start : start + _AT_ONCE]
        return [_image_id(dataset.get_data_info(int(idx))) for idx in part]

    starts = range(0, len(indices), _AT_ONCE)
    for start, found in zip(starts, in_threads(number, starts), strict=True):
        ids[start : start + len(found)] = found
        progress.advance(len(found))
    return ids


def _image_id(info: Mapping[str, Any]) -> int:
    image = info.get('img')
    try:
        if image is not None:
            content = digest_image(np.asarray(image))
        else:
            content = digest(read_bytes(info['img_path']), size=16)
    except (OSError, ValueError, KeyError):
        content = os.urandom(16).hex()
    others = [
        (key, digest_image(value) if isinstance(value, np.ndarray) else value)
        for key, value in sorted(info.items())
        if key not in _NOT_OF_THE_IMAGE
    ]
    return int(digest(repr((content, others)).encode('utf-8', 'surrogateescape')), 16)
