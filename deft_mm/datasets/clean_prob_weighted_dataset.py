"""All samples of a data set, each with the probability that its label is right."""

from __future__ import annotations

from os import PathLike
from typing import Any

import numpy as np
from mmpretrain.registry import DATASETS

from deft_mm.datasets.selection_wrapper import SelectionWrapper
from deft_mm.selection.sample_table import EXCLUDED, SampleTable


@DATASETS.register_module()
class CleanProbWeightedDataset(SelectionWrapper):
    """Weight samples by their clean probability, where other wrappers make a hard cut.

    It consists of every sample whose image could be read when it was scored, kept or not; those
    that a person has decided on have the weight 1, or are left out. Its data
    samples have a field ``sample_weight``, a float32 scalar, which ``SampleWeightedLoss`` reads.

    Args:
        dataset (dict | BaseDataset): The data set that the selection was made of, noise included.
        selection (str | PathLike | SampleTable): Path of a selection file, which must be of this
            data set, or a table, which is taken as it is.
        min_weight (float): The least weight of a sample, in [0, 1]: lower clean probabilities are
            raised to it. Defaults to 0.0.
        **kwargs: ``num_samples``, ``check_class_names`` and ``lazy_init``, see
            :class:`~deft_mm.datasets.selection_wrapper.SelectionWrapper`.

    Raises:
        ValueError: If a sample that could be read has no clean probability, or none of them has a
            weight above 0. For files and types see ``SelectionWrapper``.

    Example:

        .. code:: python

            train_dataloader = dict(
                dataset=dict(
                    type='CleanProbWeightedDataset',
                    dataset=dict(type='CIFAR10', data_root='data/cifar10', pipeline=train_pipeline),
                    selection='work_dirs/deft_cifar10/selection.csv'))
            model = dict(head=dict(loss=dict(type='SampleWeightedLoss')))
    """

    uses_kept = False
    sample_fields = {'sample_weight': "head.loss=dict(type='SampleWeightedLoss')"}

    def __init__(
        self,
        dataset: Any,
        selection: str | PathLike | SampleTable,
        min_weight: float = 0.0,
        **kwargs,
    ) -> None:
        if not 0 <= min_weight <= 1:
            raise ValueError(
                f'CleanProbWeightedDataset: `min_weight` is in [0, 1], found {min_weight!r}.'
            )
        self.min_weight = min_weight
        super().__init__(dataset, selection, **kwargs)

    def _load(self) -> None:
        selection, source = self._read_selection()
        corrected = selection.corrected_label >= 0
        known = (selection.has_scores | corrected) & (selection.corrected_label != EXCLUDED)
        unknown = np.flatnonzero(known & ~corrected & np.isnan(selection.clean_prob))
        if len(unknown):
            raise ValueError(
                f'{source} has no clean_prob for {len(unknown)} samples whose image could be read '
                f'(first: {unknown[0]}), which are to be their weights: take a selection of a '
                'selector that scores samples, or CleanSubset for a hard cut.'
            )
        weights = np.where(corrected, np.float32(1), selection.clean_prob)
        weights = np.maximum(weights, np.float32(self.min_weight))
        if not (weights[known] > 0).any():
            raise ValueError(
                f'{source} gives all of the {len(selection)} samples the weight 0, so there is '
                'nothing to train on: look at its clean_prob column, or set `min_weight` above 0.'
            )
        self._take(np.flatnonzero(known), selection)
        self._weights = weights[self._indices]

    def prepare_data(self, idx: int) -> Any:
        """Run the pipeline on a sample and add its weight.

        Args:
            idx (int): Index of the sample.

        Returns:
            Any: What the pipeline returns.
        """
        return self._with_field(super().prepare_data(idx), 'sample_weight', self._weights[idx])

    def extra_repr(self) -> list[str]:
        """Return lines on the weights."""
        return [f'Weights: \t{self._weights.mean():.3f} on average, at least {self.min_weight}']
