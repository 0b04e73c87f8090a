"""What is said of a selection: how much is kept and, where true labels are known, how rightly."""

from __future__ import annotations

from functools import cached_property
from os import PathLike
from pathlib import Path

import numpy as np

from deft_mm.evaluation.detection_curve import DetectionCurve
from deft_mm.evaluation.detection_metrics import detection_metrics
from deft_mm.selection import SampleTable, count_decisions, write_selection
from deft_mm.selection.sample_details import SampleDetails, details_file

# Detection metrics of a selection, in percent, as tables and logs have them.
DETECTION_METRICS = ('precision', 'recall', 'f1', 'auroc')
# How many classes the table of the report has.
_TOP = 10


class SelectionReport:
    """The figures of a selection, for the log, for programs and as files.

    Detection metrics are of the samples that were scored: a detector may lack some of the classes.
    Where people have corrected labels, precision, recall and F1 are those of the corrected ones.

    Args:
        table (SampleTable): The selection, of N samples.
        clean_labels (np.ndarray, optional): (N,) true labels, if they are known. Defaults to None.
        seconds (float): How long it took. Defaults to 0.
    """

    def __init__(
        self, table: SampleTable, clean_labels: np.ndarray | None = None, seconds: float = 0.0
    ) -> None:
        self.table = table
        self.clean_labels = clean_labels
        self.seconds = seconds

    @cached_property
    def curve(self) -> DetectionCurve | None:
        """DetectionCurve, optional: Of the scored samples; None where true labels aren't known."""
        if self.clean_labels is None:
            return None
        scored = self.table.scored
        return DetectionCurve.from_scores(
            self.table.score[scored], self.table.given_label[scored], self.clean_labels[scored]
        )

    @cached_property
    def figures(self) -> dict[str, float]:
        """dict[str, float]: ``kept`` and ``total``, numbers of samples, ``seconds``, and in percent
        ``precision``, ``recall``, ``f1``, ``auroc`` and ``average_precision``, where true labels
        are known."""
        table = self.table
        figures = dict(kept=table.num_kept, total=len(table), seconds=self.seconds)
        if self.clean_labels is not None:
            scored = table.scored
            metrics = detection_metrics(
                table.kept[scored], table.label[scored], self.clean_labels[scored]
            )
            figures |= {name: metrics[name] for name in ('precision', 'recall', 'f1')}
            figures |= dict(auroc=self.curve.auroc, average_precision=self.curve.average_precision)
        return figures

    def write(self, path: str | PathLike, details: SampleDetails | None = None) -> list[Path]:
        """Write the selection file and, where true labels are known, the detection curve.

        The curve lies beside a ``selection.csv`` as ``detection_curve.csv``, beside an ``x.csv`` as
        ``x_detection_curve.csv``; details, what else there is to see, as ``selection_details.npz``
        and ``x_details.npz``. Returns the paths of selection and curve.
        """
        path = Path(path)
        write_selection(path, self.table)
        if details is not None:
            details.write(details_file(path), self.table)
        if self.curve is None:
            return [path]
        name = 'detection_curve.csv'
        curve_path = path.with_name(name if path.stem == 'selection' else f'{path.stem}_{name}')
        self.curve.write(curve_path)
        return [path, curve_path]

    def to_line(self) -> str:
        """Return in a line what is kept, and detection metrics where true labels are known."""
        figures = self.figures
        text = f'Kept {figures["kept"]} of {figures["total"]} samples ({self.seconds:.1f} s)'
        if self.clean_labels is None:
            return text
        return (
            f'{text}: detection precision {figures["precision"]:.2f}, recall '
            f'{figures["recall"]:.2f}, F1 {figures["f1"]:.2f}, AUROC of the scores '
            f'{figures["auroc"]:.2f}'
        )

    def to_lines(self) -> list[str]:
        """Return the outcome at length, with the classes of which most is rejected."""
        table, scored = self.table, self.table.scored
        kept, given = table.kept[scored], table.given_label[scored]
        lines = [
            f'Kept {table.num_kept} of {len(table)} samples: {int(kept.sum())} of {len(kept)} '
            f'scored ones ({self.seconds:.1f} s)'
        ]
        left = int((~scored).sum())
        if left:
            word = 'kept' if table.kept[~scored].all() else 'rejected'
            lines.append(f'{left} samples of classes that the detector does not have: {word}')
        unreadable = int((~table.readable).sum())
        if unreadable:
            lines.append(f'{unreadable} images cannot be read: rejected')
        if table.decided.any():
            text = ', '.join(f'{n} {word}' for word, n in count_decisions(table).items() if n)
            lines.append(f'Decided by people: {text}')
        if self.clean_labels is not None:
            figures = self.figures
            lines.append(
                f'Detection among the scored samples: precision {figures["precision"]:.2f}, recall '
                f'{figures["recall"]:.2f}, F1 {figures["f1"]:.2f}, AUROC {figures["auroc"]:.2f}'
            )
        return lines + self._class_lines(kept, given)

    def _class_lines(self, kept: np.ndarray, given: np.ndarray) -> list[str]:
        names = self.table.class_names
        total = np.bincount(given, minlength=len(names))
        rejected = np.bincount(given[~kept], minlength=len(names))
        share = rejected / np.maximum(total, 1)
        top = [label for label in np.argsort(-share, kind='stable')[:_TOP] if rejected[label]]
        if not top:
            return []
        width = max(len(names[label]) for label in top)
        return ['Classes of which most is rejected:'] + [
            f'  {names[label]:{width}}  {share[label]:6.1%}  {rejected[label]} of {total[label]}'
            for label in top
        ]
