"""Trying out, before any training, what comes after a selection: a batch, and a step on it."""

from __future__ import annotations

import copy
import random
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from deft_mm.command_line import is_mistake, sentence
from deft_mm.datasets.selection_wrapper import SelectionWrapper
from deft_mm.models.backbones import CLIPVisionTransformer
from deft_mm.models.training_context import ContextModule

# Samples that are tried where images may be unreadable, and batches where they may be mixed.
_TRIED = 8
# Samples of the batch that a step is tried on.
_STEP = 4


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
    batch = make_batch(loader, name, skip_unreadable)
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


class _FewOfEachPart(Dataset):
    """Some samples of each part of a concatenation, of another data set as many of it."""

    def __init__(self, dataset: Dataset, count: int, tried: int) -> None:
        self.dataset = dataset
        ends = list(getattr(dataset, 'cumulative_sizes', [len(dataset)]))
        self.indices = [
            # Spread over the part: an unreadable folder is no reason to give up, and neighbours may
            # be of one class.
            np.linspace(begin + i, end - 1, min(tried, end - begin - i)).astype(int).tolist()
            for begin, end in zip([0, *ends[:-1]], ends, strict=True)
            for i in np.linspace(0, end - begin - 1, min(count, end - begin)).astype(int)
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


def rehearse_step(
    model: nn.Module, loader: DataLoader, name: str, skip_unreadable: bool = False
) -> None:
    """Compute the losses of a small batch, as the first step of training will.

    Nothing is changed by it: neither weights nor buffers, nor random numbers.

    Args:
        model (nn.Module): What is trained on the data; a
            :class:`~deft_mm.models.training_context.ContextModule` in it has entered the run.
        loader (DataLoader): The training data.
        name (str): The config key of the data set, for messages.
        skip_unreadable (bool): Whether some of the samples may fail. Defaults to False.

    Raises:
        ValueError: If that fails: a loss that does not take the labels, layers or images of sizes
            that do not fit. The message has the error.

    Warns:
        UserWarning: Of images whose size is not that of a CLIP's.
    """
    batch = make_batch(loader, name, skip_unreadable, count=_STEP)
    if not isinstance(batch, Mapping) or 'data_samples' not in batch:
        return  # a collate_fn and a model of the user's own
    was_training = model.training
    try:
        with _same_random_numbers(), _same_buffers(model), _without_compiling(), torch.no_grad():
            _tell_samples(model, batch['data_samples'])
            model.train()
            data = _mixed(model.data_preprocessor, batch)
            _warn_of_image_size(model, data['inputs'], name)
            model(**data, mode='loss')
    except Exception as error:
        raise ValueError(
            f'{name}: the {type(model).__name__} that is to be trained on it fails on its first '
            f'batch, tried before any training: {error}'
        ) from error
    finally:
        _tell_samples(model, None)
        model.train(was_training)


def _warn_of_image_size(model: nn.Module, inputs: Any, name: str) -> None:
    """Tell of images whose size is not the one that a CLIP's position embedding is for."""
    towers = (module for module in model.modules() if isinstance(module, CLIPVisionTransformer))
    tower = next(towers, None)
    if tower is None or not torch.is_tensor(inputs):
        return
    (height, width), (high, wide) = inputs.shape[-2:], tower.patch_size
    rows, columns = tower.grid_size
    if (height // high, width // wide) != (rows, columns):
        warnings.warn(
            f'{name}: images of {height}x{width} pixels for a CLIP of {rows * high}x'
            f'{columns * wide}, whose position embedding is interpolated for each batch: resize '
            'them in the pipeline, or set img_size of the backbone if they are meant.',
            stacklevel=3,
        )


def _mixed(preprocessor: nn.Module, batch: Mapping) -> Mapping:
    """The batch as it is trained on, mixed where batch augmentations sometimes mix."""
    if getattr(preprocessor, 'batch_augments', None) is None:
        return preprocessor(copy.deepcopy(batch), True)
    for _ in range(_TRIED):
        data = preprocessor(copy.deepcopy(batch), True)
        scores = [sample.get('gt_score') for sample in data['data_samples']]
        if any(score is not None and (score > 0).sum() > 1 for score in scores):
            break
    return data


def _tell_samples(model: nn.Module, samples: Sequence | None) -> None:
    for module in model.modules():
        if isinstance(module, ContextModule) and module.context is not None:
            module.context.data_samples = samples


@contextmanager
def _same_buffers(model: nn.Module) -> Iterator[None]:
    """Put back running statistics, and what losses remember of samples."""
    before = [(buffer, buffer.clone()) for buffer in model.buffers()]
    try:
        yield
    finally:
        with torch.no_grad():
            for buffer, value in before:
                buffer.copy_(value)


def _without_compiling() -> AbstractContextManager:
    """Run what is compiled as it is written, where PyTorch (2.6 or newer) can."""
    set_stance = getattr(torch.compiler, 'set_stance', None)
    return nullcontext() if set_stance is None else set_stance('force_eager')


def make_batch(loader: DataLoader, name: str, skip_unreadable: bool = False, count: int = 1) -> Any:
    """Make a small batch as a dataloader would, with samples of each part of its data set.

    Args:
        loader (DataLoader): The dataloader, which is left as it is.
        name (str): The config key of its data set, for messages.
        skip_unreadable (bool): Whether some of the samples may fail: others are tried then.
            Defaults to False.
        count (int): How many samples of each part. Defaults to 1.

    Returns:
        Any: The batch. Random numbers are drawn and put back.

    Raises:
        ValueError: In place of an error that names no setting: transforms that fail.
    """
    samples = _FewOfEachPart(loader.dataset, count, _TRIED if skip_unreadable else 1)
    one_batch = DataLoader(
        samples,
        batch_size=len(samples),
        num_workers=min(1, loader.num_workers),
        collate_fn=loader.collate_fn,
        multiprocessing_context=loader.multiprocessing_context,
    )
    try:
        with _same_random_numbers():
            return next(iter(one_batch))
    except Exception as error:
        if is_mistake(error):
            raise
        raise ValueError(
            f'{name}: making a first batch fails, tried before any training, likely in its '
            f'pipeline: {type(error).__name__}: {sentence(error)}'
        ) from error


def _is_list_of_items(batch: Any) -> bool:
    return (
        isinstance(batch, Sequence)
        and len(batch) > 0
        and all(isinstance(item, Mapping) and 'data_samples' in item for item in batch)
    )


def _used_gpus() -> list[int]:
    """The GPU of this process; asking for one would begin to use it."""
    return [torch.cuda.current_device()] if torch.cuda.is_initialized() else []


@contextmanager
def _same_random_numbers() -> Iterator[None]:
    """Put the state of the generators back: weights are drawn after this."""
    python, numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(_used_gpus()):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
