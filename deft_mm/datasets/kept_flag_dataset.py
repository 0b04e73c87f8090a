"""All samples of a data set, each with whether a selection keeps it."""

from __future__ import annotations

from typing import Any

import numpy as np
from mmpretrain.registry import DATASETS

from deft_mm.datasets.selection_wrapper import SelectionWrapper


@DATASETS.register_module()
class KeptFlagDataset(SelectionWrapper):
    """Tell kept samples from rejected ones, where other wrappers leave the latter out.

    It consists of every sample whose image could be read when it was scored, with its given label.
    Its data samples have a field ``kept``, a bool scalar, which ``SplitLoss`` reads. A sample whose
    label a person has corrected is kept.

    Args:
        dataset (dict | BaseDataset): The data set that the selection was made of, noise included.
        selection (str | PathLike | SampleTable): Path of a selection file, which must be of this
            data set, or a table, which is taken as it is.
        **kwargs: ``num_samples``, ``check_class_names`` and ``lazy_init``, see
            :class:`~deft_mm.datasets.selection_wrapper.SelectionWrapper`.

    Raises:
        ValueError: If the selection keeps nothing. For files and types see ``SelectionWrapper``.

    Example:

        .. code:: python

            train_dataloader = dict(
                dataset=dict(
                    type='KeptFlagDataset',
                    dataset=dict(type='CIFAR10', data_root='data/cifar10', pipeline=train_pipeline),
                    selection='work_dirs/deft_cifar10/selection.csv'))
            model = dict(head=dict(loss=dict(type='SplitLoss')))
    """

    sample_fields = {'kept': "head.loss=dict(type='SplitLoss')"}

    def _load(self) -> None:
        selection, source = self._read_selection()
        self._check_kept(selection.kept, source)
        known = selection.kept | selection.rejected & selection.has_scores
        self._take(np.flatnonzero(known), selection)
        self._kept = selection.kept[self._indices]

    def prepare_data(self, idx: int) -> Any:
        """Run the pipeline on a sample and add whether it is kept.

        Args:
            idx (int): Index of the sample.

        Returns:
            Any: What the pipeline returns.
        """
        return self._with_field(super().prepare_data(idx), 'kept', self._kept[idx])

    def extra_repr(self) -> list[str]:
        """Return lines on the selection."""
        return [f'Kept: \t{np.count_nonzero(self._kept)} of {len(self)}']
