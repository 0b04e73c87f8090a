"""The interface of everything that decides which samples are kept."""

from __future__ import annotations

import inspect
import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import numpy as np
from mmengine.logging import print_log
from mmpretrain.registry import TASK_UTILS

from deft_mm.registered_class import registered_class
from deft_mm.selection.fingerprint import Fingerprint
from deft_mm.selection.scores import SampleScores

# How many classes a message names.
_NAMED = 10


class Selector(ABC):
    """Decides which samples of a data set are kept.

    A subclass registered in ``TASK_UTILS`` can be named in a config.

    Attributes:
        needs_scores (bool): Whether :meth:`select` needs a scoring pass before it.
        needs (tuple[str]): Which optional scores the pass is to have, of 'loss', 'feature' and
            'similarity' (see :class:`~deft_mm.selection.SampleScores`). Defaults to none.
    """

    needs_scores: bool = True
    needs: tuple[str, ...] = ()

    @abstractmethod
    def select(self, scores: SampleScores | None, fingerprint: Fingerprint) -> np.ndarray:
        """Select samples.

        Args:
            scores (SampleScores, optional): Scores of all N samples; None where
                ``needs_scores`` is False.
            fingerprint (Fingerprint): Of the data set to select from.

        Returns:
            np.ndarray: (N,) bool, True for a sample to keep.
        """

    def set_epoch(self, epoch: int) -> None:  # noqa: B027  (most do not depend on it)
        """Tell how far training has come, before a selection is made in it.

        Args:
            epoch (int): Number of finished epochs.
        """

    def score(self, scores: SampleScores) -> np.ndarray:
        """How likely each given label is right, in the eyes of this selector.

        It is written to the ``clean_prob`` column of the selection file, and is what AUROC and
        precision-recall curves are made of.

        Args:
            scores (SampleScores): Scores of all N samples.

        Returns:
            np.ndarray: (N,) float32 in [0, 1], higher for cleaner; NaN where unreadable.
        """
        return scores.clean_prob


def require_scores(selector: Selector, scores: SampleScores | None) -> SampleScores:
    """Return the scores, if all are there that a selector needs.

    Args:
        selector (Selector): Who needs them.
        scores (SampleScores, optional): What it was given.

    Returns:
        SampleScores: The same.

    Raises:
        ValueError: If there are none, or if one of its ``needs`` is not among them.
    """
    if scores is None:
        raise ValueError(
            f'{type(selector).__name__} selects by scores: run the scoring pass first.'
        )
    for name in selector.needs:
        if getattr(scores, name) is None:
            raise ValueError(
                f'{type(selector).__name__} needs the {name!r} of every sample, which these scores '
                'do not have: run the scoring pass with `needs=selector.needs`.'
            )
    return scores


def build_selector(cfg: Mapping | Selector) -> Selector:
    """Build a selector from its config.

    Args:
        cfg (Mapping | Selector): ``dict(type=..., ...)``, or a selector, which is returned.

    Returns:
        Selector: The selector.

    Raises:
        ValueError: If the type is unknown, or an argument is missing or unknown; the message lists
            the known ones.
        TypeError: If ``cfg`` is neither a dict nor a selector.
    """
    if isinstance(cfg, Selector):
        return cfg
    if not isinstance(cfg, Mapping):
        raise TypeError(f'`selector` is a dict with a `type`, found {cfg!r}.')
    class_ = registered_class(TASK_UTILS, cfg.get('type'), Selector, 'selector', 'selectors')
    arguments = {key: value for key, value in cfg.items() if key != 'type'}
    signature = inspect.signature(class_)
    try:
        signature.bind(**arguments)
    except TypeError as error:
        raise ValueError(
            f'`selector` of type {class_.__name__}: {error}. Its arguments: {signature}.'
        ) from error
    return class_(**arguments)


def check_selection(
    kept: np.ndarray,
    source: str = 'The selector',
    given_label: np.ndarray | None = None,
    class_names: Sequence[str] | None = None,
) -> None:
    """Refuse a selection of nothing; warn of a selection of everything, and of lost classes.

    Args:
        kept (np.ndarray): (N,) bool.
        source (str): Who selected, for the message. Defaults to 'The selector'.
        given_label (np.ndarray, optional): (N,) int64, to look for classes of which nothing is
            kept. Defaults to None.
        class_names (Sequence[str], optional): Their names. Defaults to None.

    Raises:
        ValueError: If nothing is selected; the message states the likely cause.
    """
    num_kept, num_samples = int(np.count_nonzero(kept)), len(kept)
    if num_kept == 0:
        raise ValueError(
            f'{source} keeps none of the {num_samples} samples, so there is nothing to train on. '
            'Likely causes: the class names are wrong or not in the order of the labels; the '
            'detector collapsed (learning rate too high) or has not learned yet (stage 1 too '
            'short); a threshold is too high. Look at the clean_prob column of the selection file.'
        )
    if num_kept == num_samples:
        print_log(
            f'{source} keeps ALL {num_samples} samples: nothing was filtered. Either the labels '
            'are clean, or the detector tells right labels from wrong ones no better than at its '
            'start (stage 1 too short, learning rate too low), or the threshold is too low, or a '
            'warm-up of the selector has only begun.',
            logger='current',
            level=logging.WARNING,
        )
    if given_label is not None and class_names is not None:
        _warn_of_lost_classes(kept, source, given_label, class_names)


def _warn_of_lost_classes(
    kept: np.ndarray, source: str, given_label: np.ndarray, class_names: Sequence[str]
) -> None:
    lost = np.setdiff1d(given_label, given_label[kept])
    if len(lost):
        names = ', '.join(class_names[label] for label in lost[:_NAMED])
        more = f' and {len(lost) - _NAMED} more' if len(lost) > _NAMED else ''
        print_log(
            f'{source} keeps no sample of {len(lost)} of the {len(class_names)} classes: {names}'
            f'{more}. A classifier trained on the rest will never predict them. Look at their rows '
            'in the selection file; NoiseFilterHook.limits=dict(min_kept_per_class=...) keeps the '
            'best of them.',
            logger='current',
            level=logging.WARNING,
        )
