"""Walking through a config: its data sets, all its dicts, what stands at a dotted key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

DATALOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


def datasets_in(cfg: Mapping, dataloaders: Sequence[str] = DATALOADERS) -> Iterator[tuple]:
    """Find the configs of data sets and of all that they wrap, wrappers first.

    Args:
        cfg (Mapping): A config.
        dataloaders (Sequence[str]): Top-level keys to look under. Defaults to all three.

    Yields:
        tuple[str, dict]: The dotted key of a data set in the config, and its own config.
    """
    for name in dataloaders:
        yield from _chain(f'{name}.dataset', (cfg.get(name) or {}).get('dataset'))


def is_wrapper(dataset: Mapping) -> bool:
    """Whether a data set's config holds other data sets.

    Args:
        dataset (Mapping): Config of a data set.

    Returns:
        bool: True for ``NoisyLabelDataset`` and ``ConcatDataset``, for example.
    """
    return any(True for _ in _inner('', dataset))


def pipeline_of(dataset: Mapping | None) -> list[dict] | None:
    """The transforms of a data set's config, of the first data set where there are several.

    Args:
        dataset (Mapping, optional): Config of a data set, which may be a wrapper.

    Returns:
        list[dict], optional: The transforms; None where there are none.
    """
    pipelines = (part['pipeline'] for _, part in _chain('', dataset) if 'pipeline' in part)
    return next(map(list, pipelines), None)


def dicts_in(value: Any) -> Iterator[dict]:
    """Find every dict in a config, at any depth.

    Args:
        value: A config or a part of one.

    Yields:
        dict: The dicts, outer ones first.
    """
    yield from (found for _, found in parts_of(value) if isinstance(found, dict))


def parts_of(value: Any, key: str = '') -> Iterator[tuple[str, Any]]:
    """Find everything in a config, at any depth.

    Args:
        value: A config or a part of one.
        key (str): Its dotted key. Defaults to '', the whole config.

    Yields:
        tuple[str, Any]: Dotted key and value of each part, outer ones first, the whole included.
    """
    yield key, value
    if isinstance(value, Mapping):
        inner = value.items()
    else:
        inner = enumerate(value) if isinstance(value, (list, tuple)) else ()
    for name, part in list(inner):
        yield from parts_of(part, f'{key}.{name}' if key else str(name))


def has_key(value: Any, keys: Sequence[str]) -> bool:
    """Whether a config has something at a key.

    Args:
        value: A config or a part of one.
        keys (Sequence[str]): The parts of the dotted key; those of a list are numbers.

    Returns:
        bool: True even if None stands there.
    """
    for key in keys:
        if isinstance(value, (list, tuple)) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        elif isinstance(value, Mapping) and key in value:
            value = value[key]
        else:
            return False
    return True


def _chain(key: str, dataset: Any) -> Iterator[tuple[str, dict]]:
    if isinstance(dataset, Mapping):
        yield key, dataset
        for inner_key, inner in _inner(key, dataset):
            yield from _chain(inner_key, inner)


def _inner(key: str, dataset: Mapping) -> Iterator[tuple[str, Mapping]]:
    """What a data set wraps, one level down."""
    inner = [(f'{key}.dataset', dataset.get('dataset'))]
    inner += [(f'{key}.datasets.{i}', part) for i, part in enumerate(dataset.get('datasets') or ())]
    yield from ((name, part) for name, part in inner if isinstance(part, Mapping))
