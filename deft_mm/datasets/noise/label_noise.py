"""The interface of noise models."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import Any

import numpy as np
from mmpretrain.registry import TASK_UTILS

from deft_mm.registered_class import registered_class


class LabelNoise(ABC):
    """Draws noisy labels from clean ones, the same ones at each call.

    A subclass registered in ``TASK_UTILS`` can be named in a config.
    """

    @abstractmethod
    def __call__(self, labels: np.ndarray, num_classes: int, dataset: Any = None) -> np.ndarray:
        """Draw noisy labels.

        Args:
            labels (np.ndarray): (N,) int64, the clean labels.
            num_classes (int): C.
            dataset: The clean data set, for models that look at images. Defaults to None.

        Returns:
            np.ndarray: (N,) int64.
        """

    def require_files(self) -> None:  # noqa: B027 (most read none)
        """Check that what it reads is there, before time is spent on the data set.

        Raises:
            FileNotFoundError: If a file is missing.
            ValueError: If it is no file, or can't be opened.
        """

    def parameters(self) -> dict:
        """Return what the labels depend on besides the data set, for the header of a noise file.

        Returns:
            dict: Values by name, of types that JSON knows. Defaults to the public attributes.
        """
        return {name: value for name, value in vars(self).items() if not name.startswith('_')}

    def __repr__(self) -> str:
        attributes = (
            f'{name}={value!r}' for name, value in vars(self).items() if not name.startswith('_')
        )
        return f'{type(self).__name__}({", ".join(attributes)})'


class RatioNoise(LabelNoise):
    """Base of the noise models that change a share of the samples.

    Args:
        ratio (float): The share, in [0, 1].
        seed (int): Seed of the draws. Defaults to 0.

    Raises:
        ValueError: If ``ratio`` is no number in [0, 1], or ``seed`` no integer from 0 on.
    """

    def __init__(self, ratio: float, seed: int = 0) -> None:
        if not isinstance(ratio, Real) or not 0 <= ratio <= 1:
            raise ValueError(
                f'{type(self).__name__}: `ratio` is a share in [0, 1], found {ratio!r}.'
            )
        if not isinstance(seed, Integral) or seed < 0:
            raise ValueError(f'{type(self).__name__}: `seed` is {seed!r}: set it to 0 or more.')
        self.ratio = ratio
        self.seed = seed


def build_noise(cfg: Mapping | Callable) -> Callable:
    """Build a noise model from its config.

    Args:
        cfg (Mapping | Callable): ``dict(type=..., ...)``, or a noise model, which is returned.

    Returns:
        Callable: The noise model.

    Raises:
        ValueError: If the type is unknown; the message lists the known ones.
        TypeError: If ``cfg`` is neither a dict nor callable.
    """
    if not isinstance(cfg, Mapping):
        if callable(cfg):
            return cfg
        raise TypeError(f'`noise` is None or a dict with a `type`, found {cfg!r}.')
    class_ = registered_class(TASK_UTILS, cfg.get('type'), LabelNoise, 'noise', 'noise models')
    return class_(**{key: value for key, value in cfg.items() if key != 'type'})
