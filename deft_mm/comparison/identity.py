"""What a run's result depends on: its config, the code and the data."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from modulefinder import ModuleFinder
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpretrain.registry import DATASETS

from deft_mm.datasets import dataset_fingerprint
from deft_mm.engine.config_walk import datasets_in, dicts_in, is_wrapper
from deft_mm.engine.data_settings import settle_data
from deft_mm.selection.fingerprint import digest, digest_file
from deft_mm.version import __version__

# Where and how a run is made, not what comes out.
_NO_SETTING = ('work_dir', 'resume', 'launcher')
# Imports that are not the user's.
_STACK = {'deft_mm', 'mmcv', 'mmengine', 'mmpretrain'}


def differing_parts(identity: Mapping, other: Mapping) -> list[str]:
    """Name what differs of the things that the results of two runs depend on.

    Args:
        identity (Mapping): Digests of 'config', 'code' and 'data', see :func:`config_digest`,
            :func:`code_version` and :class:`DataDigests`.
        other (Mapping): The same. Data that were not read, None, agree with all.

    Returns:
        list[str]: Of 'config', 'code' and 'data'.
    """
    known = [other.get('data'), identity['data']]
    parts = ['config', 'code'] if None in known else ['config', 'code', 'data']
    return [part for part in parts if identity[part] != other.get(part)]


class DataDigests:
    """Digests of the data that configs name; data sets are read once each.

    Samples, labels and class names count, and the files with human labels or a selection that a
    config names. Noise that is drawn does not, since it follows from the config. Image files are
    told apart by their names.

    Attributes:
        unreadable (dict[str, str]): Why data could not be read here, by the type of the data set
            or the name of the file: a change of them goes unnoticed.
    """

    def __init__(self) -> None:
        self._digests: dict[str, str | None] = {}
        self.unreadable: dict[str, str] = {}

    def of(self, cfg: Config) -> str | None:
        """Digest the training and validation data of a config.

        Args:
            cfg (Config): A config, overrides merged.

        Returns:
            str | None: The digest; None where data can't be read here.
        """
        # Without the model, whose number of classes would be counted.
        settled = Config({key: v for key, v in cfg.to_dict().items() if key != 'model'})
        settle_data(settled)
        parts = []
        with DefaultScope.overwrite_default_scope(cfg.get('default_scope', 'mmpretrain')):
            for _, dataset in datasets_in(settled, ('train_dataloader', 'val_dataloader')):
                if not is_wrapper(dataset):
                    parts.append(self._of_samples({**dataset, 'pipeline': []}))
        parts += [self._try(path, digest_file, path) for path in _named_files(settled)]
        return None if None in parts else _digest(parts)

    def _of_samples(self, dataset: Mapping) -> str | None:
        key = _digest(dataset)
        if key not in self._digests:
            self._digests[key] = self._try(str(dataset.get('type')), _digest_samples, dataset)
        return self._digests[key]

    def _try(self, name: str, read: Callable[[Any], str], what: Any) -> str | None:
        try:
            return read(what)
        except (OSError, ValueError, RuntimeError) as error:
            self.unreadable[name] = str(error)
            return None


def code_version(cfg: Mapping) -> str:
    """The code that a run executes: deft_mm by its version, the user's modules by their content.

    The user's are those in ``custom_imports``: the whole package of a module that is in one, else
    the file and what it imports from its own folder.

    Args:
        cfg (Mapping): A config.

    Returns:
        str: The version, '0.1.0', or with modules of the user's '0.1.0+0123456789abcdef'.
    """
    imports = (cfg.get('custom_imports') or {}).get('imports') or []
    names = {name.partition('.')[0] for name in ([imports] if type(imports) is str else imports)}
    files = {path for name in names - _STACK for path in _files_of(name)}
    if not files:
        return __version__
    # By their contents alone: the folder may have another name elsewhere.
    contents = sorted(f'{path.name} {digest_file(str(path))}' for path in files)
    return f'{__version__}+{_digest(contents)}'


def config_digest(cfg: Config) -> str:
    """Digest a config with its overrides merged: 16 hexadecimal digits."""
    return _digest({k: v for k, v in cfg.to_dict().items() if k not in _NO_SETTING})


def _digest(value: Any) -> str:
    """Digest nested dicts, whatever the order of their keys, lists and plain values."""
    return digest(json.dumps(_in_order(value), default=repr).encode())


def _in_order(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _in_order(value[key]) for key in sorted(value, key=str)}
    if isinstance(value, (list, tuple)):
        return [_in_order(item) for item in value]
    return value


def _digest_samples(dataset: Mapping) -> str:
    return _digest(dataset_fingerprint(DATASETS.build(dataset)).to_dict())


def _files_of(module: str) -> list[Path]:
    """The files of a top-level module of the user's."""
    spec = find_spec(module)
    if spec is None:  # of an import that may fail
        return []
    if spec.submodule_search_locations is not None:
        return [path for top in spec.submodule_search_locations for path in Path(top).rglob('*.py')]
    folder = Path(spec.origin).parent
    beside = [] if folder.name == 'site-packages' else [str(folder)]
    finder = ModuleFinder(path=beside, excludes=[*_STACK])
    finder.run_script(spec.origin)
    return [Path(found.__file__) for found in finder.modules.values() if found.__file__]


def _named_files(cfg: Config) -> list[str]:
    """The files of labels and selections that a run reads beside its data sets."""
    named = []
    for _, dataset in datasets_in(cfg, ['train_dataloader']):
        named += [dataset.get('selection'), dataset.get('noise')]
    hooks = [cfg.get('default_hooks'), cfg.get('custom_hooks')]
    named += [part['selection'] for part in dicts_in(hooks) if 'selection' in part]
    paths = [entry.get('path') if isinstance(entry, Mapping) else entry for entry in named]
    return [path for path in paths if isinstance(path, str)]
