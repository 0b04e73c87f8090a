"""Detection at every threshold: AUROC, the precision-recall curve, and the scores' histograms.

The table is what a figure needs, and no more: it can be copied to where there are no data.
"""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np
from sklearn.metrics import average_precision_score, roc_auc_score

from deft_mm.fileio import check_header, write_atomically
from deft_mm.user_file import lines_of, parse_json

FORMAT = 'deft_mm-detection-curve'
FORMAT_VERSION = 1
COLUMNS = ('threshold', 'kept_clean', 'kept_wrong')
_HEADER = ('num_samples', 'num_clean', 'auroc', 'average_precision')
_ROWS = 1001


@dataclass
class DetectionCurve:
    """How many right and wrong labels are kept at each threshold of a score.

    Args:
        threshold (np.ndarray): (T,) float64, descending from the highest score to the lowest.
        kept_clean (np.ndarray): (T,) int64, samples with a right label whose score is at least the
            threshold.
        kept_wrong (np.ndarray): (T,) int64, the same of wrong labels.
        auroc (float): Area under the ROC curve in percent, of all scores, ties counted half; NaN
            where all labels are right, or all wrong.
        average_precision (float): Average precision of the right labels in percent; NaN where no
            label is right.
    """

    threshold: np.ndarray
    kept_clean: np.ndarray
    kept_wrong: np.ndarray
    auroc: float
    average_precision: float

    @classmethod
    def from_scores(cls, score: np.ndarray, given: np.ndarray, clean: np.ndarray) -> DetectionCurve:
        """Count at the scores that there are, at most 1,001 of them, evenly by rank.

        Args:
            score (np.ndarray): (N,) scores, higher for cleaner; NaN counts as the lowest.
            given (np.ndarray): (N,) given labels.
            clean (np.ndarray): (N,) true labels.

        Raises:
            ValueError: If the shapes differ, or there is no sample.
        """
        score = np.asarray(score, dtype=np.float64)
        if not score.shape == np.shape(given) == np.shape(clean) or score.size == 0:
            raise ValueError(
                'A detection curve needs one entry a sample in each array, found shapes '
                f'score {score.shape}, given {np.shape(given)}, clean {np.shape(clean)}.'
            )
        is_clean = np.asarray(given) == np.asarray(clean)
        known = ~np.isnan(score)
        lowest = score[known].min() if known.any() else 0.0
        score = np.where(known, score, lowest - 1.0)
        levels = np.unique(score)[::-1]
        if len(levels) > _ROWS:
            ranks = np.linspace(0, len(levels) - 1, _ROWS).round().astype(int)
            levels = levels[ranks]
        counts = [
            # How many scores are at or above each level.
            part.size - np.searchsorted(np.sort(part), levels, side='left')
            for part in (score[is_clean], score[~is_clean])
        ]
        both = is_clean.any() and not is_clean.all()
        return cls(
            threshold=levels,
            kept_clean=counts[0],
            kept_wrong=counts[1],
            auroc=100 * float(roc_auc_score(is_clean, score)) if both else np.nan,
            average_precision=100 * float(average_precision_score(is_clean, score))
            if is_clean.any()
            else np.nan,
        )

    @property
    def num_clean(self) -> int:
        """int: Samples with a right label."""
        return int(self.kept_clean[-1])

    @property
    def num_samples(self) -> int:
        """int: Samples."""
        return self.num_clean + int(self.kept_wrong[-1])

    def precision_recall(self) -> tuple[np.ndarray, np.ndarray]:
        """Precision and recall of the right labels at every threshold, each (T,), in percent."""
        kept = np.maximum(self.kept_clean + self.kept_wrong, 1)
        return 100 * self.kept_clean / kept, 100 * self.kept_clean / max(self.num_clean, 1)

    def histogram(self, bins: int = 20) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """How many samples have a score in each part of [0, 1], as far as the table resolves them.

        Args:
            bins (int): Number of parts. Defaults to 20.

        Returns:
            tuple[np.ndarray, np.ndarray, np.ndarray]: Edges (bins + 1,), and the numbers of right
            and of wrong labels, each (bins,).
        """
        edges, score = np.linspace(0, 1, bins + 1), np.clip(self.threshold, 0, 1)
        clean, wrong = (
            np.histogram(score, edges, weights=np.diff(kept, prepend=0))[0].astype(np.int64)
            for kept in (self.kept_clean, self.kept_wrong)
        )
        return edges, clean, wrong

    def write(self, path: str | PathLike) -> None:
        """Write the table as a CSV file, all of it or nothing, in place of an old one."""
        text = io.StringIO()
        header = dict(
            format=FORMAT,
            format_version=FORMAT_VERSION,
            num_samples=self.num_samples,
            num_clean=self.num_clean,
            auroc=_none_if_nan(self.auroc),
            average_precision=_none_if_nan(self.average_precision),
        )
        for key, value in header.items():
            text.write(f'# {key}: {json.dumps(value)}\n')
        table = csv.writer(text, lineterminator='\n')
        table.writerow(COLUMNS)
        columns = (self.threshold, self.kept_clean, self.kept_wrong)
        table.writerows(zip(*(column.tolist() for column in columns), strict=True))
        write_atomically(text.getvalue().encode(), path)

    @classmethod
    def read(cls, path: str | PathLike) -> DetectionCurve:
        """Read a file that :meth:`write` has written.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is no such file.
        """
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(
                f"No detection curve '{path}': a run writes one where the true labels are known."
            )
        try:
            return cls._parse([line.rstrip('\r\n') for line in lines_of(path)])
        except (ValueError, TypeError, csv.Error) as error:
            raise ValueError(
                f"'{path}' is not a usable detection curve: {error}. Let its run write it again."
            ) from error

    @classmethod
    def _parse(cls, lines: list[str]) -> DetectionCurve:
        header = {}
        for line in lines:
            if line.startswith('#'):
                key, _, value = line[1:].partition(':')
                header[key.strip()] = parse_json(value)
        check_header(header, FORMAT, FORMAT_VERSION, _HEADER)
        rows = list(csv.reader(line for line in lines if not line.startswith('#')))
        if not rows or tuple(rows[0]) != COLUMNS:
            raise ValueError(f'its columns are {rows[0] if rows else []}, not {list(COLUMNS)}')
        if len(rows) < 2 or any(len(row) != len(COLUMNS) for row in rows):
            raise ValueError(f'it has no row, or one without {len(COLUMNS)} entries')
        threshold, kept_clean, kept_wrong = np.array(rows[1:], dtype=np.float64).T
        kept_clean, kept_wrong = kept_clean.astype(np.int64), kept_wrong.astype(np.int64)
        auroc, average_precision = (
            np.nan if header[name] is None else float(header[name])
            for name in ('auroc', 'average_precision')
        )
        curve = cls(threshold, kept_clean, kept_wrong, auroc, average_precision)
        if (curve.num_samples, curve.num_clean) != (header['num_samples'], header['num_clean']):
            raise ValueError('its last row does not count all samples: it was cut off')
        return curve


def _none_if_nan(value: float) -> float | None:
    return None if np.isnan(value) else value
