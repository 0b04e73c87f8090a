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

from deft_mm.datasets.selection_wrapper import SelectionWrapper
from deft_mm.models.training_context import ContextModule

# Samples that are tried where images may be unreadable.
_TRIED = 8


def check_sample_fields(
    model: nn.Module, loader: DataLoader, name: str, skip_unreadable: bool = False
) -> None:
    """Make a batch, and compare what it says with what the model reads.

    A :class:`~deft_mm.models.training_context.ContextModule` says in ``sample_fields`` which fields
    of a ``DataSample`` it reads, a :class:`~deft_mm.datasets.selection_wrapper.SelectionWrapper`
    which ones it gives. The batch has a sample of each part of a concatenation, and is made by a
    worker where the loader has workers: what a data set opens when it is first asked is theirs
    alone. Random numbers are drawn and put back.

    Args:
        model (nn.Module): What is trained on the data.
        loader (DataLoader): The training data.
        name (str): The config key of the data set, for messages.
        skip_unreadable (bool): Whether some of the samples may fail. Defaults to False.

    Raises:
        ValueError: If items are not collated into a batch, or if one of data and model has a part
            of a method whose other part is missing.
    """
    batch = make_batch(loader, skip_unreadable)
    data = type(loader.dataset).__name__
    if _is_list_of_items(batch):
        raise ValueError(
            f'{name}: the items of {data} are no samples but lists of them, which the dataloader '
            "does not take apart: set its collate_fn=dict(type='fix_match_collate'), with DeFT "
            'in default_hooks.noise_filter.classifier_dataloader.'
        )
    if not isinstance(batch, Mapping) or 'data_samples' not in batch:
        return  # a collate_fn and a model of the user's own
    samples, read = batch['data_samples'], fields_read_by(model)
    for field, reader in _fields_given_by(loader.dataset).items():
        if field not in read and any(field in sample for sample in samples):
            raise ValueError(
                f'{name}: {data} gives its samples a {field!r}, which nothing in the '
                f'{type(model).__name__} reads, so that it would have no effect: set {reader}. '
                f'A ContextModule of your own that reads it says so: sample_fields = {{{field!r}: '
                '...}.'
            )
    for field, giver in read.items():
        if not any(field in sample for sample in samples):
            raise ValueError(
                f'{name}: the {type(model).__name__} reads the {field!r} of its samples, which '
                f'{data} does not give: train it on {giver}.'
            )


def fields_read_by(model: nn.Module) -> dict[str, str]:
    """The fields of a ``DataSample`` that the modules of a model say they read.

    Args:
        model (nn.Module): The model.

    Returns:
        dict[str, str]: What gives each, by name.
    """
    modules = [module for module in model.modules() if isinstance(module, ContextModule)]
    return {field: giver for module in modules for field, giver in module.sample_fields.items()}


def _fields_given_by(dataset: Dataset) -> dict[str, str]:
    """The fields that data sets in a chain say they give, and what reads each."""
    fields = dict(dataset.sample_fields) if isinstance(dataset, SelectionWrapper) else {}
    inner = getattr(dataset, 'datasets', None) or [getattr(dataset, 'dataset', None)]
    for part in inner:
        if part is not None:
            fields |= _fields_given_by(part)
    return fields


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


def make_batch(loader: DataLoader, skip_unreadable: bool = False) -> Any:
    """Make a small batch as a dataloader would, with a sample of each part of its data set.

    Args:
        loader (DataLoader): The dataloader, which is left as it is.
        skip_unreadable (bool): Whether some of the samples may fail: others are tried then.
            Defaults to False.

    Returns:
        Any: The batch. Random numbers are drawn and put back.
    """
    samples = _OneOfEachPart(loader.dataset, _TRIED if skip_unreadable else 1)
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
