"""As many samples of each class, others in every epoch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from mmengine.dataset import DefaultSampler
from mmpretrain.registry import DATA_SAMPLERS

from deft_mm.datasets.chain import given_labels_of


@DATA_SAMPLERS.register_module()
class ClassBalancedSampler(DefaultSampler):
    """Draw equally many samples of every given class, anew in each epoch.

    A class is drawn from without replacement; one that is smaller than what is drawn gives all of
    its samples as often as it takes, as evenly as it goes. Classes without samples give none. From
    `Fine tuning Pre trained Models for Robustness Under Noisy Labels
    <https://arxiv.org/abs/2310.17668>`_ (TURN), which draws as many as the smallest class has.

    What is drawn follows from the run's seed and the epoch alone: a resumed run draws the same.

    Args:
        dataset (BaseDataset): The training data, of which a selection may have left a part.
        draw (str | int): Samples of a class in an epoch: 'min' or 'median' of the sizes of the
            classes that have any, or a number. Defaults to 'min'.
        seed (int, optional): Seed, equal in all processes; None for the run's. Defaults to None.
        round_up (bool): Whether samples are repeated so that all processes have equally many.
            Defaults to True.

    Raises:
        ValueError: If ``draw`` is another word, or a number below 1.

    Example:

        .. code:: python

            default_hooks = dict(
                noise_filter=dict(
                    classifier_dataloader=dict(sampler=dict(type='ClassBalancedSampler'))))
    """

    def __init__(
        self,
        dataset: Any,
        draw: str | int = 'min',
        seed: int | None = None,
        round_up: bool = True,
    ) -> None:
        if draw not in ('min', 'median') and (isinstance(draw, str) or draw < 1):
            raise ValueError(
                f"ClassBalancedSampler: `draw` is {draw!r}: set 'min', 'median' or a number from 1 "
                'on.'
            )
        # MMEngine's cut to `num_batch_per_epoch` has no labels.
        labels = given_labels_of(getattr(dataset, '_dataset', dataset))[: len(dataset)]
        self._classes = [np.flatnonzero(labels == label) for label in np.unique(labels)]
        sizes = [len(members) for members in self._classes]
        words = dict(min=lambda: min(sizes), median=lambda: math.ceil(np.median(sizes)))
        self.draw = words[draw]() if isinstance(draw, str) else draw
        # Which of those that are drawn come when, and in which process, is the base's.
        super().__init__(range(self.draw * len(sizes)), seed=seed, round_up=round_up)

    def __iter__(self) -> Iterator[int]:
        """Give this process's indices of the epoch."""
        random = np.random.default_rng([self.seed, self.epoch])
        drawn = np.concatenate([self._drawn(members, random) for members in self._classes])
        yield from drawn[list(super().__iter__())].tolist()

    def _drawn(self, members: np.ndarray, random: np.random.Generator) -> np.ndarray:
        rounds = math.ceil(self.draw / len(members))
        return np.concatenate([random.permutation(members) for _ in range(rounds)])[: self.draw]
