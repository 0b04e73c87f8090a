"""Several data sets in one dataloader that stay distinguishable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.dataset import ConcatDataset
from mmpretrain.registry import DATASETS


@DATASETS.register_module()
class NamedConcatDataset(ConcatDataset):
    """Concatenate data sets and mark every sample with the name of its own.

    A run has one validation loop. This makes it go over several validation sets, which
    :class:`~deft_mm.evaluation.AccuracyPerDataset` then evaluates one by one. Their class names
    must be equal.

    Args:
        datasets (Sequence[dict | BaseDataset]): The data sets.
        names (Sequence[str]): A name for each, used in the names of metrics.
        lazy_init (bool): Whether to put off reading annotations until they are needed. Defaults
            to False.
        ignore_keys (str | list[str], optional): Keys of the meta information that may differ.
            Defaults to None.

    Raises:
        ValueError: If ``names`` are not as many as the data sets, or not distinct.

    Example:

        .. code:: python

            val_dataloader = dict(
                dataset=dict(
                    type='NamedConcatDataset',
                    names=['webvision', 'ilsvrc12'],
                    datasets=[webvision_val, ilsvrc12_val]))
            val_evaluator = dict(type='AccuracyPerDataset', topk=(1,))
    """

    def __init__(
        self,
        datasets: Sequence[Any],
        names: Sequence[str],
        lazy_init: bool = False,
        ignore_keys: str | list[str] | None = None,
    ) -> None:
        if len(names) != len(datasets) or len(set(names)) != len(names):
            raise ValueError(
                'NamedConcatDataset: `names` is a list of one distinct name for each of the '
                f'{len(datasets)} `datasets`, found {list(names)!r}.'
            )
        self.names = list(names)
        datasets = [DATASETS.build(item) if isinstance(item, dict) else item for item in datasets]
        super().__init__(datasets, lazy_init, ignore_keys)

    def __getitem__(self, idx: int) -> dict:
        data = super().__getitem__(idx)
        name = self.names[self._get_ori_dataset_idx(idx)[0]]
        # Test-time augmentation gives a list, a sample for each view.
        views = data['data_samples']
        for view in views if isinstance(views, list) else [views]:
            view.set_metainfo(dict(dataset_name=name))
        return data
