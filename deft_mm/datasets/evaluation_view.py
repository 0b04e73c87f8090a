"""A data set as the scoring pass reads it: every sample once, under its own index."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Any

from mmengine.dataset import Compose, default_collate, pseudo_collate
from mmengine.logging import print_log
from mmengine.registry import FUNCTIONS
from mmpretrain.registry import TRANSFORMS

from deft_mm.datasets.chain import base_datasets
from deft_mm.datasets.unreadable_image import UnreadableImageError, apply_transforms


class EvaluationView:
    """The samples of a data set, seen through another pipeline.

    It reads annotations through the data set, which it leaves as it is and shares. Whatever the
    data set is, ``sample_idx`` is the index in it, and a sample is never replaced by another:
    scores can be booked by ``sample_idx``.

    Args:
        dataset: A classification data set, wrapped or not.
        transforms (Sequence[Callable]): Transforms, applied one after the other.
        skip_unreadable (bool): Whether an image that can't be read gives None in place of an error.
            Defaults to False.
    """

    def __init__(
        self, dataset: Any, transforms: Sequence[Callable], skip_unreadable: bool = False
    ) -> None:
        dataset.full_init()
        base_datasets(dataset)  # a TypeError for what is no data set
        self.dataset = dataset
        self.transforms = list(transforms)
        self.skip_unreadable = skip_unreadable

    def __len__(self) -> int:
        return len(self.dataset)

    def get_data_info(self, idx: int) -> dict:
        """Return the annotation of a sample under its index in the viewed data set.

        Args:
            idx (int): Index of the sample, not negative.

        Returns:
            dict: What the pipeline starts from.
        """
        info = self.dataset.get_data_info(idx)
        info['sample_idx'] = idx
        return info

    def __getitem__(self, idx: int) -> dict | None:
        """Return a sample, or None if it is to be skipped.

        Raises:
            ValueError: If the image can't be read and ``skip_unreadable`` is False; the message
                names its path and index.
        """
        if not 0 <= idx < len(self):
            raise IndexError(f'Index {idx} is outside a data set of {len(self)} samples.')
        idx = int(idx)
        results = self.get_data_info(idx)
        path = results.get('img_path', 'no file')
        try:
            return apply_transforms(self.transforms, results)
        except UnreadableImageError as error:
            message = f"Image '{path}' (sample {idx}) cannot be read: {error}."
            if not self.skip_unreadable:
                raise ValueError(
                    f'{message} Repair it or take it out of the data set, or set '
                    '`skip_unreadable=True` to have such samples rejected.'
                ) from error
            print_log(f'{message} It is rejected.', logger='current', level=logging.WARNING)
            return None


def evaluation_view(
    dataset: Any, pipeline: Compose | Sequence[dict | Callable], skip_unreadable: bool = False
) -> EvaluationView:
    """View a data set through an evaluation pipeline.

    Args:
        dataset: A classification data set, wrapped or not; it is neither copied nor changed.
        pipeline (Compose | Sequence[dict | Callable]): Transforms, built or as configs.
        skip_unreadable (bool): Whether an image that can't be read gives None in place of an error;
            use :func:`scoring_collate` then. Defaults to False.

    Returns:
        EvaluationView: A map-style data set for a dataloader that does not shuffle.
    """
    transforms = [
        TRANSFORMS.build(transform) if isinstance(transform, dict) else transform
        for transform in getattr(pipeline, 'transforms', pipeline)
    ]
    return EvaluationView(dataset, transforms, skip_unreadable)


@FUNCTIONS.register_module()
def scoring_collate(data_batch: Sequence[dict | None]) -> dict | None:
    """Collate what an :class:`EvaluationView` gives, without the samples that were skipped.

    Args:
        data_batch (Sequence[dict, optional]): Samples.

    Returns:
        dict, optional: Samples as MMEngine's ``default_collate`` gives them, images in one tensor;
        images of different sizes as a list, as ``pseudo_collate`` does. None where no sample is
        left.
    """
    readable = [data for data in data_batch if data is not None]
    if not readable:
        return None
    # One tensor is one copy to the device and one normalisation.
    one_size = len({getattr(data['inputs'], 'shape', None) for data in readable}) == 1
    return (default_collate if one_size else pseudo_collate)(readable)
