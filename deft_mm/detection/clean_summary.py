"""What ``tools/clean.py`` says of a cleaned data set, for people and for programs.

Shapes: N samples, C classes.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np

from deft_mm.csv_cells import to_csv
from deft_mm.selection import (
    AuditSelector,
    SampleTable,
    ScoreSelector,
    Selector,
    count_decisions,
)
from deft_mm.selection.class_probs import SCORES, class_probs
from deft_mm.selection.neighbours import LookAlikes
from deft_mm.selection.sample_details import (
    MOST_COMPARED,
    SampleDetails,
    suggested_label,
    top_classes,
)
from deft_mm.selection.score_selector import known_rows
from deft_mm.shorten import printable

_LOOK_ALIKES = ('kind', 'path', 'given', 'other_path', 'other_given', 'relative_distance')
# How many of each are on the console, and in the file.
_SHOWN, _LISTED = 5, 50


def detector_probs(selector: Selector, table: SampleTable) -> np.ndarray | None:
    """What the detector that has selected says of every class.

    Args:
        selector (Selector): It has selected from the table.
        table (SampleTable): N samples, with what the selector needs.

    Returns:
        np.ndarray, optional: (N, C) float64, NaN for samples that it knows nothing of; None for a
        selector that asks the model alone, whose predictions the table has.
    """
    if isinstance(selector, AuditSelector) and selector.audit is not None:
        name, options = selector.audit.detector, selector.options
    elif isinstance(selector, ScoreSelector):
        name, options = selector.score, selector.score_options
    else:
        return None
    needs, num_classes = SCORES[name][1], len(table.class_names)
    known, columns = known_rows(table, needs)
    probs_NC = np.full((len(table), num_classes), np.nan)
    probs_NC[known] = class_probs([name], table.label[known], num_classes, columns, options)[name]
    return probs_NC


class CleanSummary:
    """The figures of a cleaned data set.

    None of them is an accuracy: given labels are in doubt, and no others are looked at.

    Args:
        table (SampleTable): The selection, of N samples, whose ``pred_label`` is zero-shot CLIP's.
        selector (Selector): What has selected.
        probs (np.ndarray, optional): (N, C) see :func:`detector_probs`. Defaults to None.
    """

    def __init__(
        self, table: SampleTable, selector: Selector, probs: np.ndarray | None = None
    ) -> None:
        self.table = table
        self.selector = selector
        self.audit = getattr(selector, 'audit', None)
        self.probs = probs

    @cached_property
    def suggested(self) -> np.ndarray:
        """np.ndarray: (N,) int64, of a rejected sample the most probable other class, else -1."""
        found = SampleDetails() if self.probs is None else SampleDetails(**top_classes(self.probs))
        suggested_N, _ = suggested_label(self.table, found)
        return np.where(self.table.rejected, suggested_N, -1)

    @cached_property
    def detected(self) -> SampleTable:
        """SampleTable: The selection, with the detector's own predictions where it has any."""
        if self.probs is None:
            return self.table
        known_N = ~np.isnan(self.probs).any(axis=1)
        probs_NC = np.nan_to_num(self.probs)
        return self.table.with_columns(
            pred_label=np.where(known_N, probs_NC.argmax(axis=1), -1),
            pred_prob=np.where(known_N, probs_NC.max(axis=1), np.nan),
        )

    @cached_property
    def pairs(self) -> list[dict]:
        """list[dict]: Given class, suggested class and count, the most frequent first."""
        suggested_N, num_classes = self.suggested, len(self.table.class_names)
        has = suggested_N >= 0
        codes = self.table.given_label[has] * num_classes + suggested_N[has]
        found, counts = np.unique(codes, return_counts=True)
        names = self.table.class_names
        return [
            dict(
                given=names[found[i] // num_classes],
                suggested=names[found[i] % num_classes],
                samples=int(counts[i]),
            )
            for i in np.argsort(-counts, kind='stable')
        ]

    @cached_property
    def look_first(self) -> np.ndarray:
        """np.ndarray: (R,) int64, the rejected samples, the most doubtful first."""
        rejected = np.flatnonzero(self.table.rejected & self.table.readable)
        score = np.nan_to_num(self.table.score[rejected], nan=np.inf)
        return rejected[np.argsort(score, kind='stable')]

    @cached_property
    def classes(self) -> list[dict]:
        """list[dict]: Of each class with samples: how many, the share that is rejected, and the
        share of which zero-shot CLIP says the given label."""
        table, num_classes = self.table, len(self.table.class_names)
        count_C = np.bincount(table.given_label, minlength=num_classes)
        kept_C = np.bincount(table.given_label[table.kept], minlength=num_classes)
        agrees = table.pred_label == table.given_label
        agrees_C = np.bincount(table.given_label[agrees], minlength=num_classes)
        return [
            dict(
                name=table.class_names[i],
                samples=int(count_C[i]),
                rejected=round(1 - kept_C[i] / count_C[i], 4),
                zero_shot_agreement=round(agrees_C[i] / count_C[i], 4),
            )
            for i in np.flatnonzero(count_C)
        ]

    @cached_property
    def details(self) -> SampleDetails:
        """SampleDetails: What there is to see beyond the selection."""
        return SampleDetails.of(self.table, self.selector, self.probs)

    @property
    def look_alikes(self) -> LookAlikes | None:
        """LookAlikes: Near duplicates with different labels, and outliers; None without features,
        and above 100,000 samples."""
        return self.details.look_alikes

    def look_alikes_to_csv(self) -> bytes:
        """Return near duplicates with different labels, and outliers, as a table.

        Returns:
            bytes: UTF-8, for spreadsheets, too: a row a pair or outlier, the nearest and the
            farthest first. Distances are in medians, see
            :func:`~deft_mm.selection.neighbours.look_alikes`.
        """
        found, rows = self.look_alikes, [_LOOK_ALIKES]
        if found is not None:
            for (i, j), distance in zip(found.pairs, found.pair_distance, strict=True):
                row = 'near duplicate', *self._named(i), *self._named(j), f'{distance:.6f}'
                rows.append(row)
            for i, distance in zip(found.outliers, found.outlier_distance, strict=True):
                rows.append(('outlier', *self._named(i), '', '', f'{distance:.6f}'))
        return to_csv(rows).encode()

    def _named(self, idx: int) -> tuple[str, str]:
        table = self.table
        return table.img_path[idx] or f'sample {idx}', table.class_names[table.given_label[idx]]

    @property
    def agreement(self) -> float:
        """float: Share of the images of which zero-shot CLIP says the given label."""
        return float((self.table.pred_label == self.table.label).mean())

    def figures(self) -> dict:
        """Return the figures as plain types, for a file.

        Returns:
            dict: ``samples``, ``kept``, ``rejected``; ``wrong_share`` with ``estimate``, ``low``
            and ``high``, and ``systematic_errors``, a list of pairs, where there was an audit, else
            None; ``decisions``, how many samples people have 'relabelled', 'confirmed', 'excluded'
            and left 'undecided'; ``zero_shot_agreement``; ``classes``; ``pairs``; ``look_first``;
            ``look_alikes``, the number of near duplicates with different labels and of outliers,
            None where images were not compared.
        """
        table, audit, names = self.table, self.audit, self.table.class_names
        found = self.look_alikes
        wrong_share = systematic = None
        if audit is not None:
            low, high = audit.interval
            wrong_share = dict(estimate=audit.wrong_share, low=low, high=high)
            systematic = [dict(given=names[g], likely=names[k]) for g, k in audit.systematic]
        return dict(
            samples=len(table),
            kept=table.num_kept,
            rejected=len(table) - table.num_kept,
            wrong_share=wrong_share,
            systematic_errors=systematic,
            decisions=count_decisions(table),
            zero_shot_agreement=round(self.agreement, 4),
            classes=self.classes,
            pairs=self.pairs[:_LISTED],
            look_first=[self._sample(i) for i in self.look_first[:_LISTED]],
            look_alikes=None
            if found is None
            else dict(near_duplicates=len(found.pairs), outliers=len(found.outliers)),
        )

    def to_lines(self) -> list[str]:
        """Return what a person is to know.

        Returns:
            list[str]: Lines, without the files and the next command.
        """
        table = self.table
        rejected = len(table) - table.num_kept
        rows = [('kept', f'{table.num_kept} of {len(table)} images, {rejected} rejected')]
        if table.decided.any():
            counts = count_decisions(table)
            rows.append(('by people', ', '.join(f'{n} {word}' for word, n in counts.items())))
        if self.audit is not None:
            low, high = self.audit.interval
            rows.append(
                (
                    'wrong labels',
                    f'{self.audit.wrong_share:.1%} of all by the best guess, {low:.1%} to '
                    f'{high:.1%} at all events',
                )
            )
            if self.audit.systematic:
                rows.append(('CAUTION', self._caution()))
        rows.append(('zero-shot CLIP', self._clip_text()))
        rows += self._titled('most rejected', self._rejected_texts())
        pairs = [
            f'{pair["given"]!r} -> {pair["suggested"]!r}: {pair["samples"]} images'
            for pair in self.pairs[:_SHOWN]
        ]
        rows += self._titled('given -> likely', pairs)
        first = [self._sample(i) for i in self.look_first[:_SHOWN]]
        texts = [
            f'{one["path"]}  given {one["given"]!r}'
            + (f', likely {one["suggested"]!r}' if one['suggested'] is not None else '')
            for one in first
        ]
        rows += self._titled('look at first', texts)
        rows += self._look_alike_texts()
        return [f'  {title:16} {printable(text)}' for title, text in rows]

    def _look_alike_texts(self) -> list[tuple[str, str]]:
        found, named = self.look_alikes, self._named
        if found is None:
            why = 'without features'
            if self.table.feature is not None:
                why = f'among more than {MOST_COMPARED:,} images'
            return [('near duplicates', f'and outliers: not looked for {why}')]
        rows = []
        if len(found.pairs):
            text = f'{len(found.pairs)} pairs of images look nearly the same, with different labels'
            pairs = [
                f'{named(i)[0]}  given {named(i)[1]!r}, {named(j)[0]}  given {named(j)[1]!r}'
                for i, j in found.pairs[:_SHOWN]
            ]
            rows += self._titled('near duplicates', [text, *pairs])
        if len(found.outliers):
            paths = [named(i)[0] for i in found.outliers[:_SHOWN]]
            texts = [f'{len(found.outliers)} images look like no other', *paths]
            rows += self._titled('outliers', texts)
        return rows

    def _caution(self) -> str:
        names = self.table.class_names
        pairs = ', '.join(f'{names[g]!r} for {names[k]!r}' for g, k in self.audit.systematic)
        return (
            'the errors seem to be systematic, which no detector is sure to find, and the share '
            f'above may be far off. Look at these classes yourself: {pairs}'
        )

    def _clip_text(self) -> str:
        """How well CLIP knows the classes, as far as doubtful labels tell."""
        chance = 1 / len(self.table.class_names)
        text = f'says the given label of {self.agreement:.1%} of the images (chance: {chance:.1%})'
        low = sorted(
            (one for one in self.classes if one['zero_shot_agreement'] < 0.5),
            key=lambda one: one['zero_shot_agreement'],
        )
        if not low:
            return f'{text}, of every class of more than half'
        some = ', '.join(
            f'{one["name"]!r} {one["zero_shot_agreement"]:.0%}' for one in low[:_SHOWN]
        )
        more = f' and {len(low) - _SHOWN} more' if len(low) > _SHOWN else ''
        return (
            f'{text}. It knows {len(low)} classes badly: {some}{more}. There the features alone '
            'decide; names that say what is to be seen, or a better --clip, would help'
        )

    def _rejected_texts(self) -> list[str]:
        worst = sorted(self.classes, key=lambda one: -one['rejected'])[:_SHOWN]
        return [
            f'{one["name"]!r}: {one["rejected"]:.1%} of {one["samples"]} images'
            for one in worst
            if one['rejected'] > 0
        ]

    @staticmethod
    def _titled(title: str, texts: list[str]) -> list[tuple[str, str]]:
        return [(title if i == 0 else '', text) for i, text in enumerate(texts)]

    def _sample(self, idx: int) -> dict:
        table, suggested = self.table, int(self.suggested[idx])
        path, given = self._named(idx)
        return dict(
            sample_idx=int(idx),
            path=path,
            given=given,
            suggested=None if suggested < 0 else table.class_names[suggested],
            score=None if np.isnan(table.score[idx]) else round(float(table.score[idx]), 6),
        )
