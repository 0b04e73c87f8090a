"""Configs whose data are a miniature."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmengine.config import Config
from mmpretrain.registry import DATASETS

from runner_utils import REPO


@contextmanager
def miniature(name: str, root: Path) -> Iterator[Path]:
    """Write ``tests/miniatures/<name>.py`` into a new folder; take back what reading it needs."""
    module = importlib.import_module(f'miniatures.{name}')
    module.make(root)
    yield root
    getattr(module, 'undo', lambda: None)()


def base_config(name: str, root: Path) -> Config:
    """Read ``configs/_base_/datasets/<name>.py`` with its data elsewhere."""
    cfg = Config.fromfile(REPO / f'configs/_base_/datasets/{name}.py')
    move_data(cfg._cfg_dict, root)
    return cfg


def base_dataset(name: str, root: Path, split: str = 'train'):
    """Build the data set of a base config's 'train', 'val' or 'test' dataloader."""
    return DATASETS.build(base_config(name, root)[f'{split}_dataloader'].dataset)


def move_data(cfg: dict | list, root: Path) -> None:
    """Put ``root`` in the place of every ``data/<name>`` in a config."""
    for key, value in cfg.items() if isinstance(cfg, dict) else enumerate(cfg):
        if isinstance(value, (dict, list)):
            move_data(value, root)
        elif isinstance(value, str) and value.startswith('data/'):
            cfg[key] = str(root.joinpath(*Path(value).parts[2:]))
