"""Asymmetric label noise: a class is mistaken for one other class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmpretrain.registry import TASK_UTILS

from deft_mm.datasets.chain import class_names_of
from deft_mm.datasets.noise.label_noise import RatioNoise
from deft_mm.datasets.noise.noisy_subset import draw_noisy_subset

# truck -> automobile, bird -> airplane, deer -> horse, cat <-> dog
_CIFAR10 = {9: 1, 2: 0, 4: 7, 3: 5, 5: 3}
# The superclass (0..19) of each of the 100 classes, as the data set's `coarse_labels` have it.
# fmt: off
_CIFAR100_COARSE = (
    4, 1, 14, 8, 0, 6, 7, 7, 18, 3, 3, 14, 9, 18, 7, 11, 3, 9, 7, 11,
    6, 11, 5, 10, 7, 6, 13, 15, 3, 15, 0, 11, 1, 10, 12, 14, 16, 9, 11, 5,
    5, 19, 8, 8, 15, 13, 14, 17, 18, 10, 16, 4, 17, 4, 2, 0, 17, 4, 18, 17,
    10, 3, 2, 12, 12, 16, 12, 1, 9, 19, 2, 10, 0, 1, 16, 12, 9, 13, 15, 13,
    16, 19, 2, 4, 6, 19, 5, 5, 8, 19, 18, 1, 2, 15, 6, 0, 17, 8, 14, 13,
)
# fmt: on
_NAMED = ('next', 'cifar10', 'cifar100')


@TASK_UTILS.register_module()
class AsymmetricNoise(RatioNoise):
    """Move a random part of the samples to the class that theirs is mistaken for.

    The realised rate is ``ratio`` where every class is moved, less where some are mapped to
    themselves. With ``seed=0`` and ``mapping='next'`` the labels are, bit for bit, those of the
    reference implementation of DeFT (arXiv 2409.19696) on CIFAR; the other mappings move the same
    samples. For other data sets see :class:`SymmetricNoise`.

    Args:
        ratio (float): Share of the samples that are moved, in [0, 1].
        seed (int): Seed of the draws. Defaults to 0.
        mapping (str | Mapping | Sequence): Where the samples of a class go.

            - 'next': class ``(y + 1) mod C``.
            - 'cifar10': truck to automobile, bird to airplane, deer to horse, cat and dog to each
              other, as in Patrini et al., CVPR 2017 (arXiv 1609.03683).
            - 'cifar100': the next of the five classes of the superclass, the last to the first
              (the same source). Both are by index, in the data set's own order of the classes.
            - a dict of class index or name to class index or name; classes that are not in it
              keep their samples. A key such as '9' is an index unless a class has that name.
            - a sequence of C class indices or names.

            Defaults to 'next'.

    Raises:
        ValueError: If ``ratio`` is outside [0, 1], or ``mapping`` doesn't fit.

    Example:

        .. code:: python

            noise = dict(type='AsymmetricNoise', ratio=0.4, mapping=dict(cat='dog', dog='cat'))
    """

    def __init__(
        self, ratio: float, seed: int = 0, mapping: str | Mapping | Sequence = 'next'
    ) -> None:
        super().__init__(ratio, seed)
        if isinstance(mapping, str) and mapping not in _NAMED:
            raise ValueError(
                f'AsymmetricNoise: `mapping` is one of {", ".join(map(repr, _NAMED))}, a dict or '
                f'a list, found {mapping!r}.'
            )
        self.mapping = mapping

    def __call__(self, labels: np.ndarray, num_classes: int, dataset: Any = None) -> np.ndarray:
        """Draw noisy labels; see :meth:`LabelNoise.__call__`.

        Raises:
            ValueError: If the mapping doesn't fit the classes of the data set.
        """
        targets = self._targets(num_classes, dataset)
        moved, _, _ = draw_noisy_subset(len(labels), num_classes, self.ratio, self.seed)
        noisy = np.array(labels, dtype=np.int64)
        noisy[moved] = targets[labels[moved]]
        return noisy

    def _targets(self, num_classes: int, dataset: Any) -> np.ndarray:
        """Return (C,) int64, the class that each class goes to."""
        if self.mapping == 'next':
            return (np.arange(num_classes) + 1) % num_classes
        if self.mapping in ('cifar10', 'cifar100'):
            return _cifar_targets(self.mapping, num_classes)
        class_names = None if dataset is None else class_names_of(dataset)
        if isinstance(self.mapping, Mapping):
            pairs = self.mapping.items()
        else:
            if len(self.mapping) != num_classes:
                raise ValueError(
                    f'AsymmetricNoise: the list `mapping` has {len(self.mapping)} entries, the '
                    f'data set {num_classes} classes.'
                )
            pairs = enumerate(self.mapping)
        targets = np.arange(num_classes)
        for source, target in pairs:
            targets[_index_of(source, num_classes, class_names)] = _index_of(
                target, num_classes, class_names
            )
        return targets


def _cifar_targets(mapping: str, num_classes: int) -> np.ndarray:
    expected = 10 if mapping == 'cifar10' else 100
    if num_classes != expected:
        raise ValueError(
            f"AsymmetricNoise: `mapping='{mapping}'` is for the {expected} classes of "
            f"{mapping.upper()}, the data set has {num_classes}. Use 'next', or a dict."
        )
    targets = np.arange(num_classes)
    if mapping == 'cifar10':
        targets[list(_CIFAR10)] = list(_CIFAR10.values())
        return targets
    for superclass in range(20):
        members = np.flatnonzero(np.array(_CIFAR100_COARSE) == superclass)
        targets[members] = np.roll(members, -1)
    return targets


def _index_of(class_: int | str, num_classes: int, class_names: list[str] | None) -> int:
    """Return the index of a class that is given by index or name."""
    if class_names is not None and class_ in class_names:
        return class_names.index(class_)
    # A config that was written to a file and read again has its integer keys as strings.
    is_index = isinstance(class_, (int, np.integer)) or (
        isinstance(class_, str) and class_.isdecimal()
    )
    if is_index and 0 <= int(class_) < num_classes:
        return int(class_)
    known = f'0 to {num_classes - 1}'
    if class_names is not None:
        known += f' or a class name such as {class_names[0]!r}'
    raise ValueError(
        f'AsymmetricNoise: {class_!r} in `mapping` is no class of the data set, which has {known}.'
    )
