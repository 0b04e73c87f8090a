"""What a config leaves open until the data are known: where they are, and how many classes."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence

from mmengine.config import Config
from mmpretrain.registry import DATASETS
from torch.utils.data import Dataset

from deft_mm.datasets import ImageFolderDataset, class_names_of
from deft_mm.engine.config_walk import datasets_in, dicts_in, is_wrapper


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
    fill_from_top(cfg)
    if any(_lacks_num_classes(part) for part in dicts_in(cfg.get('model'))):
        fill_num_classes(cfg, _count_classes(cfg))


def fill_from_top(cfg: Config) -> None:
    """Give data sets what stands at the top of a config, in place: the part of :func:`settle_data`
    that reads no data.

    Args:
        cfg (Config): A config, ``--cfg-options`` merged.
    """
    for _, dataset in datasets_in(cfg):
        for key, value in dataset.items():
            if value is None and cfg.get(key) is not None:
                dataset[key] = copy.deepcopy(cfg[key])


def require_data(cfg: Config, dataloaders: Sequence[str]) -> None:
    """Open data sets without their wrappers, images and transforms.

    What is missing is told before weights are fetched for it.

    Args:
        cfg (Config): A settled config.
        dataloaders (Sequence[str]): The keys of the dataloaders that will be used.

    Raises:
        FileNotFoundError: If there are no data.
        ValueError: If data can't be used; the message says why.
    """
    for _, dataset in datasets_in(cfg, dataloaders):
        if not is_wrapper(dataset):
            _open(dataset)


def check_indices(cfg: Config, dataloaders: Sequence[str]) -> None:
    """Refuse lists of samples that pick one which there is not; MMEngine names neither it nor the
    key.

    Args:
        cfg (Config): A settled config.
        dataloaders (Sequence[str]): The keys of the dataloaders that will be used.

    Raises:
        ValueError: If there is one.
    """
    for key, dataset in datasets_in(cfg, dataloaders):
        indices = dataset.get('indices')
        if not isinstance(indices, (list, tuple)):
            continue
        size = len(_open({**dataset, 'indices': None}))
        for idx in indices:
            if not isinstance(idx, int) or not -size <= idx < size:
                raise ValueError(
                    f'{key}.indices has {idx!r}, but the data set has {size} samples: give '
                    f'integers from 0 to {size - 1}, or from -{size} to -1 to count from its end.'
                )


def reopen_data(cfg: Config, keys: Iterable[str]) -> None:
    """Take back what :func:`settle_data` wrote for some top-level keys, in place.

    A run keeps its settled config in its work directory: this lets another value of such a key
    reach the data sets of that one, too.

    Args:
        cfg (Config): A config.
        keys (Iterable[str]): Names of top-level keys that are about to change.
    """
    for _, dataset in datasets_in(cfg):
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
        for part in dicts_in(cfg.get(name)):
            if _lacks_num_classes(part):
                part['num_classes'] = num_classes


def _lacks_num_classes(part: dict) -> bool:
    return 'num_classes' in part and part['num_classes'] is None


def _count_classes(cfg: Config) -> int:
    datasets = [dataset for _, dataset in datasets_in(cfg, ['train_dataloader'])]
    if not datasets:
        raise ValueError(
            'num_classes is None in the config of the model, and there is no '
            'train_dataloader.dataset to count the classes of: set num_classes to a number.'
        )
    # Without its wrappers: noise and selections are not needed to know the classes.
    return len(class_names_of(_open(datasets[-1])))


def _open(cfg: Mapping) -> Dataset:
    """Build a data set from its config without a look at its images."""
    cfg = {**cfg, 'pipeline': []}
    class_ = DATASETS.get(cfg['type']) if isinstance(cfg['type'], str) else cfg['type']
    if class_ is ImageFolderDataset:
        cfg['check_images'] = False
    built = DATASETS.build(cfg)
    if hasattr(built, 'full_init'):
        built.full_init()
    return built
