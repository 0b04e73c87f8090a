"""Selectors by what people call them on a command line."""

from __future__ import annotations

import re

from mmpretrain.registry import TASK_UTILS

from deft_mm.selection import Selector


def selector_type(name: str, option: str) -> str:
    """The registered name of a selector: 'knn' and 'KNNSelector' are the same.

    Args:
        name (str): The name, or it without 'Selector', in any spelling.
        option (str): The option that has it, for the message.

    Returns:
        str: What a config has as ``type``.

    Raises:
        ValueError: If there is none.
    """
    types = {
        type_
        for type_, class_ in TASK_UTILS.module_dict.items()
        if isinstance(class_, type) and issubclass(class_, Selector)
    }
    known = {_plain(type_): type_ for type_ in sorted(types)}
    if _plain(name) not in known:
        words = ', '.join(_word(type_) for type_ in sorted(types))
        raise ValueError(f"{option} is '{name}', which is no selector. Known selectors: {words}.")
    return known[_plain(name)]


def _plain(name: str) -> str:
    return re.sub('[_ -]', '', name).lower().removesuffix('selector')


def _word(type_: str) -> str:
    """Such as small_loss of SmallLossSelector."""
    name = type_.removesuffix('Selector')
    return re.sub('(?<=[a-z])(?=[A-Z])', '_', name).lower()
