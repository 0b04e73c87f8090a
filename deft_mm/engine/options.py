"""Overrides of a config: ``--cfg-options`` of every tool, and what the plans of a comparison hold.

An override is a dotted key with a value, ``train_dataloader.dataset.noise.ratio=0.2``; a number
picks from a list, ``train_dataloader.dataset.pipeline.0.size=32``. ``KEY._delete_=True`` replaces
the dict at KEY by the overrides of its keys, as in MMEngine's configs. What nothing reads is an
error, see :mod:`deft_mm.engine.read_keys`; ``+KEY=VALUE`` sets it all the same. ``clip`` and
``clip.KEY`` name the CLIP of the whole model, see :mod:`deft_mm.engine.clip_settings`.
"""

from __future__ import annotations

import copy
import re
from argparse import Namespace
from collections.abc import Iterable, Mapping
from typing import Any

from mmengine.config import Config, DictAction
from mmengine.utils import import_modules_from_strings

from deft_mm.engine.clip_settings import exchange_clip, take_clip
from deft_mm.engine.config_check import check_config
from deft_mm.engine.data_settings import reopen_data
from deft_mm.engine.read_keys import check_read

# Blanks within a text, all of which MMEngine drops; those beside brackets and commas mean nothing.
_BLANKS, _BLANK = re.compile(r'(?<=[^\s,\[\]()]) +(?=[^\s,\[\]()])'), '\x1f'
# In front of a key that is meant although nothing known reads it.
MEANT = '+'


def read_options(args: Namespace, *names: str) -> None:
    """Read the overrides of a command line, in place of their texts.

    Args:
        args (argparse.Namespace): The command line of a tool.
        *names (str): Where its overrides are. Defaults to 'cfg_options', that is --cfg-options.

    Raises:
        ValueError: See :func:`parse_options`.
    """
    for name in names or ('cfg_options',):
        option = f'--{name.replace("_", "-")}'
        setattr(args, name, parse_options(getattr(args, name), option))


def parse_options(pairs: Iterable[str], option: str = '') -> dict[str, Any]:
    """Read overrides as the command line has them, with MMEngine's rules for values.

    Args:
        pairs (Iterable[str]): For example ['train_cfg.max_epochs=2'].
        option (str): Where they come from, for what is said of mistakes. Defaults to ''.

    Returns:
        dict[str, Any]: Values by dotted key.

    Raises:
        ValueError: If a text has no '=' or nothing before it, its brackets don't match, or there
            is a dict in it.
    """
    options, where = {}, option and f'{option}: '
    for pair in pairs:
        key, equals, text = pair.partition('=')
        if not key.strip() or not equals:
            raise ValueError(f'{where}An override is KEY=VALUE, found {pair!r}.')
        try:
            kept = _BLANKS.sub(lambda blanks: _BLANK * len(blanks[0]), text)
            options[key] = _with_blanks(DictAction._parse_iterable(kept))
        except AssertionError:
            raise ValueError(f'{where}The brackets of {pair!r} do not match.') from None
        except RecursionError:  # MMEngine's way with dict(...)
            raise ValueError(
                f'{where}{pair!r} has a dict, which a value cannot be, nor be part of: set its '
                f'keys one by one, {key}.NAME=VALUE, or in a config file.'
            ) from None
    return options


def _with_blanks(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace(_BLANK, ' ')
    return type(value)(map(_with_blanks, value)) if isinstance(value, (list, tuple)) else value


def merge_options(cfg: Config, options: Mapping[str, Any]) -> None:
    """Merge overrides into a config, in place, and check what comes out.

    The model follows a top-level ``clip``, be it an override or of the config.

    Args:
        cfg (Config): A config.
        options (Mapping[str, Any]): Values by dotted key.

    Raises:
        FileNotFoundError: If files of that CLIP are missing.
        ImportError: If there is no module of ``custom_imports``.
        TypeError: If a value is of another type than the argument that it is for.
        ValueError: If nothing reads a key, or no class is registered as a ``type``; the message
            names the nearest that there is.
    """
    plain = {key.removeprefix(MEANT): copy.deepcopy(value) for key, value in options.items()}
    meant = [key[1:] for key in options if key.startswith(MEANT)]
    clip = take_clip(cfg, plain)
    check_read(cfg, plain, meant)
    reopen_data(cfg, plain)
    cfg.merge_from_dict(plain)
    if any(key.partition('.')[0] == 'custom_imports' for key in plain):
        _import(cfg.custom_imports)  # a file's are imported as it is read
    if clip is not None:
        exchange_clip(cfg, clip)
    check_config(cfg, meant, left_open=True)


def _import(custom_imports: Mapping[str, Any]) -> None:
    try:
        import_modules_from_strings(**custom_imports)
    except ImportError as error:
        raise ImportError(
            f'custom_imports: {error}. Is it where Python looks (PYTHONPATH)?'
        ) from error
