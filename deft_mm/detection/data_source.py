"""What data a tool may be given to score: a folder, a list file, or the data set of a config."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmpretrain.registry import DATASETS

from deft_mm.datasets import base_datasets
from deft_mm.datasets.own_images import DataReport
from deft_mm.engine.config_walk import DATALOADERS, pipeline_of
from deft_mm.engine.launch import read_config

_LISTS = ('.csv', '.jsonl', '.ndjson', '.parquet')
_CONFIGS = ('.py', '.json', '.yaml', '.yml')


@dataclass(frozen=True)
class DataSource:
    """A data set to score, before it is read.

    Args:
        name (str): Short name, for the name of a folder.
        dataset (dict): Config of the data set, with all its wrappers.
        to_rgb (bool, optional): Whether its images are in the order BGR; None where that is not
            known.
        text (str): How a config takes it, for a message.
        is_own (bool): Whether it is that of the detector's own config.
    """

    name: str
    dataset: dict
    to_rgb: bool | None
    text: str
    is_own: bool = False


def find_data(
    cfg: Config,
    path: str | None,
    part: str = 'train',
    options: Mapping[str, Any] | None = None,
    own_options: Mapping[str, Any] | None = None,
    name: str = '--data',
) -> DataSource:
    """Find what is to be scored.

    Of a folder or a list file (:class:`~deft_mm.datasets.ImageFolderDataset`) all images are
    scored, nothing is held out.

    Args:
        cfg (Config): Config of the detector, whose own data are scored where nothing is named.
        path (str, optional): A folder with a folder for each class, a list file, or a config file.
        part (str): Which data set of a config: 'train', 'val' or 'test'. Defaults to 'train'.
        options (Mapping[str, Any], optional): Overrides of that config, or arguments of
            ``ImageFolderDataset``. Defaults to None.
        own_options (Mapping[str, Any], optional): Overrides that ``cfg`` has, which are only told.
            Defaults to None.
        name (str): What gives ``path``, for messages. Defaults to '--data'.

    Returns:
        DataSource: The data.

    Raises:
        FileNotFoundError: If there is nothing at ``path``.
        ValueError: If it is something else, a config without that part, or the options don't fit.
    """
    options = dict(options or {})
    if path is None:
        if options:
            raise ValueError(
                '--data-options belong to --data: without it, the data are those of CONFIG, which '
                '--cfg-options change.'
            )
        return _data_of(cfg, part, own_options or {}, is_own=True)
    if not Path(path).exists():
        raise FileNotFoundError(
            f"{name} '{path}' does not exist: give a folder that has a folder for each class, a "
            f'list file ({", ".join(_LISTS)}) or a config file.'
        )
    suffix = Path(path).suffix.lower()
    if is_config(path):
        return _data_of(read_config(path, options), part, options)
    if Path(path).is_file() and suffix not in _LISTS:
        raise ValueError(
            f"{name} '{path}' is neither a list file ({', '.join(_LISTS)}) nor a config file "
            f'({", ".join(_CONFIGS)}).'
        )
    if part != 'train':
        raise ValueError(f'--part {part} is for configs: a folder or list file has no parts.')
    # As configs/_base_/datasets/folder.py has them, and as they are checked.
    load = dict(type='LoadImageOfAnyKind')
    dataset = dict(type='ImageFolderDataset', data_root=str(path), val_path='.') | options
    text = f'dict({", ".join(f"{key}={value!r}" for key, value in dataset.items())})'
    dataset.setdefault('pipeline', [load])
    return DataSource(Path(os.path.abspath(path)).stem, dataset, files_to_rgb(cfg), text)


def files_to_rgb(cfg: Config) -> bool:
    """Whether images that are read from files, as BGR, are turned for the network of a config.

    Args:
        cfg (Config): The config. One that reads files itself knows what its network takes.

    Returns:
        bool: Whether they are.
    """
    # A config without training data, as an exported checkpoint has it, has those of an evaluation.
    datasets = ((cfg.get(name) or {}).get('dataset') for name in DATALOADERS)
    reads_files = bool(loading_of(next(filter(None, datasets), None)))
    return preprocessor_of(cfg).get('to_rgb', False) if reads_files else True


def is_config(path: str) -> bool:
    """Whether a path is that of a config file, going by its name.

    Args:
        path (str): A path.

    Returns:
        bool: Whether there is such a file.
    """
    return Path(path).is_file() and Path(path).suffix.lower() in _CONFIGS


def read_data(data: DataSource) -> tuple[Any, list[DataReport]]:
    """Read a data set.

    Args:
        data (DataSource): What was found.

    Returns:
        tuple[BaseDataset, list[DataReport]]: The data set, which has samples, and what it tells of
        its files.

    Raises:
        ValueError: If it has no samples.
    """
    dataset = DATASETS.build(data.dataset)
    dataset.full_init()
    if len(dataset) == 0:
        raise ValueError(f'{data.text} has no samples.')
    reports = [getattr(base, 'report', None) for base in base_datasets(dataset)]
    return dataset, [report for report in reports if report is not None]


def preprocessor_of(cfg: Mapping) -> dict:
    """A copy of the config of the data preprocessor, wherever it stands; empty without one."""
    model = cfg.get('model') or {}
    for owner in (model.get('detector') or {}, model, cfg):
        if owner.get('data_preprocessor'):
            return copy.deepcopy(dict(owner['data_preprocessor']))
    return {}


def is_loading(transform: Mapping) -> bool:
    """Whether a transform reads the image, as ``LoadImageFromFile`` and its like do."""
    return 'LoadImage' in str(transform.get('type'))


def loading_of(dataset: Mapping | None) -> list[dict]:
    """The transforms of a data set's config, which may be a wrapper, that read the image."""
    return [transform for transform in pipeline_of(dataset) or () if is_loading(transform)]


def _data_of(cfg: Config, part: str, options: Mapping, is_own: bool = False) -> DataSource:
    key = f'{part}_dataloader'
    dataset = (cfg.get(key) or {}).get('dataset')
    if dataset is None:
        raise ValueError(f'{cfg.filename} has no {key}.dataset: choose another --part.')
    name = Path(cfg.filename).stem
    preprocessor = preprocessor_of(cfg)
    changed = ''.join(f', {option}={value!r}' for option, value in options.items())
    return DataSource(
        name if part == 'train' else f'{name}_{part}',
        dataset,
        preprocessor.get('to_rgb', False) if preprocessor else None,
        f'<{key}.dataset of {cfg.filename}{changed}>',
        is_own,
    )
