"""The classifier of a run, by a checkpoint of it."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mmengine.config import Config
from mmengine.utils import import_modules_from_strings

from deft_mm.engine.checkpoint_loading import weights_of
from deft_mm.engine.launch import read_config
from deft_mm.engine.options import merge_options
from deft_mm.engine.work_folder import config_in

_CLASSIFIER = 'classifier.'


def config_of_checkpoint(
    path: str, config: str | None = None, options: Mapping[str, Any] | None = None
) -> Config:
    """Find the config of the run that has written a checkpoint.

    It is read as data, from the ``config.json`` beside the checkpoint; nothing of it is executed,
    but the modules of ``custom_imports`` are imported.

    Args:
        path (str): The checkpoint.
        config (str, optional): Another config file, which is executed. Defaults to None.
        options (Mapping[str, Any], optional): Overrides by dotted key. Defaults to None.

    Returns:
        Config: The config.

    Raises:
        FileNotFoundError: If there is no checkpoint, or no config beside it.
        ValueError: If nothing reads an option.
    """
    if config is not None:
        return read_config(config, options or {})
    if not Path(path).is_file():
        raise FileNotFoundError(f'Checkpoint {path} does not exist.')
    content = config_in(Path(path).parent)
    if not content.get('model'):
        raise FileNotFoundError(
            f"There is no config.json of a run beside checkpoint '{path}': give its config with "
            '--config CONFIG.py.'
        )
    cfg = Config(content, filename=str(Path(path).parent / 'config.json'))
    if cfg.get('custom_imports'):
        import_modules_from_strings(**cfg.custom_imports)
    merge_options(cfg, options or {})
    return cfg


def classifier_of(cfg: Config, checkpoint: Mapping, source: str) -> tuple[Config, dict]:
    """Take from a run what classifies: of a DeFT model the classifier, of another one the whole.

    Args:
        cfg (Config): Its config.
        checkpoint (Mapping): Its checkpoint.
        source (str): What to call the checkpoint in an error.

    Returns:
        tuple[Config, dict]: A config whose model is that classifier, and which has evaluation
        transforms of validation, not those of a detector; and a checkpoint of its weights.

    Raises:
        ValueError: If the classifier has not been trained yet, or there is none.
    """
    cfg = copy.deepcopy(cfg)
    cfg.pop('default_hooks', None)
    model = cfg.get('model') or {}
    if 'detector' not in model:
        return cfg, dict(checkpoint)
    if not model.get('classifier'):
        raise ValueError(
            f'{source} is of a run without a classifier (model.classifier=None): tools/detect.py '
            'takes its detector.'
        )
    weights = weights_of(checkpoint)
    if not int(weights.get('stage', 0)):
        raise ValueError(
            f'{source} was saved in stage 1, before its classifier was trained: give one of stage '
            '2. tools/detect.py takes its detector.'
        )
    preprocessor = model.get('data_preprocessor') or cfg.get('data_preprocessor')
    cfg.model = model.classifier
    if not cfg.model.get('data_preprocessor') and preprocessor:
        cfg.model.data_preprocessor = preprocessor
    inside = {
        name.removeprefix(_CLASSIFIER): value
        for name, value in weights.items()
        if name.startswith(_CLASSIFIER)
    }
    return cfg, dict(checkpoint, state_dict=inside)
