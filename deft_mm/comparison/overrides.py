"""The overrides of a plan, and how they get to a run.

They are those of ``--cfg-options`` (:mod:`deft_mm.engine.options`), with two differences. They may
be nested, ``peft: {_delete_: true, type: LoRA}`` for ``peft._delete_`` and ``peft.type``. And a key
that ends in '?' counts only for the configs that have it, so that one variant can change a setting
of some of the compared methods. The later ones win: the plan's, a variant's, a method's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmengine.config import Config

from deft_mm.engine.config_walk import has_key
from deft_mm.engine.options import parse_options


def flatten(options: Mapping[str, Any]) -> dict[str, Any]:
    """Write overrides, nested, dotted or both, with one dotted key a value."""
    flat = {}
    for key, value in options.items():
        if isinstance(value, Mapping) and value:
            flat.update({f'{key}.{inner}': v for inner, v in flatten(value).items()})
        else:
            flat[str(key)] = value
    return flat


def settle_optional(options: Mapping[str, Any], cfg: Config) -> dict[str, Any]:
    """Decide on the keys that end in '?': they count only where the config has the key.

    Args:
        options (Mapping[str, Any]): Values by dotted key.
        cfg (Config): The config, with the other overrides merged.

    Returns:
        dict[str, Any]: Values by dotted key, without '?'.
    """
    content = cfg.to_dict()
    return {
        key.removesuffix('?'): value
        for key, value in options.items()
        if not key.endswith('?') or has_key(content, key[:-1].split('.'))
    }


def to_arguments(options: Mapping[str, Any]) -> list[str]:
    """Write overrides as arguments of ``--cfg-options``.

    Args:
        options (Mapping[str, Any]): Values by dotted key.

    Returns:
        list[str]: ``KEY=VALUE`` texts that read back as the same values.

    Raises:
        ValueError: If a value would come out as another one.
    """
    arguments = []
    for key, value in options.items():
        arguments.append(f'{key}={_to_text(value)}')
        try:
            read_back = parse_options(arguments[-1:])
        except ValueError:  # unbalanced brackets
            read_back = None
        if repr(read_back) != repr({key: value}):
            raise ValueError(
                f'The override {key}={value!r} would reach the run as another value, since '
                'tools/train.py takes numbers, True, False, None, words, and lists '
                'of these (a YAML plan writes 5e-4 as 5.0e-4): write a config that has it.'
            )
    return arguments


def _to_text(value: Any) -> str:
    if isinstance(value, list):
        return '[' + ','.join(map(_to_text, value)) + ']'
    if isinstance(value, tuple):
        return '(' + ','.join(map(_to_text, value)) + ')'
    return str(value)
