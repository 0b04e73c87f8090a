"""Whether a model reads what the samples of its training data say, and the other way round."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader

# Fields that change what is trained: what gives them, and what reads them.
_FIELDS = dict(
    sample_weight=('CleanProbWeightedDataset', "head.loss=dict(type='SampleWeightedLoss')"),
    view=(
        "FixMatchDataset and collate_fn=dict(type='fix_match_collate')",
        "type='FixMatch' in place of ImageClassifier",
    ),
)
# Items that are tried where images may be unreadable.
_TRIED = 8


def check_sample_fields(
    model: nn.Module, loader: DataLoader, name: str, skip_unreadable: bool = False
) -> None:
    """Make a batch, and compare what it says with what the model reads.

    Modules say in ``sample_fields`` which fields of a ``DataSample`` they read. A module that has
    ``set_data_samples`` and does not say is taken to read all. Random numbers are drawn and put
    back.

    Args:
        model (nn.Module): What is trained on the data.
        loader (DataLoader): The training data.
        name (str): The config key of the data set, for messages.
        skip_unreadable (bool): Whether items that fail are skipped. Defaults to False.

    Raises:
        ValueError: If items are not collated into a batch, or if one of data and model has a part
            of a method whose other part is missing.
    """
    batch = _first_batch(loader, skip_unreadable)
    if batch is None:
        return
    data = type(loader.dataset).__name__
    if not isinstance(batch, Mapping):
        raise ValueError(
            f'{name}: the items of {data} are no samples but lists of them, which the dataloader '
            "does not take apart: set its collate_fn=dict(type='fix_match_collate'), with DeFT "
            'in default_hooks.noise_filter.classifier_dataloader.'
        )
    samples = batch['data_samples']
    modules = list(model.modules())
    read = {field for module in modules for field in getattr(module, 'sample_fields', ())}
    reads_all = any(
        hasattr(module, 'set_data_samples') and not hasattr(module, 'sample_fields')
        for module in modules
    )
    for field, (giver, reader) in _FIELDS.items():
        given = any(field in sample for sample in samples)
        if given and field not in read and not reads_all:
            raise ValueError(
                f'{name}: {data} gives its samples a {field!r}, which nothing in the '
                f'{type(model).__name__} reads, so that it would have no effect: set {reader}.'
            )
        if field in read and not given:
            raise ValueError(
                f'{name}: the {type(model).__name__} reads the {field!r} of its samples, which '
                f'{data} does not give: train it on {giver}.'
            )


def _first_batch(loader: DataLoader, skip_unreadable: bool) -> Any:
    with _same_random_numbers():
        for idx in range(min(len(loader.dataset), _TRIED if skip_unreadable else 1)):
            try:
                item = loader.dataset[idx]
            except Exception:
                if not skip_unreadable:
                    raise
                continue
            return loader.collate_fn([item])
    return None


@contextmanager
def _same_random_numbers() -> Iterator[None]:
    """Put the state of the generators back: weights are drawn after this."""
    python, numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=[]):
        yield
    random.setstate(python)
    np.random.set_state(numpy)
