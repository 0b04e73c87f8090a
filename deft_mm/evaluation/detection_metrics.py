"""How well the clean samples are told from the mislabelled ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class DetectionCounts:
    """Counts from which the detection metrics follow.

    Counts of disjoint parts of a data set (batches, processes) add up to those of the whole.

    Args:
        n_total (int): Samples seen.
        n_kept (int): Samples kept.
        n_clean (int): Samples whose given label is the true one.
        n_kept_clean (int): Samples that are both.
    """

    n_total: int
    n_kept: int
    n_clean: int
    n_kept_clean: int

    @classmethod
    def from_arrays(cls, kept: np.ndarray, given: np.ndarray, clean: np.ndarray) -> DetectionCounts:
        """Count over samples.

        Args:
            kept (np.ndarray): (N,) bool.
            given (np.ndarray): (N,) given labels.
            clean (np.ndarray): (N,) true labels.

        Raises:
            ValueError: If the shapes differ.
        """
        kept, given, clean = np.asarray(kept, dtype=bool), np.asarray(given), np.asarray(clean)
        if not kept.shape == given.shape == clean.shape:
            raise ValueError(
                'Detection metrics need one entry a sample in each array, found shapes '
                f'kept {kept.shape}, given {given.shape}, clean {clean.shape}.'
            )
        is_clean = given == clean
        return cls(
            n_total=kept.size,
            n_kept=int(kept.sum()),
            n_clean=int(is_clean.sum()),
            n_kept_clean=int((kept & is_clean).sum()),
        )

    def metrics(self) -> dict[str, float]:
        """Return precision, recall and F1 of the clean class in percent, and the counts.

        The kept samples are the positives: precision is the share of them that is clean, recall
        the share of the clean samples that is kept. A ratio without a denominator is 0.

        Returns:
            dict: ``precision``, ``recall``, ``f1``, ``n_kept``, ``n_clean``, ``n_total``.
        """
        return dict(
            precision=_percent(self.n_kept_clean, self.n_kept),
            recall=_percent(self.n_kept_clean, self.n_clean),
            # 2PR / (P + R) = 2TP / (kept + clean), which has a value wherever one count is > 0.
            f1=_percent(2 * self.n_kept_clean, self.n_kept + self.n_clean),
            n_kept=self.n_kept,
            n_clean=self.n_clean,
            n_total=self.n_total,
        )


def detection_metrics(kept: np.ndarray, given: np.ndarray, clean: np.ndarray) -> dict[str, float]:
    """Metrics of a whole data set: :meth:`DetectionCounts.metrics` of its counts."""
    return DetectionCounts.from_arrays(kept, given, clean).metrics()


def _percent(part: int, whole: int) -> float:
    return 100.0 * part / whole if whole else 0.0
