"""Scoring a data set with a trained detector, and what comes out.

Shapes: N samples of the data set, n of them of classes that the detector has.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from deft_mm.datasets import (
    class_names_of,
    clean_labels_of,
    dataset_fingerprint,
    given_labels_of,
    img_paths_of,
)
from deft_mm.detection.class_matching import NO_CLASS, ClassMatching
from deft_mm.detection.matched_samples import MatchedSamples
from deft_mm.detection.scoring_progress import ScoringProgress
from deft_mm.detection.selected_classes_head import SelectedClassesHead
from deft_mm.engine.scoring_pass import score_samples
from deft_mm.engine.selection_pass import CURVE_FILE
from deft_mm.evaluation import DetectionCurve, detection_metrics
from deft_mm.selection import (
    DualPromptSelector,
    Selection,
    SelectionLimits,
    Selector,
    write_selection,
)

# How many classes the table of the report has.
_TOP = 10


@dataclass
class Detection:
    """A selection of a data set, made by a detector that may know other classes.

    Args:
        selection (Selection): Of all N samples.
        scored (np.ndarray): (N,) bool, the samples of classes that the detector has.
        readable (np.ndarray): (N,) bool, False for a scored sample whose image can't be read.
        clean_labels (np.ndarray, optional): (N,) true labels, if they are known.
        seconds (float): How long the scoring took.
    """

    selection: Selection
    scored: np.ndarray
    readable: np.ndarray
    clean_labels: np.ndarray | None
    seconds: float

    def curve(self) -> DetectionCurve | None:
        """The detection curve of the scored samples; None where true labels aren't known.

        Returns:
            DetectionCurve, optional: The curve.
        """
        if self.clean_labels is None:
            return None
        return DetectionCurve.from_scores(
            self.selection.clean_prob[self.scored],
            self.selection.given_label[self.scored],
            self.clean_labels[self.scored],
        )

    def write(self, path: Path) -> list[Path]:
        """Write the selection file and, where true labels are known, the detection curve.

        The curve lies beside a ``selection.csv`` as ``detection_curve.csv``, beside an ``x.csv`` as
        ``x_detection_curve.csv``.

        Args:
            path (Path): The selection file.

        Returns:
            list[Path]: What was written.
        """
        write_selection(path, self.selection)
        curve = self.curve()
        if curve is None:
            return [path]
        name = CURVE_FILE if path.name == 'selection.csv' else f'{path.stem}_{CURVE_FILE}'
        curve.write(path.with_name(name))
        return [path, path.with_name(name)]

    def to_lines(self) -> list[str]:
        """Return the outcome as it is logged.

        Returns:
            list[str]: Numbers of samples, detection metrics where true labels are known, and the
            classes of which most is rejected.
        """
        selection, scored = self.selection, self.scored
        kept, given = selection.kept[scored], selection.given_label[scored]
        lines = [
            f'Kept {selection.num_kept} of {len(selection)} samples: {int(kept.sum())} of '
            f'{len(kept)} scored ones ({self.seconds:.1f} s)'
        ]
        left = int((~scored).sum())
        if left:
            word = 'kept' if selection.kept[~scored].all() else 'rejected'
            lines.append(f'{left} samples of classes that the detector does not have: {word}')
        unreadable = int((~self.readable).sum())
        if unreadable:
            lines.append(f'{unreadable} images cannot be read: rejected')
        if self.clean_labels is not None:
            metrics = detection_metrics(kept, given, self.clean_labels[scored])
            lines.append(
                f'Detection among the scored samples: precision {metrics["precision"]:.2f}, recall '
                f'{metrics["recall"]:.2f}, F1 {metrics["f1"]:.2f}, AUROC {self.curve().auroc:.2f}'
            )
        return lines + self._class_lines(kept, given)

    def _class_lines(self, kept: np.ndarray, given: np.ndarray) -> list[str]:
        names = self.selection.class_names
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


def detect(
    detector: nn.Module,
    dataset: Any,
    matching: ClassMatching,
    selector: Selector,
    pipeline: Sequence[dict],
    limits: SelectionLimits | None = None,
    keep_unmatched: bool = True,
    among_all: bool = False,
    batch_size: int = 64,
    num_workers: int = 0,
    skip_unreadable: bool = False,
    config: str = '',
) -> Detection:
    """Score a data set and select from it.

    Samples of a class that the detector doesn't have are left unscored: no clean probability and
    no prediction. The evidence being silent, they are kept by default; rejected, whole classes
    would be missing.

    A prediction is one of the classes that data and detector have in common. As long as wrong
    labels are labels of other samples of the data, a class that the data don't have can't be right,
    and to let it compete would reject right labels for its sake. That is different where images may
    show anything at all, or where the detector lacks classes of the data; ``among_all`` lets all
    its classes compete. The clean probability of dual prompts is a matter of one class and doesn't
    depend on it.

    Args:
        detector (nn.Module): An ``ImageClassifier``, which is left as it was.
        dataset (BaseDataset): The data set, of N samples.
        matching (ClassMatching): Which classes of the detector its classes are.
        selector (Selector): Decides which samples are kept.
        pipeline (Sequence[dict]): Evaluation transforms, ending in ``PackInputs``.
        limits (SelectionLimits, optional): Corrects what rejects too much or too little. Defaults
            to None.
        keep_unmatched (bool): Whether samples that aren't scored are kept. Defaults to True.
        among_all (bool): Whether a prediction may be a class of the detector that the data don't
            have; its label is then -1. Defaults to False.
        batch_size (int): Samples a forward pass, in each process. Defaults to 64.
        num_workers (int): Data-loading workers of each process. Defaults to 0.
        skip_unreadable (bool): Reject images that can't be read instead of stopping. Defaults to
            False.
        config (str): Name of the config file, for the selection file. Defaults to ''.

    Returns:
        Detection: The same in every process of a distributed run.

    Raises:
        ValueError: If no sample can be scored, the selector needs what the detector doesn't give,
            or an image can't be read and ``skip_unreadable`` is False.
    """
    if isinstance(selector, DualPromptSelector) and not hasattr(detector.head, 'dual_logits'):
        raise ValueError(
            'DualPromptSelector selects by clean probability, which a detector with '
            f'{type(detector.head).__name__} does not give: choose another one with --selector.'
        )
    start = time.perf_counter()
    classes = matching.matched
    samples = MatchedSamples(dataset, classes)
    if len(samples) == 0:
        raise ValueError(
            f'None of the {len(dataset)} samples is of a class that the detector has '
            f'({", ".join(matching.data_classes[label] for label in classes[:10])}).'
        )
    columns = matching.detector_label[classes]
    if among_all:
        columns = np.concatenate([columns, matching.other_labels])
    head = detector.head
    detector.head = SelectedClassesHead(head, columns).to(next(detector.parameters()).device)
    try:
        with ScoringProgress(detector, len(samples)):
            scores = score_samples(
                detector,
                samples,
                pipeline,
                batch_size=batch_size,
                num_workers=num_workers,
                skip_unreadable=skip_unreadable,
                needs=selector.needs,
            )
    finally:
        detector.head = head
    fingerprint = dataset_fingerprint(dataset)
    kept = selector.select(scores, fingerprint) & scores.readable
    score = selector.score(scores)
    if limits is not None:
        kept = limits.apply(kept, score, scores.given_label, scores.readable)

    scored = np.zeros(len(dataset), dtype=bool)
    scored[samples.indices] = True
    readable = np.ones(len(dataset), dtype=bool)
    readable[samples.indices] = scores.readable
    selection = Selection(
        fingerprint=fingerprint,
        class_names=class_names_of(dataset),
        img_path=img_paths_of(dataset),
        given_label=given_labels_of(dataset),
        clean_prob=_spread(score, scored, np.nan),
        pred_label=_spread(_data_labels(scores.pred_label, classes), scored, NO_CLASS),
        pred_prob=_spread(scores.pred_prob, scored, np.nan),
        kept=_spread(kept, scored, keep_unmatched),
        method=type(selector).__name__,
        config=config,
    )
    seconds = time.perf_counter() - start
    return Detection(selection, scored, readable, clean_labels_of(dataset), seconds)


def _spread(values_n: np.ndarray, scored_N: np.ndarray, rest: Any) -> np.ndarray:
    """Values of the scored samples among all N, the rest filled up."""
    values_N = np.full(len(scored_N), rest, dtype=values_n.dtype)
    values_N[scored_N] = values_n
    return values_N


def _data_labels(label_n: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """From columns of the head to labels of the data; -1 for a class that the data don't have."""
    known = (label_n >= 0) & (label_n < len(classes))
    return np.where(known, classes[np.where(known, label_n, 0)], NO_CLASS)
