"""Whether a model reads what the samples of its training data say, and the other way round."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

# Fields that change what is trained: what gives them, and what reads them.
_FIELDS = dict(
    sample_weight=('CleanProbWeightedDataset', "head.loss=dict(type='SampleWeightedLoss')"),
    view=(
        "FixMatchDataset and collate_fn=dict(type='fix_match_collate')",
        "type='FixMatch' in place of ImageClassifier",
    ),
)
# Samples that are tried where images may be unreadable.
_TRIED = 8


def check_sample_fields(
    model: nn.Module, loader: DataLoader, name: str, skip_unreadable: bool = False
) -> None:
    """Make a batch, and compare what it says with what the model reads.

    Modules say in ``sample_fields`` which fields of a ``DataSample`` they read. A module that has
    ``set_data_samples`` and does not say is taken to read all. The batch has a sample of each part
    of a concatenation, and is made by a worker where the loader has workers: what a data set opens
    when it is first asked is theirs alone. Random numbers are drawn and put back.

    Args:
        model (nn.Module): What is trained on the data.
        loader (DataLoader): The training data.
        name (str): The config key of the data set, for messages.
        skip_unreadable (bool): Whether some of the samples may fail. Defaults to False.

    Raises:
        ValueError: If items are not collated into a batch, or if one of data and model has a part
            of a method whose other part is missing.
    """
    batch = _make_batch(loader, _TRIED if skip_unreadable else 1)
    data = type(loader.dataset).__name__
    if _is_list_of_items(batch):
        raise ValueError(
            f'{name}: the items of {data} are no samples but lists of them, which the dataloader '
            "does not take apart: set its collate_fn=dict(type='fix_match_collate'), with DeFT "
            'in default_hooks.noise_filter.classifier_dataloader.'
        )
    if not isinstance(batch, Mapping) or 'data_samples' not in batch:
        return  # a collate_fn and a model of the user's own
    samples = batch['data_samples']
    read = fields_read_by(model)
    reads_all = any(
        hasattr(module, 'set_data_samples') and not hasattr(module, 'sample_fields')
        for module in model.modules()
    )
    for field, (giver, reader) in _FIELDS.items():
        given = any(field in sample for sample in samples)
        if given and field not in read and not reads_all:
            raise ValueError(
                f'{name}: {data} gives its samples a {field!r}, which nothing in the '
                f'{type(model).__name__} reads, so that it would have no effect: set {reader}. '
                f'A module of your own that reads it says so: sample_fields = ({field!r},).'
            )
        if field in read and not given:
            raise ValueError(
                f'{name}: the {type(model).__name__} reads the {field!r} of its samples, which '
                f'{data} does not give: train it on {giver}.'
            )


def fields_read_by(model: nn.Module) -> set[str]:
    """The fields of a ``DataSample`` that the modules of a model say they read.

    Args:
        model (nn.Module): The model.

    Returns:
        set[str]: Names of fields.
    """
    return {f for module in model.modules() for f in getattr(module, 'sample_fields', ())}


class _OneOfEachPart(Dataset):
    """A sample of each part of a concatenation, of another data set one sample."""

    def __init__(self, dataset: Dataset, tried: int) -> None:
        self.dataset = dataset
        ends = list(getattr(dataset, 'cumulative_sizes', [len(dataset)]))
        self.indices = [
            # Spread over the part: an unreadable folder is no reason to give up.
            np.linspace(begin, end - 1, min(tried, end - begin)).astype(int).tolist()
            for begin, end in zip([0, *ends[:-1]], ends, strict=True)
            if end > begin
        ]

    def __len__(self) -> int:
        return len(self.indices)

    def __getitem__(self, part: int) -> Any:
        *others, last = self.indices[part]
        for idx in others:
            try:
                return self.dataset[idx]
            except Exception:  # whatever an unreadable image makes a pipeline raise
                continue
        return self.dataset[last]


def _make_batch(loader: DataLoader, tried: int) -> Any:
    samples = _OneOfEachPart(loader.dataset, tried)
    one_batch = DataLoader(
        samples,
        batch_size=len(samples),
        num_workers=min(1, loader.num_workers),
        collate_fn=loader.collate_fn,
        multiprocessing_context=loader.multiprocessing_context,
    )
    with _same_random_numbers():
        return next(iter(one_batch))


def _is_list_of_items(batch: Any) -> bool:
    return (
        isinstance(batch, Sequence)
        and len(batch) > 0
        and all(isinstance(item, Mapping) and 'data_samples' in item for item in batch)
    )


@contextmanager
def _same_random_numbers() -> Iterator[None]:
    """Put the state of the generators back: weights are drawn after this."""
    python, numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        yield
    random.setstate(python)
    np.random.set_state(numpy)
