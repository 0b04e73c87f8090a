"""The kept samples, and rejected ones under the label that the detector is sure of."""

from __future__ import annotations

from os import PathLike
from typing import Any

import numpy as np
from mmpretrain.registry import DATASETS

from deft_mm.datasets.selection_wrapper import SelectionWrapper
from deft_mm.selection.sample_table import SampleTable


@DATASETS.register_module()
class RelabelledSubset(SelectionWrapper):
    """Filter a data set by a selection, and relabel what is rejected with confidence.

    Kept samples have their given label. A rejected sample whose ``pred_prob`` is above the
    threshold has ``pred_label`` in place of its given one; the other rejected ones are left out.
    ``sample_idx`` stays the index in the unfiltered data set.

    Args:
        dataset (dict | BaseDataset): The data set that the selection was made of, noise included.
        selection (str | PathLike | SampleTable): Path of a selection file, which must be of this
            data set, or a table, which is taken as it is.
        threshold (float): A rejected sample with a higher ``pred_prob`` is relabelled, in [0, 1].
            Defaults to 0.9.
        **kwargs: ``num_samples``, ``check_class_names`` and ``lazy_init``, see
            :class:`~deft_mm.datasets.selection_wrapper.SelectionWrapper`.

    Raises:
        ValueError: If the selection keeps nothing, or the threshold is no probability. For files
            and types see ``SelectionWrapper``.

    Example:

        .. code:: python

            train_dataloader = dict(
                dataset=dict(
                    type='RelabelledSubset',
                    dataset=dict(type='CIFAR10', data_root='data/cifar10', pipeline=train_pipeline),
                    selection='work_dirs/deft_cifar10/selection.csv',
                    threshold=0.9))
    """

    relabels = True

    def __init__(
        self,
        dataset: Any,
        selection: str | PathLike | SampleTable,
        threshold: float = 0.9,
        **kwargs,
    ) -> None:
        if not 0 <= threshold <= 1:
            raise ValueError(
                f'RelabelledSubset: `threshold` is a probability in [0, 1], found {threshold!r}.'
            )
        self.threshold = threshold
        super().__init__(dataset, selection, **kwargs)

    def _load(self) -> None:
        selection, source = self._read_selection()
        self._check_kept(selection.kept, source)
        # The probability of an image that can't be read is NaN, which is above nothing.
        relabelled = selection.rejected & (selection.pred_prob > self.threshold)
        self._take(np.flatnonzero(selection.kept | relabelled), selection)
        self._given_labels = np.where(
            relabelled[self._indices], selection.pred_label[self._indices], self._given_labels
        )
        self._num_relabelled = int(np.count_nonzero(relabelled))

    def extra_repr(self) -> list[str]:
        """Return lines on what was relabelled."""
        return [
            f'Selected: \t{len(self)} of {len(self.dataset)}',
            f'Relabelled: \t{self._num_relabelled} above {self.threshold}',
        ]
