"""A cap and a floor on what a selector may reject, of all samples and of each class.

Shapes: N samples, C classes that occur among the given labels.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Mapping

import numpy as np
from mmengine.logging import print_log


class SelectionLimits:
    """Correct a selection that rejects too much or too little, best scores first.

    Limits of each given class are met first; those of all samples afterwards, and only as far as
    those of the classes allow. Within a kind a cap (what may be rejected at most) wins over a floor
    where rounding lets no number of samples hold both, and ``min_kept_per_class`` over
    ``min_rejected_per_class`` where a class is that small. Only samples that can be read are ever
    kept, so an unreadable one counts as rejected.

    What the selector keeps goes before what it rejects, whatever the scores say: of what it rejects
    the best-scored samples are taken back, of what it keeps the worst-scored are rejected. Of equal
    scores the lower index is the better.

    Args:
        max_rejected (float, optional): Largest share of the samples that is rejected, in [0, 1].
            Defaults to None, no cap.
        min_rejected (float, optional): Smallest share, in [0, 1]. Defaults to None, no floor.
        max_rejected_per_class (float, optional): Largest share of the samples of each given class.
            Defaults to None.
        min_rejected_per_class (float, optional): Smallest share of the samples of each given class.
            Defaults to None.
        min_kept_per_class (int, optional): How many samples of each given class are kept at least,
            so that none disappears; all of a class that has fewer. Defaults to None.

    Raises:
        ValueError: If a limit is out of range, or if two of them contradict each other.

    Example:

        .. code:: python

            noise_filter = dict(
                type='NoiseFilterHook',
                limits=dict(max_rejected=0.8, min_kept_per_class=10))
    """

    def __init__(
        self,
        max_rejected: float | None = None,
        min_rejected: float | None = None,
        max_rejected_per_class: float | None = None,
        min_rejected_per_class: float | None = None,
        min_kept_per_class: int | None = None,
    ) -> None:
        caps = dict(max_rejected=max_rejected, max_rejected_per_class=max_rejected_per_class)
        floors = dict(min_rejected=min_rejected, min_rejected_per_class=min_rejected_per_class)
        for name, share in {**caps, **floors}.items():
            if share is not None and not 0 <= share <= 1:
                raise ValueError(f'limits.{name} is a share in [0, 1], found {share}.')
        if min_kept_per_class is not None and (
            min_kept_per_class < 0 or int(min_kept_per_class) != min_kept_per_class
        ):
            raise ValueError(
                f'limits.min_kept_per_class is {min_kept_per_class}: set it to 0 or more samples.'
            )
        # All four pairs: what is rejected of every class is rejected of the whole.
        for floor_name, floor in floors.items():
            for cap_name, cap in caps.items():
                if cap is not None and floor is not None and floor > cap:
                    raise ValueError(
                        f'limits.{floor_name}={floor} is above limits.{cap_name}={cap}: no '
                        'selection can hold both.'
                    )
            if floor == 1 and min_kept_per_class:
                raise ValueError(
                    f'limits.{floor_name}=1 rejects every sample, and limits.min_kept_per_class='
                    f'{min_kept_per_class} keeps some: no selection can hold both.'
                )
        self.max_rejected = max_rejected
        self.min_rejected = min_rejected
        self.max_rejected_per_class = max_rejected_per_class
        self.min_rejected_per_class = min_rejected_per_class
        self.min_kept_per_class = min_kept_per_class

    def apply(
        self, kept: np.ndarray, score: np.ndarray, given_label: np.ndarray, readable: np.ndarray
    ) -> np.ndarray:
        """Correct a selection, and log what is changed.

        Args:
            kept (np.ndarray): (N,) bool, what the selector keeps.
            score (np.ndarray): (N,) floats, higher for cleaner; NaN counts as the lowest.
            given_label (np.ndarray): (N,) int64.
            readable (np.ndarray): (N,) bool.

        Returns:
            np.ndarray: (N,) bool, within the limits.
        """
        before = kept & readable
        # Whatever the number of samples to keep, of a class or of all, it is the first ones.
        order = np.lexsort((-np.nan_to_num(score, nan=-np.inf), ~before, ~readable))
        class_N = np.unique(given_label, return_inverse=True)[1]
        least_C, most_C = self._bounds_per_class(class_N, readable)
        kept_C = np.bincount(class_N[before], minlength=len(least_C)).clip(least_C, most_C)
        class_N = class_N[order]
        rank_N = _rank_within(class_N)
        ordered = rank_N < kept_C[class_N]

        least, most = _bounds(len(kept), self.max_rejected, self.min_rejected)
        number = int(ordered.sum())
        if number > most:
            may_go = np.flatnonzero(ordered & (rank_N >= least_C[class_N]))
            ordered[may_go[::-1][: number - most]] = False
        elif number < least:
            may_come = np.flatnonzero(~ordered & (rank_N < most_C[class_N]))
            ordered[may_come[: least - number]] = True
        after = np.zeros(len(kept), dtype=bool)
        after[order] = ordered
        _log_changes(before, after)
        return after

    def _bounds_per_class(
        self, class_N: np.ndarray, readable: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        size_C = np.bincount(class_N)
        readable_C = np.bincount(class_N[readable], minlength=len(size_C))
        least_C, most_C = _bounds(size_C, self.max_rejected_per_class, self.min_rejected_per_class)
        least_C = np.minimum(np.maximum(least_C, self.min_kept_per_class or 0), readable_C)
        return least_C, np.clip(most_C, least_C, readable_C)


def _bounds(size, max_rejected: float | None, min_rejected: float | None):
    """The least and the most samples to keep, of one number of samples or of an array of them."""
    # Products fall a little short of, or beyond, the whole numbers that they mean.
    least = np.ceil((1 - (1 if max_rejected is None else max_rejected)) * size - 1e-6).astype(int)
    most = np.floor((1 - (min_rejected or 0)) * size + 1e-6).astype(int)
    return least, np.maximum(most, least)


def _rank_within(class_N: np.ndarray) -> np.ndarray:
    """How many samples of its own class stand before each sample."""
    by_class = np.argsort(class_N, kind='stable')
    size_C = np.bincount(class_N)
    rank_N = np.empty(len(class_N), dtype=np.int64)
    rank_N[by_class] = np.arange(len(class_N)) - np.repeat(np.cumsum(size_C) - size_C, size_C)
    return rank_N


def _log_changes(before: np.ndarray, after: np.ndarray) -> None:
    back, out = int((after & ~before).sum()), int((before & ~after).sum())
    if back or out:
        print_log(
            f'The limits take back {back} rejected samples and reject {out} kept ones; of '
            f'{len(after)} samples {int(after.sum())} are kept now.',
            logger='current',
            level=logging.WARNING,
        )


def build_limits(cfg: Mapping) -> SelectionLimits:
    """Build the limits that a hook which filters the data is given.

    Args:
        cfg (Mapping): Arguments of :class:`SelectionLimits`.

    Returns:
        SelectionLimits: The limits.

    Raises:
        ValueError: If they are no such arguments, or out of range.
    """
    known = list(inspect.signature(SelectionLimits).parameters)
    if not isinstance(cfg, Mapping) or not set(cfg) <= set(known):
        raise ValueError(
            f'default_hooks.noise_filter.limits is {cfg!r}: give a dict with some of '
            f'{", ".join(known)}; on the command line '
            'default_hooks.noise_filter.limits.max_rejected=0.8.'
        )
    return SelectionLimits(**cfg)
