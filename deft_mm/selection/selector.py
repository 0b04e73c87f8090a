"""The interface of everything that decides which samples are kept."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np
from mmengine.logging import print_log
from mmpretrain.registry import TASK_UTILS

from deft_mm.registered_class import registered_class
from deft_mm.selection.fingerprint import Fingerprint
from deft_mm.selection.scores import SampleScores


class Selector(ABC):
    """Decides which samples of a data set are kept.

    A subclass registered in ``TASK_UTILS`` can be named in a config.

    Attributes:
        needs_scores (bool): Whether :meth:`select` needs a scoring pass before it.
        needs (tuple[str]): Which optional scores the pass is to have, of 'loss' and 'feature' (see
            :class:`~deft_mm.selection.SampleScores`). Defaults to none.
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


def build_selector(cfg: Mapping | Selector) -> Selector:
    """Build a selector from its config.

    Args:
        cfg (Mapping | Selector): ``dict(type=..., ...)``, or a selector, which is returned.

    Returns:
        Selector: The selector.

    Raises:
        ValueError: If the type is unknown; the message lists the known ones.
        TypeError: If ``cfg`` is neither a dict nor a selector.
    """
    if isinstance(cfg, Selector):
        return cfg
    if not isinstance(cfg, Mapping):
        raise TypeError(f'`selector` is a dict with a `type`, found {cfg!r}.')
    class_ = registered_class(TASK_UTILS, cfg.get('type'), Selector, 'selector', 'selectors')
    return class_(**{key: value for key, value in cfg.items() if key != 'type'})


def check_selection(kept: np.ndarray, source: str = 'The selector') -> None:
    """Refuse a selection of nothing; warn of a selection of everything.

    Args:
        kept (np.ndarray): (N,) bool.
        source (str): Who selected, for the message. Defaults to 'The selector'.

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
            'start (stage 1 too short, learning rate too low), or the threshold is too low.',
            logger='current',
            level=logging.WARNING,
        )
