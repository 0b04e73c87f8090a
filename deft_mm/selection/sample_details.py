"""What a detector knows of samples beyond their rows in a selection, for people who look at them.

Shapes: N samples, C classes, T most probable classes, k neighbours.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from deft_mm.array_file import read_arrays
from deft_mm.fileio import check_header, write_atomically
from deft_mm.selection.audit import Audit
from deft_mm.selection.fingerprint import Fingerprint, digest
from deft_mm.selection.neighbours import LookAlikes, look_alikes
from deft_mm.selection.sample_table import SampleTable
from deft_mm.selection.score_selector import known_rows
from deft_mm.selection.selector import Selector
from deft_mm.shorten import first_line
from deft_mm.user_file import parse_json
from deft_mm.version import __version__

FORMAT, FORMAT_VERSION = 'deft_mm-details', 1
# Above so many samples each one is not compared with all others.
MOST_COMPARED = 100_000
# How many of the most probable classes people are shown.
TOP_CLASSES = 5
# Columns that a scoring pass fills in for people.
PER_SAMPLE = ('top_label', 'top_prob', 'similarity', 'negative_similarity')


@dataclass(frozen=True)
class SampleDetails:
    """Evidence for and against the labels of a selection.

    Args:
        top_label (np.ndarray, optional): (N, T) int64, the most probable classes, -1 for none.
        top_prob (np.ndarray, optional): (N, T) float32, their probabilities.
        similarity (np.ndarray, optional): (N,) float32, cosine of the image and the (positive) text
            of the given class.
        negative_similarity (np.ndarray, optional): (N,) float32, of dual prompts the same with the
            negative text.
        look_alikes (LookAlikes, optional): Neighbours, near duplicates and outliers, by sample
            index; None without features, and above 100,000 samples.
        audit (Mapping, optional): What an audit has found, see :func:`audit_figures`.
    """

    top_label: np.ndarray | None = None
    top_prob: np.ndarray | None = None
    similarity: np.ndarray | None = None
    negative_similarity: np.ndarray | None = None
    look_alikes: LookAlikes | None = None
    audit: Mapping[str, Any] | None = None

    @classmethod
    def of(
        cls, table: SampleTable, selector: Selector | None = None, probs: np.ndarray | None = None
    ) -> SampleDetails:
        """Collect what a scoring pass has found.

        Args:
            table (SampleTable): N samples, with what was computed of them.
            selector (Selector, optional): What has selected from them. Defaults to None.
            probs (np.ndarray, optional): (N, C) what the selector says of every class, NaN for
                samples that it knows nothing of; None where that is the model. Defaults to None.

        Returns:
            SampleDetails: Without what is not known.
        """
        columns = {name: getattr(table, name) for name in PER_SAMPLE}
        if probs is not None:
            columns |= top_classes(probs)
        audit = getattr(selector, 'audit', None)
        return cls(
            **columns,
            look_alikes=_look_alikes_of(table),
            audit=None if audit is None else audit_figures(audit),
        )

    def write(self, path: str | PathLike, table: SampleTable) -> None:
        """Write the file that belongs to a selection, all of it or nothing.

        Args:
            path (str | PathLike): The file, see :func:`details_file`.
            table (SampleTable): The selection.
        """
        header = dict(
            format=FORMAT,
            format_version=FORMAT_VERSION,
            deft_mm_version=__version__,
            fingerprint=table.fingerprint.to_dict(),
            predictions=_digest(table),
            audit=self.audit,
        )
        arrays = {name: getattr(self, name) for name in PER_SAMPLE}
        if self.look_alikes is not None:
            arrays |= vars(self.look_alikes)
        arrays = {name: array for name, array in arrays.items() if array is not None}
        file = io.BytesIO()
        np.savez_compressed(file, header=np.array(json.dumps(header)), **arrays)
        write_atomically(file.getvalue(), path)

    @classmethod
    def read(cls, path: str | PathLike, table: SampleTable) -> SampleDetails:
        """Read the file that belongs to a selection. Nothing in it is unpickled.

        Args:
            path (str | PathLike): The file.
            table (SampleTable): The selection, whatever people have decided since.

        Returns:
            SampleDetails: Its content.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is damaged, or of another selection.
        """
        try:
            arrays = read_arrays(path, lambda names: names, len(table))
            header = parse_json(str(arrays.pop('header')))
            check_header(header, FORMAT, FORMAT_VERSION, ('fingerprint', 'predictions', 'audit'))
            found = _from_arrays(arrays, len(table), len(table.class_names))
        except FileNotFoundError:
            raise
        except Exception as error:  # what a damaged file raises can be anything
            raise ValueError(f"'{path}' is damaged: {first_line(error)}.") from error
        Fingerprint.from_dict(header['fingerprint']).require_same(table.fingerprint, f"'{path}'")
        if header['predictions'] != _digest(table):
            raise ValueError(f"'{path}' is of another selection of the same samples.")
        return replace(found, audit=header['audit'])


def details_file(selection: str | PathLike) -> Path:
    """Where the details of a selection file are: beside it, ``<name>_details.npz``."""
    path = Path(selection)
    return path.with_name(f'{path.stem}_details.npz')


def suggested_label(table: SampleTable, details: SampleDetails) -> tuple[np.ndarray, np.ndarray]:
    """The most probable class of each sample that is not the given one.

    Args:
        table (SampleTable): The selection, of N samples.
        details (SampleDetails): What else is known of them: without ``top_label`` the most probable
            class is the predicted one.

    Returns:
        tuple[np.ndarray, np.ndarray]: (N,) int32, -1 where there is none, and (N,) float32 its
        probability, NaN where that is not known.
    """
    label_NT, prob_NT = table.pred_label[:, None], table.pred_prob[:, None]
    if details.top_label is not None:
        label_NT, prob_NT = details.top_label, details.top_prob
    other_NT = (label_NT != table.given_label[:, None]) & (label_NT >= 0)
    rows, first_N = np.arange(len(table)), other_NT.argmax(axis=1)
    has_N = other_NT.any(axis=1)
    label_N = np.where(has_N, label_NT[rows, first_N], -1)
    return label_N.astype(np.int32), np.where(has_N, prob_NT[rows, first_N], np.nan)


def audit_figures(audit: Audit) -> dict[str, Any]:
    """What an audit has found, as plain types.

    Args:
        audit (Audit): The audit.

    Returns:
        dict[str, Any]: ``wrong_share``, ``low``, ``high`` in [0, 1]; ``detector``, ``threshold``
        and the estimated ``precision``, ``recall`` and ``f1`` of this pick in percent or None;
        ``num_planted``; ``systematic``, pairs of a given and the likely label.
    """
    row = audit.detectors.index(audit.detector)
    column = int(np.argmin(np.abs(audit.thresholds - audit.threshold)))
    estimates = {
        name: _finite(getattr(audit, name)[row, column]) for name in ('precision', 'recall', 'f1')
    }
    low, high = map(float, audit.interval)
    return dict(
        wrong_share=float(audit.wrong_share),
        low=low,
        high=high,
        detector=audit.detector,
        threshold=float(audit.threshold),
        num_planted=int(audit.num_planted),
        systematic=[[int(given), int(likely)] for given, likely in audit.systematic],
        **estimates,
    )


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def top_classes(probs_NC: np.ndarray) -> dict[str, np.ndarray]:
    """The most probable classes of each sample, as :class:`SampleDetails` has them.

    Args:
        probs_NC (np.ndarray): (N, C) probabilities; rows with NaN are of samples not known.

    Returns:
        dict[str, np.ndarray]: ``top_label`` and ``top_prob``.
    """
    known_N = ~np.isnan(probs_NC).any(axis=1)
    filled_NC = np.nan_to_num(probs_NC)
    label_NT = np.argsort(-filled_NC, axis=1, kind='stable')[:, :TOP_CLASSES]
    prob_NT = np.take_along_axis(filled_NC, label_NT, axis=1).astype(np.float32)
    label_NT[~known_N], prob_NT[~known_N] = -1, np.nan
    return dict(top_label=label_NT, top_prob=prob_NT)


def _look_alikes_of(table: SampleTable) -> LookAlikes | None:
    if table.feature is None or len(table) > MOST_COMPARED:
        return None
    known_N, columns = known_rows(table, ('feature',))
    found = look_alikes(columns['feature'], table.label[known_N])
    where = np.flatnonzero(known_N)
    neighbours_Nk = np.full((len(table), found.neighbours.shape[1]), -1)
    neighbours_Nk[known_N] = where[found.neighbours]
    return replace(
        found, pairs=where[found.pairs], outliers=where[found.outliers], neighbours=neighbours_Nk
    )


def _digest(table: SampleTable) -> str:
    """What stays as it is whatever people decide."""
    return digest(np.ascontiguousarray(table.pred_label).tobytes())


def _from_arrays(
    arrays: Mapping[str, np.ndarray], num_samples: int, num_classes: int
) -> SampleDetails:
    """Check shapes and ranges: what shows the page trusts them."""
    columns = {name: arrays.get(name) for name in PER_SAMPLE}
    names = [field.name for field in fields(LookAlikes)]
    alike = None
    if 'neighbours' in arrays:
        alike = LookAlikes(**{name: arrays[name] for name in names})
    per_sample = [*columns.values(), None if alike is None else alike.neighbours]
    if any(len(array) != num_samples for array in per_sample if array is not None):
        raise ValueError(f'its arrays are not of {num_samples} samples')
    for name in ('top_label', 'neighbours', 'pairs', 'outliers'):
        most = num_classes if name == 'top_label' else num_samples
        array = arrays.get(name)
        if array is not None and array.size and not -1 <= array.min() <= array.max() < most:
            raise ValueError(f'{name} has values from {array.min()} to {array.max()}')
    return SampleDetails(**columns, look_alikes=alike)
