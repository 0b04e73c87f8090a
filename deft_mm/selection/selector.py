"""The interface of everything that decides which samples are kept."""

from __future__ import annotations

import inspect
import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmengine.logging import print_log
from mmpretrain.registry import TASK_UTILS

from deft_mm.registered_class import registered_class
from deft_mm.selection.sample_table import SampleTable
from deft_mm.shorten import first_few


class Selector(ABC):
    """Decides which samples of a data set are kept.

    A subclass registered in ``TASK_UTILS`` can be named in a config.

    Attributes:
        needs (tuple[str]): What the scoring pass is to fill in beside predictions: 'clean_prob',
            'agreed', 'loss', 'margin', 'similarity', 'probs' and 'feature' of
            :class:`~deft_mm.selection.SampleTable`, as far as the model offers it. Defaults to
            none.
        gives_probability (bool): Whether the score is the probability that the given label is
            right, which becomes the table's ``clean_prob``. Defaults to True.
        removed (dict): Arguments of earlier versions: what to do instead. Defaults to none.
    """

    needs: tuple[str, ...] = ()
    gives_probability: bool = True
    removed: dict[str, str] = {}

    @abstractmethod
    def __call__(self, table: SampleTable) -> tuple[np.ndarray, np.ndarray]:
        """Select samples, and score them.

        AUROC, precision-recall curves and the limits of what is rejected are made of the score. A
        sample whose image could not be read is not kept, whatever is returned.

        Args:
            table (SampleTable): N samples with what this selector ``needs``.

        Returns:
            tuple[np.ndarray, np.ndarray]: (N,) bool, True for a sample to keep; and (N,) floats,
            higher for cleaner, NaN for a sample without a score.
        """

    def check(self, table: SampleTable) -> None:  # noqa: B027  (most fit any data)
        """Refuse data that the settings do not fit, before anything is trained or scored.

        Args:
            table (SampleTable): The samples, with their labels alone.

        Raises:
            ValueError: If they don't; the message says how.
        """

    def set_epoch(self, epoch: int) -> None:  # noqa: B027  (most do not depend on it)
        """Tell how far training has come, before a selection is made in it.

        Args:
            epoch (int): Number of finished epochs.
        """

    def state_dict(self) -> dict[str, Any]:
        """What it remembers of earlier selections, which a checkpoint carries.

        Returns:
            dict[str, Any]: Arrays, plain types, lists and dicts of them; empty where it remembers
            nothing, as most do.
        """
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:  # noqa: B027
        """Remember what :meth:`state_dict` has returned, in a run that is resumed.

        Args:
            state (dict[str, Any]): What it has returned.
        """


def build_selector(cfg: Mapping | Selector) -> Selector:
    """Build a selector from its config.

    Args:
        cfg (Mapping | Selector): ``dict(type=..., ...)``, or a selector, which is returned.

    Returns:
        Selector: The selector.

    Raises:
        ValueError: If the type is unknown, or an argument is missing or unknown; the message lists
            the known ones, or says what has taken its place.
        TypeError: If ``cfg`` is neither a dict nor a selector.
    """
    if isinstance(cfg, Selector):
        return cfg
    if not isinstance(cfg, Mapping):
        raise TypeError(f'`selector` is a dict with a `type`, found {cfg!r}.')
    if cfg.get('type') == 'FileSelector':
        path = cfg.get('path', '<path>')
        raise ValueError(
            'FileSelector is no selector any more: give the file to the hook, '
            f"default_hooks.noise_filter=dict(type='NoiseFilterHook', selection={str(path)!r})."
        )
    class_ = registered_class(TASK_UTILS, cfg.get('type'), Selector, 'selector', 'selectors')
    arguments = {key: value for key, value in cfg.items() if key != 'type'}
    for name in set(class_.removed) & set(arguments):
        raise ValueError(f'`selector` of type {class_.__name__}: {class_.removed[name]}')
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
    warn: bool = True,
) -> None:
    """Refuse a selection of nothing; warn of a selection of everything, and of lost classes.

    Args:
        kept (np.ndarray): (N,) bool.
        source (str): Who selected, for the message. Defaults to 'The selector'.
        given_label (np.ndarray, optional): (N,) int64, to look for classes of which nothing is
            kept. Defaults to None.
        class_names (Sequence[str], optional): Their names. Defaults to None.
        warn (bool): Whether to warn. Defaults to True.

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
    if not warn:
        return
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
        names = first_few(class_names[label] for label in lost)
        print_log(
            f'{source} keeps no sample of {len(lost)} of the {len(class_names)} classes: {names}. '
            'A classifier trained on the rest will never predict them. Look at their rows '
            'in the selection file; default_hooks.noise_filter.limits=dict('
            'min_kept_per_class=...) keeps the best of them.',
            logger='current',
            level=logging.WARNING,
        )
