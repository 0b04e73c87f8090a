"""What a data set says of its samples, as a table."""

from __future__ import annotations

from typing import Any

from deft_mm.datasets.chain import (
    class_names_of,
    corrected_labels_of,
    given_labels_of,
    img_paths_of,
)
from deft_mm.datasets.dataset_fingerprint import dataset_fingerprint
from deft_mm.selection.sample_table import SampleTable


def sample_table_of(dataset: Any) -> SampleTable:
    """List the samples of a data set, to be scored and selected from.

    Args:
        dataset: A classification data set, wrapped or not, of N samples.

    Returns:
        SampleTable: Its N rows: labels, paths, fingerprint and what people have decided, where a
        :class:`~deft_mm.datasets.CorrectedLabels` says so; no scores.

    Raises:
        ValueError: If the data set has no class names, or samples without a single label.
    """
    return SampleTable(
        fingerprint=dataset_fingerprint(dataset),
        class_names=class_names_of(dataset),
        img_path=img_paths_of(dataset),
        given_label=given_labels_of(dataset),
        corrected_label=corrected_labels_of(dataset),
    )
