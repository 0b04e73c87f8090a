"""The fingerprint of a data set, wrapped or not."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset

from deft_mm.datasets.chain import annotations_of, class_names_of, collect, given_labels_of
from deft_mm.selection.fingerprint import Fingerprint, digest_image
from deft_mm.selection.found_by_path import below_common_folder


def dataset_fingerprint(dataset: Any) -> Fingerprint:
    """Take the fingerprint of a data set.

    No image file is opened: a file is identified by its path below the folder that all files of
    its base data set share, so that data sets can be moved; an image in memory by a checksum.

    Args:
        dataset: A classification data set, wrapped or not.

    Returns:
        Fingerprint: Equal for equal samples, labels and class names in the same order.

    Raises:
        ValueError: If the data set has no class names, or samples without a single label.
    """
    dataset.full_init()

    def identities_of(inner: Any) -> np.ndarray | None:
        return _identities(inner) if isinstance(inner, BaseDataset) else None

    return Fingerprint.from_parts(
        class_names=class_names_of(dataset),
        given_labels=given_labels_of(dataset),
        identities=collect(dataset, identities_of).tolist(),
    )


def _identities(base: BaseDataset) -> np.ndarray:
    """Return N strings that tell the images of a base data set from one another."""
    paths, arrays = [], []
    for info in annotations_of(base):
        path, image = info.get('img_path'), info.get('img')
        paths.append(str(path).replace('\\', '/') if path else '')
        arrays.append('' if image is None else digest_image(np.asarray(image)))
    return np.array(
        [path + array for path, array in zip(below_common_folder(paths), arrays, strict=True)],
        dtype=object,
    )
