"""What a run's result depends on: its config, the code and the data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain.registry import DATASETS

import deft_mm
from deft_mm.comparison.run_setting import training_datasets
from deft_mm.datasets import dataset_fingerprint
from deft_mm.engine.data_settings import settle_data
from deft_mm.selection.fingerprint import digest_file

# Where and how a run is made, not what comes out.
_NO_SETTING = ('work_dir', 'resume', 'launcher')
# What a data set's own config does not depend on.
_NO_DATA = ('model', 'data_preprocessor', 'val_dataloader', 'test_dataloader')
# Parts of the package that run after training, or not at all.
_NO_TRAINING = ('comparison', 'detection', 'visualization', '__pycache__')


@dataclass(frozen=True)
class RunIdentity:
    """Digests of what a run's result depends on.

    Args:
        config (str): Of the config, overrides and seed merged.
        code (str): Version of deft_mm and digest of its files.
        data (str, optional): Of the data sets, see :class:`DataDigests`; None where they can't be
            read, which agrees with everything.
    """

    config: str
    code: str
    data: str | None

    def differing_parts(self, other: Mapping[str, str | None]) -> list[str]:
        """Name the parts in which a run's record differs.

        Args:
            other (Mapping[str, str | None]): The parts in the record.

        Returns:
            list[str]: Names of parts; empty when the record is of this identity.
        """
        parts = [name for name in ('config', 'code') if getattr(self, name) != other.get(name)]
        unknown = self.data is None or other.get('data') is None
        return parts if unknown or self.data == other['data'] else [*parts, 'data']


class DataDigests:
    """Digests of the data that configs name; data sets are read once each.

    Samples, labels and class names count, and the files with human labels or a selection that a
    config names. Noise that is drawn does not, since it follows from the config. Image files are
    told apart by their names; none is opened.
    """

    def __init__(self) -> None:
        self._digests: dict[str, str | None] = {}
        self.unreadable: dict[str, str] = {}

    def of(self, cfg: Config) -> str | None:
        """Digest the training and validation data of a config.

        Args:
            cfg (Config): A config, overrides merged.

        Returns:
            str | None: The digest; None where data can't be read here. :attr:`unreadable` then says
            why, by the name of the data set.
        """
        parts = []
        for name in ('train_dataloader', 'val_dataloader'):
            for leaf in _leaves((cfg.get(name) or {}).get('dataset')):
                parts.append(self._of_leaf(leaf, cfg))
        parts += [self._of_file(path) for path in _named_files(cfg)]
        return None if None in parts else digest(parts)

    def _of_leaf(self, leaf: Mapping, cfg: Config) -> str | None:
        # Alone in a config, with the top-level keys that a data set takes over.
        alone = {key: value for key, value in cfg.to_dict().items() if key not in _NO_DATA}
        settled = Config({**alone, 'train_dataloader': dict(dataset={**leaf, 'pipeline': []})})
        settle_data(settled)
        dataset_cfg = settled.train_dataloader.dataset
        key = digest(dataset_cfg)
        if key not in self._digests:
            try:
                with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmpretrain')):
                    fingerprint = dataset_fingerprint(DATASETS.build(dataset_cfg))
                self._digests[key] = digest(fingerprint.to_dict())
            except (OSError, ValueError, RuntimeError) as error:
                self._digests[key] = None
                self.unreadable[str(leaf.get('type'))] = str(error)
        return self._digests[key]

    def _of_file(self, path: str) -> str | None:
        try:
            return digest_file(path)
        except OSError as error:
            self.unreadable[path] = str(error)
            return None


def code_digest() -> str:
    """Version and digest of the deft_mm that runs: its files, weights included.

    What only reads results is left out.

    Returns:
        str: For example '0.1.0+0123456789abcdef'.
    """
    root = Path(deft_mm.__file__).parent
    hash_ = hashlib.blake2b(digest_size=8)
    for path in sorted(root.rglob('*')):
        relative = path.relative_to(root)
        if path.is_file() and not set(relative.parts) & set(_NO_TRAINING):
            hash_.update(f'{relative.as_posix()}\0{path.stat().st_size}\0'.encode())
            hash_.update(path.read_bytes())
    return f'{deft_mm.__version__}+{hash_.hexdigest()}'


def config_digest(cfg: Config) -> str:
    """Digest a config, whatever the order of its keys.

    Args:
        cfg (Config): A config, overrides merged.

    Returns:
        str: 16 hexadecimal digits.
    """
    return digest({k: v for k, v in cfg.to_dict().items() if k not in _NO_SETTING})


def digest(value: Any) -> str:
    """Digest plain values, dicts in the order of their keys.

    Args:
        value: Nested dicts, lists and plain values.

    Returns:
        str: 16 hexadecimal digits.
    """
    text = json.dumps(_in_order(value), default=repr)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _in_order(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _in_order(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, (list, tuple)):
        return [_in_order(item) for item in value]
    return value


def _named_files(cfg: Config) -> list[str]:
    """The files of labels and selections that a run reads beside its data sets."""
    named = []
    for _, dataset in training_datasets(cfg):
        named += [dataset.get('selection'), dataset.get('noise')]
    hooks = [*(cfg.get('default_hooks') or {}).values(), *(cfg.get('custom_hooks') or ())]
    named += [hook.get('selector') for hook in hooks if isinstance(hook, Mapping)]
    paths = [entry.get('path') if isinstance(entry, Mapping) else entry for entry in named]
    return [path for path in paths if isinstance(path, str)]


def _leaves(dataset: Any) -> list[dict]:
    """The data sets inside all wrappers."""
    if not isinstance(dataset, Mapping):
        return []
    inner = [dataset.get('dataset'), *(dataset.get('datasets') or ())]
    if any(isinstance(part, Mapping) for part in inner):
        return [leaf for part in inner for leaf in _leaves(part)]
    return [dataset]
