"""Config overrides: from a plan or the command line, to what ``--cfg-options`` takes."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping
from typing import Any

from mmengine.config import Config, DictAction


def parse_options(pairs: Iterable[str]) -> dict[str, Any]:
    """Read ``KEY=VALUE`` texts as ``--cfg-options`` of ``tools/train.py`` reads them.

    Args:
        pairs (Iterable[str]): For example ['train_cfg.max_epochs=2'].

    Returns:
        dict[str, Any]: Values by dotted key.

    Raises:
        ValueError: If a text has no '=' or nothing before it.
    """
    pairs = list(pairs)
    for pair in pairs:
        if not pair.partition('=')[0].strip() or '=' not in pair:
            raise ValueError(f'An override is KEY=VALUE, found {pair!r}.')
    namespace = argparse.Namespace()
    DictAction(option_strings=[], dest='options')(None, namespace, pairs)
    return namespace.options


def flatten(options: Mapping[str, Any]) -> dict[str, Any]:
    """Write nested overrides with one dotted key a value.

    Args:
        options (Mapping[str, Any]): Overrides, nested, dotted or both.

    Returns:
        dict[str, Any]: Values by dotted key, none of them a dict unless it is empty.
    """
    flat = {}
    for key, value in options.items():
        if isinstance(value, Mapping) and value:
            flat.update({f'{key}.{inner}': v for inner, v in flatten(value).items()})
        else:
            flat[str(key)] = value
    return flat


def settle_optional(options: Mapping[str, Any], cfg: Config) -> dict[str, Any]:
    """Decide on the keys that end in '?': they count only where the config has the key.

    So one variant can change a setting that some of the compared methods have and others don't.

    Args:
        options (Mapping[str, Any]): Values by dotted key.
        cfg (Config): The config, with the other overrides merged.

    Returns:
        dict[str, Any]: Values by dotted key, without '?'.
    """
    content, settled = cfg.to_dict(), {}
    for key, value in options.items():
        if not key.endswith('?'):
            settled[key] = value
        elif _has(content, key[:-1].split('.')):
            settled[key[:-1]] = value
    return settled


def to_arguments(options: Mapping[str, Any]) -> list[str]:
    """Write overrides as arguments of ``--cfg-options``.

    Args:
        options (Mapping[str, Any]): Values by dotted key.

    Returns:
        list[str]: ``KEY=VALUE`` texts that read back as the same values.

    Raises:
        ValueError: If a value would come out as another one.
    """
    arguments = [f'{key}={_to_text(value)}' for key, value in options.items()]
    for argument, (key, value) in zip(arguments, options.items(), strict=True):
        if repr(_read_back(argument)) != repr(_plain({key: value})):
            raise ValueError(
                f'The override {key}={value!r} would reach the run as another value, since '
                'tools/train.py takes numbers, True, False, None, words without blanks, and lists '
                'of these (a YAML plan writes 5e-4 as 5.0e-4): write a config that has it.'
            )
    return arguments


def _has(cfg: Any, keys: list[str]) -> bool:
    for key in keys:
        if isinstance(cfg, (list, tuple)) and key.isdigit() and int(key) < len(cfg):
            cfg = cfg[int(key)]
        elif isinstance(cfg, Mapping) and key in cfg:
            cfg = cfg[key]
        else:
            return False
    return True


def _to_text(value: Any) -> str:
    if isinstance(value, list):
        return '[' + ','.join(map(_to_text, value)) + ']'
    if isinstance(value, tuple):
        return '(' + ','.join(map(_to_text, value)) + ')'
    return str(value)


def _plain(value: Any) -> Any:
    """The value in built-in types, whatever read it."""
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(map(_plain, value))
    return value


def _read_back(argument: str) -> dict[str, Any] | None:
    try:
        return parse_options([argument])
    except AssertionError:  # unbalanced brackets
        return None
