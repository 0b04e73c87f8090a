"""Kept samples with their labels, and rejected ones without, in two views each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from os import PathLike
from typing import Any

import numpy as np
from mmengine.dataset import Compose, default_collate
from mmengine.registry import FUNCTIONS
from mmpretrain.registry import DATASETS, TRANSFORMS

from deft_mm.datasets.chain import resolve
from deft_mm.datasets.selection_wrapper import SelectionWrapper
from deft_mm.selection.sample_table import SampleTable


@DATASETS.register_module()
class FixMatchDataset(SelectionWrapper):
    """Pair kept samples with rejected ones as unlabelled data, for the algorithm ``FixMatch``.

    It is as long as there are kept samples, and its labels are theirs. An item is a list: the
    kept sample with its given label, then, of each of ``num_unlabelled`` rejected samples drawn at
    random, a weak view, through the pipeline of the data set, and a strong one, through
    ``strong_pipeline``. ``fix_match_collate`` makes a batch of such lists. Every data sample has a
    field ``view``: 'labelled', 'weak' or 'strong'; those of rejected samples have no label. Images
    that could not be read when they were scored are left out.

    A batch has ``1 + 2 * num_unlabelled`` times as many images as ``batch_size`` says.

    Args:
        dataset (dict | BaseDataset): The data set that the selection was made of, noise included.
        selection (str | PathLike | SampleTable): Path of a selection file, which must be of this
            data set, or a table, which is taken as it is.
        strong_pipeline (Sequence[dict | Callable]): The transforms of the strong view, in place of
            the data set's own pipeline. They end in ``PackInputs`` and give images of the size that
            the pipeline gives. What the data preprocessor augments comes on top, in every view.
        num_unlabelled (int): Rejected samples an item. Defaults to 1.
        **kwargs: ``num_samples``, ``check_class_names`` and ``lazy_init``, see
            :class:`~deft_mm.datasets.selection_wrapper.SelectionWrapper`.

    Raises:
        ValueError: If the selection keeps or rejects nothing, or there are to be no unlabelled
            samples. For files and types see ``SelectionWrapper``.

    Example:

        .. code:: python

            train_dataloader = dict(
                dataset=dict(
                    type='FixMatchDataset',
                    dataset=dict(type='CIFAR10', data_root='data/cifar10', pipeline=train_pipeline),
                    selection='work_dirs/deft_cifar10/selection.csv',
                    strong_pipeline=strong_pipeline),
                collate_fn=dict(type='fix_match_collate'))
            model = dict(type='FixMatch', backbone=..., head=...)
    """

    sample_fields = {'view': "type='FixMatch' in place of ImageClassifier"}

    def __init__(
        self,
        dataset: Any,
        selection: str | PathLike | SampleTable,
        strong_pipeline: Sequence[dict | Callable],
        num_unlabelled: int = 1,
        **kwargs,
    ) -> None:
        if num_unlabelled < 1:
            raise ValueError(
                f'FixMatchDataset: `num_unlabelled` is {num_unlabelled}: set it to 1 or more '
                'rejected samples a kept one, or use CleanSubset.'
            )
        self.strong_pipeline = Compose(
            [TRANSFORMS.build(cfg) if isinstance(cfg, dict) else cfg for cfg in strong_pipeline]
        )
        self.num_unlabelled = num_unlabelled
        super().__init__(dataset, selection, **kwargs)

    def _load(self) -> None:
        selection, source = self._read_selection()
        self._check_kept(selection.kept, source)
        self._unlabelled = np.flatnonzero(selection.rejected & selection.has_scores)
        if not len(self._unlabelled):
            raise ValueError(
                f'{source} rejects none of the {len(selection)} samples (images that could not be '
                'read aside), but FixMatchDataset takes the rejected ones as unlabelled: use '
                'CleanSubset with an ImageClassifier.'
            )
        self._take(np.flatnonzero(selection.kept), selection)

    def prepare_data(self, idx: int) -> list[dict] | None:
        """Run the pipelines on a kept sample and on rejected ones.

        Args:
            idx (int): Index of the kept sample.

        Returns:
            list[dict], optional: ``1 + 2 * num_unlabelled`` packed samples; None where a pipeline
            returns nothing.
        """
        data = super().prepare_data(idx)
        views = [_as_view(data, 'labelled')]
        for _ in range(self.num_unlabelled):
            idx = int(self._unlabelled[np.random.randint(len(self._unlabelled))])
            base, _ = resolve(self.dataset, idx)
            for view, pipeline in (('weak', base.pipeline), ('strong', self.strong_pipeline)):
                info = self._numbered(self.dataset.get_data_info(idx), idx)
                for key in ('gt_label', 'gt_score'):
                    info.pop(key, None)
                views.append(_as_view(pipeline(info), view))
        return None if any(view is None for view in views) else views

    def extra_repr(self) -> list[str]:
        """Return lines on the selection."""
        return [
            f'Labelled: \t{len(self)} of {len(self.dataset)}',
            f'Unlabelled: \t{len(self._unlabelled)}',
        ]


def _as_view(data: Any, view: str) -> dict | None:
    if data is None:
        return None
    if not (isinstance(data, dict) and {'inputs', 'data_samples'} <= data.keys()):
        name = 'strong_pipeline' if view == 'strong' else 'the pipeline of the data set'
        raise ValueError(
            f'FixMatchDataset: {name} ends in something else than PackInputs: add '
            "dict(type='PackInputs') at its end."
        )
    data['data_samples'].set_field(view, 'view', field_type='metainfo')
    return data


@FUNCTIONS.register_module()
def fix_match_collate(data_batch: Sequence[list[dict] | dict]) -> dict:
    """Collate the items of a :class:`FixMatchDataset`; of another data set, as ``default_collate``.

    Args:
        data_batch (Sequence[list[dict] | dict]): Items.

    Returns:
        dict: ``inputs``, all images in one tensor, and ``data_samples``, a list.

    Raises:
        ValueError: If images differ in size.
    """
    flat = []
    for item in data_batch:
        flat.extend(item if isinstance(item, list) else [item])
    shapes = {tuple(data['inputs'].shape): data['data_samples'].get('view') for data in flat}
    if len(shapes) > 1:
        found = ', '.join(f'{shape} ({view})' for shape, view in shapes.items())
        raise ValueError(
            f'fix_match_collate: the images of a batch are of different shapes, {found}: let the '
            "data set's pipeline and FixMatchDataset.strong_pipeline give one size."
        )
    return default_collate(flat)
