"""What a config leaves open until the data are known: where they are, and how many classes."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping

from mmengine.config import Config
from mmpretrain.registry import DATASETS

from deft_mm.datasets.chain import class_names_of

_DATALOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')


def settle_data(cfg: Config) -> None:
    """Fill in what ``configs/deft/deft_folder.py`` leaves open, in place.

    - A key of a data set that is None takes the value of the config's top-level key of this name,
      if there is one: ``data_root=None`` in three data sets, set once.
    - ``num_classes=None`` in the model becomes the number of classes of the training data, which
      are read for this. A config that has numbers there is left as it is.

    ``tools/train.py`` and ``tools/test.py`` call it. With another runner, call it first::

        cfg = Config.fromfile('configs/deft/deft_folder.py')
        cfg.data_root = '/path/to/images'
        settle_data(cfg)
        Runner.from_cfg(cfg).train()

    Args:
        cfg (Config): A config, ``--cfg-options`` merged.

    Raises:
        FileNotFoundError: If there are no data.
        ValueError: If the training data can't be used; the message says why.
    """
    for dataset in _datasets_in(cfg):
        for key, value in dataset.items():
            if value is None and cfg.get(key) is not None:
                dataset[key] = copy.deepcopy(cfg[key])
    if any(_lacks_num_classes(part) for part in _dicts_in(cfg.get('model'))):
        fill_num_classes(cfg, _count_classes(cfg))


def reopen_data(cfg: Config, keys: Iterable[str]) -> None:
    """Take back what :func:`settle_data` wrote for some top-level keys, in place.

    A run keeps its settled config in its work directory: this lets another value of such a key
    reach the data sets of that one, too.

    Args:
        cfg (Config): A config.
        keys (Iterable[str]): Names of top-level keys that are about to change.
    """
    for dataset in _datasets_in(cfg):
        for key in keys:
            if dataset.get(key) is not None and dataset[key] == cfg.get(key):
                dataset[key] = None


def fill_num_classes(cfg: Config, num_classes: int) -> None:
    """Replace ``num_classes=None`` in the model and the data preprocessor, in place.

    Args:
        cfg (Config): A config.
        num_classes (int): Number of classes.
    """
    for name in ('model', 'data_preprocessor'):
        for part in _dicts_in(cfg.get(name)):
            if _lacks_num_classes(part):
                part['num_classes'] = num_classes


def pipeline_of(dataset: Mapping | None) -> list[dict] | None:
    """The transforms of a data set's config, of the first data set where there are several.

    Args:
        dataset (Mapping, optional): Config of a data set, which may be a wrapper.

    Returns:
        list[dict], optional: The transforms; None where there are none.
    """
    while dataset is not None and 'pipeline' not in dataset:
        dataset = dataset.get('dataset') or next(iter(dataset.get('datasets', [])), None)
    return None if dataset is None else list(dataset['pipeline'])


def _lacks_num_classes(part: dict) -> bool:
    return 'num_classes' in part and part['num_classes'] is None


def _count_classes(cfg: Config) -> int:
    dataset = (cfg.get('train_dataloader') or {}).get('dataset')
    if dataset is None:
        raise ValueError(
            'num_classes is None in the config of the model, and there is no '
            'train_dataloader.dataset to count the classes of: set num_classes to a number.'
        )
    # Without its wrappers: noise and selections are not needed to know the classes.
    innermost = list(_chain(dataset))[-1]
    built = DATASETS.build({**innermost, 'pipeline': []})
    built.full_init()
    return len(class_names_of(built))


def _datasets_in(cfg: Config) -> Iterator[dict]:
    """Yield the configs of all data sets, wrappers first."""
    for name in _DATALOADERS:
        yield from _chain((cfg.get(name) or {}).get('dataset'))


def _chain(dataset: dict | None) -> Iterator[dict]:
    if isinstance(dataset, dict):
        yield dataset
        for inner in (dataset.get('dataset'), *dataset.get('datasets', ())):
            yield from _chain(inner)


def _dicts_in(value) -> Iterator[dict]:
    """Yield every dict in a config, at any depth."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _dicts_in(item)
