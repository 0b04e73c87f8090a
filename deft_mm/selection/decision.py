"""A person's decision on a sample, and which sample of a data set it is on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from mmengine.logging import print_log

from deft_mm.selection.fingerprint import Fingerprint
from deft_mm.selection.found_by_path import rows_by_path
from deft_mm.selection.sample_table import SampleTable


@dataclass(frozen=True)
class Decision:
    """What somebody has decided of a sample.

    Args:
        sample_idx (int): The sample.
        label (int): The label that is right, or ``EXCLUDED``.
        reviewer (str): Who.
        time (str): When, ISO 8601; of two decisions of one reviewer the later one counts.
    """

    sample_idx: int
    label: int
    reviewer: str
    time: str


def decided_samples(
    table: SampleTable,
    fingerprint: Fingerprint,
    sample_idx: Sequence[int],
    img_path: Sequence[str],
    source: str,
) -> np.ndarray:
    """Find the samples that decisions are on.

    Those on all images of a folder are good for a data set that is a part of it, such as what is
    left when some are held out for validation, and the other way round: each image is found by its
    path then, and the log says how many there are not.

    Args:
        table (SampleTable): The data set at hand.
        fingerprint (Fingerprint): That of the one that was reviewed.
        sample_idx (Sequence[int]): (n,) samples in that one, of n decisions.
        img_path (Sequence[str]): (n,) their files.
        source (str): The file of the decisions, for messages.

    Returns:
        np.ndarray: (n,) int64, samples of ``table``, -1 for an image that it does not have.

    Raises:
        ValueError: If another data set was reviewed; the message says in what it differs.
    """
    differing = fingerprint.differing_parts(table.fingerprint)
    rows = None
    if 'num_samples' in differing and 'class_names' not in differing:
        rows = rows_by_path(img_path, table.img_path)
    if rows is not None:
        absent = len({idx for idx, row in zip(sample_idx, rows, strict=True) if row < 0})
        # A part lacks so many images of the whole, and no more.
        if absent <= max(0, fingerprint.num_samples - len(table)):
            _tell(source, fingerprint.num_samples, len(table), absent)
            return rows
    hint = 'Give the selection that was reviewed.'
    fingerprint.require_same(table.fingerprint, source, hint=hint)
    return np.array(sample_idx, dtype=np.int64)


def require_given_class(found: object, sample: int, table: SampleTable) -> str:
    """Check that a decision is on the label that its sample has.

    Args:
        found (object): The given class in the file of decisions.
        sample (int): The sample.
        table (SampleTable): The data set at hand.

    Returns:
        str: The given class.

    Raises:
        ValueError: If it is another one.
    """
    given = table.class_names[table.given_label[sample]]
    if found != given:
        raise ValueError(
            f'sample {sample} has the given class {found!r} here and {given!r} in the selection'
        )
    return given


def _tell(source: str, reviewed: int, here: int, absent: int) -> None:
    left = (
        f' {absent} images with a decision are not in it (held out for validation, say) and are '
        'left alone.'
        if absent
        else ''
    )
    print_log(
        f'{source} is of {reviewed} samples, and this data set has {here}: images are found by '
        f'their paths.{left}',
        logger='current',
    )
