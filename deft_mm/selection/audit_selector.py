"""The detector and the threshold that do best on planted errors."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from mmengine.logging import print_log
from mmpretrain.registry import TASK_UTILS

from deft_mm.selection.audit import Audit, audit
from deft_mm.selection.class_probs import NEIGHBOURS, SCORES, class_probs, options_of
from deft_mm.selection.cuts import given_probability
from deft_mm.selection.neighbours import nearest_neighbours
from deft_mm.selection.sample_table import SampleTable
from deft_mm.selection.score_selector import check_options, known_rows
from deft_mm.selection.selector import Selector


@TASK_UTILS.register_module()
class AuditSelector(Selector):
    """Let errors that are planted choose detector and threshold.

    Some labels are changed on purpose, and what the detectors find of these says what they find of
    the real errors: see :func:`deft_mm.selection.audit.audit`. Detector and threshold of the
    highest estimated F1 select, from the labels as they were given; what the audit has found is
    logged. Where errors seem to be systematic, a warning names the classes. The score is the
    probability that the chosen detector gives the label.

    Where people have corrected labels, the audit is of the given ones, since what is left of the
    errors, once those have been put right that are found best, is no longer like planted ones. What
    has been put right is taken off its share of wrong labels. The chosen detector learns from the
    corrected labels.

    Args:
        detectors (Sequence[str]): Scores of :class:`~deft_mm.selection.ScoreSelector`. Without
            'zero_shot' systematic errors aren't seen. Defaults to ('zero_shot', 'features',
            'fused').
        planted (float): Share of the labels that is changed at a time, in (0, 0.2]. Defaults to
            0.05.
        random_state (int): Seed of what is planted, and of the folds. Defaults to 0.
        **options: ``folds``, ``C`` and ``k`` of the detectors.

    Attributes:
        audit (Audit, optional): What the last selection has found.

    Raises:
        ValueError: If an argument is out of range, or a detector unknown.

    Example:

        .. code:: python

            selector = dict(type='AuditSelector')
    """

    def __init__(
        self,
        detectors: Sequence[str] = ('zero_shot', 'features', 'fused'),
        planted: float = 0.05,
        random_state: int = 0,
        **options: Any,
    ) -> None:
        self.detectors = (detectors,) if isinstance(detectors, str) else tuple(detectors)
        if not self.detectors or not set(self.detectors) <= set(SCORES):
            raise ValueError(
                f'AuditSelector: `detectors` are some of {", ".join(SCORES)}, found {detectors!r}.'
            )
        if not 0 < planted <= 0.2:
            raise ValueError(f'AuditSelector: `planted` is a share in (0, 0.2], found {planted}.')
        known = {name for detector in self.detectors for name in options_of(detector)}
        if not set(options) <= known:
            raise ValueError(
                f'AuditSelector: these detectors have no {", ".join(set(options) - known)}; their '
                f'options: {", ".join(sorted(known - {"random_state"})) or "none"}.'
            )
        check_options('AuditSelector', dict(options, random_state=random_state))
        needs = [name for detector in self.detectors for name in SCORES[detector][1]]
        self.needs = tuple(dict.fromkeys(needs))
        self.planted = planted
        self.options = dict(options, random_state=random_state)
        self.audit: Audit | None = None

    def __call__(self, table: SampleTable) -> tuple[np.ndarray, np.ndarray]:
        """Select by what is picked; see :meth:`Selector.__call__`."""
        known, columns = known_rows(table, self.needs)
        num_classes = len(table.class_names)
        if 'knn' in self.detectors and known.sum() > 1:
            # They are the same whatever is planted.
            k = self.options.get('k', NEIGHBOURS)
            columns['neighbours'] = nearest_neighbours(columns['feature'], k)

        def detect(labels: np.ndarray) -> dict[str, np.ndarray]:
            return class_probs(self.detectors, labels, num_classes, columns, self.options)

        given, right = table.given_label[known], table.label[known]
        found = audit(
            detect,
            given,
            num_classes,
            planted=self.planted,
            random_state=self.options['random_state'],
        )
        if (given != right).any():
            score = given_probability(detect(right)[found.detector], right)
            found = _corrected(found, float(np.mean(given != right)), score)
        self.audit = found
        level = logging.WARNING if self.audit.systematic else logging.INFO
        print_log('\n'.join(self.audit.to_lines(table.class_names)), 'current', level)
        kept, score = np.zeros(len(table), dtype=bool), np.full(len(table), np.nan)
        kept[known], score[known] = self.audit.kept, self.audit.score
        return kept, score


def _corrected(found: Audit, fixed: float, score: np.ndarray) -> Audit:
    """The audit of the given labels, once a share of all has been put right."""
    share, *interval = (max(0.0, value - fixed) for value in (found.wrong_share, *found.interval))
    return replace(found, wrong_share=share, interval=tuple(interval), score=score)
