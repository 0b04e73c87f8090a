"""What the page knows, as JSON.

Columns of numbers are base64 of little-endian arrays: 50,000 samples take 3 MB and are there at
once. Shapes: N samples, C classes, n samples on the page, T most probable classes, k neighbours.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from deft_mm.selection import SampleTable
from deft_mm.selection.fingerprint import digest
from deft_mm.selection.sample_details import SampleDetails, suggested_label
from deft_mm.version import __version__


def page_data(
    table: SampleTable,
    details: SampleDetails,
    order: np.ndarray,
    paths: Sequence[str],
    sheets: dict[str, Any],
    missing: Sequence[int],
    title: str,
) -> dict[str, Any]:
    """Collect what the page shows.

    Args:
        table (SampleTable): The selection, of N samples.
        details (SampleDetails): What else is known of them.
        order (np.ndarray): (n,) samples in the order of the page.
        paths (Sequence[str]): N absolute paths of the images, '' for what is no file.
        sheets (dict[str, Any]): Where the thumbnails are: ``size``, ``columns``, ``rows`` and
            ``files``.
        missing (Sequence[int]): Samples without an image.
        title (str): What the data are called.

    Returns:
        dict[str, Any]: For :func:`to_json`.
    """
    fingerprint, alike = table.fingerprint.to_dict(), details.look_alikes
    return dict(
        title=title,
        fingerprint=fingerprint,
        # Decisions are kept in a browser under it.
        key=digest(json.dumps(fingerprint, sort_keys=True).encode()),
        classes=list(table.class_names),
        about=dict(
            method=table.method,
            config=table.config,
            created=table.created,
            version=table.deft_mm_version,
            page_version=__version__,
            samples=len(table),
            kept=table.num_kept,
        ),
        audit=details.audit,
        sheets=sheets,
        columns={
            name: _column(array[order]) for name, array in _columns(table, details, missing).items()
        },
        order=_column(order.astype(np.int32)),
        per_class=_column(_counts(table)),
        pairs=[] if alike is None else alike.pairs.tolist(),
        outliers=[] if alike is None else alike.outliers.tolist(),
        paths=[paths[idx] for idx in order],
        names=[table.img_path[idx] for idx in order],
    )


def to_json(data: dict[str, Any]) -> str:
    """Write JSON that may stand within a page: no tag ends or begins in it.

    Args:
        data (dict[str, Any]): See :func:`page_data`.

    Returns:
        str: ASCII; bytes of names that are not UTF-8 are surrogates.
    """
    return json.dumps(data, separators=(',', ':'), allow_nan=False).replace('<', '\\u003c')


def _columns(
    table: SampleTable, details: SampleDetails, missing: Sequence[int]
) -> dict[str, np.ndarray]:
    suggested_N, prob_N = suggested_label(table, details)
    has_image_N = np.ones(len(table), dtype=bool)
    has_image_N[list(missing)] = False
    columns = dict(
        given=table.given_label,
        suggested=suggested_N,
        suggested_prob=prob_N,
        clean_prob=table.clean_prob,
        score=table.score,
        kept=table.kept,
        corrected=table.corrected_label,
        has_image=has_image_N,
        top_label=details.top_label,
        top_prob=details.top_prob,
        similarity=details.similarity,
        negative_similarity=details.negative_similarity,
        neighbours=None if details.look_alikes is None else details.look_alikes.neighbours,
    )
    return {name: array for name, array in columns.items() if array is not None}


def _counts(table: SampleTable) -> np.ndarray:
    """Of each class the samples, and those that are kept: (C, 2)."""
    counts = [
        np.bincount(labels, minlength=len(table.class_names))
        for labels in (table.given_label, table.given_label[table.kept])
    ]
    return np.stack(counts, axis=1).astype(np.int32)


def _column(array: np.ndarray) -> dict[str, Any]:
    kind = {'f': 'Float32', 'b': 'Uint8'}.get(array.dtype.kind, 'Int32')
    dtype = {'Float32': '<f4', 'Uint8': 'u1', 'Int32': '<i4'}[kind]
    data = base64.b64encode(np.ascontiguousarray(array, dtype=dtype).tobytes()).decode()
    return dict(type=kind, width=1 if array.ndim == 1 else array.shape[1], data=data)
