"""Which keys of a config somebody reads, so that an override of another one is no silent nothing.

A key is read if the config has it already, or the class that its dict is the arguments of takes it.
Where that can't be told, as with dicts that a class takes as they are, it counts as read.
"""

from __future__ import annotations

import copy
import difflib
from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.config import Config

from deft_mm.engine.config_readers import BUILDERS_KEYS, TOP_KEYS, readers_of, taken_by
from deft_mm.engine.config_walk import datasets_in, has_key, parts_of


def check_read(cfg: Config, options: Mapping[str, Any], meant: Sequence[str] = ()) -> None:
    """Refuse overrides that nothing reads.

    Args:
        cfg (Config): A config, without the overrides.
        options (Mapping[str, Any]): Values by dotted key.
        meant (Sequence[str]): Keys that are fine whatever reads them. Defaults to none.

    Raises:
        ValueError: If there is one; the message names the nearest key that is read.
    """
    content = cfg.to_dict()
    for key in options:
        _check_path(content, key, options)
    merged = Config(copy.deepcopy(content))
    merged.merge_from_dict(copy.deepcopy(dict(options)))
    for key in options:
        if key not in meant:
            _check_variable(content, key)
            _check_key(content, merged.to_dict(), key)


def _check_path(cfg: Mapping, key: str, options: Mapping) -> None:
    """Refuse keys that can't be merged at all."""
    value: Any = cfg
    keys = key.split('.')
    for depth, name in enumerate(keys):
        where = '.'.join(keys[:depth])
        if isinstance(value, (list, tuple)):
            if not name.isdigit() or int(name) >= len(value):
                raise ValueError(
                    f'The override {key!r} does not fit: {where!r} is a list of {len(value)}, of '
                    f'which {name!r} is no index (they start at 0).'
                )
            value = value[int(name)]
        elif isinstance(value, Mapping):
            if options.get(f'{where}._delete_') or name not in value:
                return
            value = value[name]
        elif options.get(f'{where}._delete_') or where in options:
            return
        else:
            raise ValueError(
                f'The override {key!r} does not fit: {where!r} is {value!r} in the config, which '
                f'has no keys. {where}._delete_=True beside it puts a dict there.'
            )


def _check_variable(cfg: Mapping, key: str) -> None:
    """Refuse variables that a config has made other values of: these don't follow any more."""
    name, _, rest = key.partition('.')
    # Data sets take whole values over from there.
    if name not in cfg or name in TOP_KEYS or not rest and name in _top_keys(cfg):
        return
    value = cfg[name]
    places = [
        place
        for place, found in parts_of(cfg)
        if place.partition('.')[0] in TOP_KEYS
        and _holds(found, value)
        and (isinstance(value, (Mapping, list, tuple)) or place.rpartition('.')[2] == name)
    ]
    if places and value not in ({}, []):
        keys = ', '.join(f'{place}.{rest}' if rest else place for place in places)
        raise ValueError(
            f'The override {key!r} changes nothing: {name!r} is a variable of the config file, and '
            f'what was made of it has its value by now. Set {keys}; +{key} if it is meant.'
        )


def _holds(found: Any, value: Any) -> bool:
    """Whether a part of a config is a value, or a dict made of it: added to, or filled in."""
    if isinstance(found, Mapping) and isinstance(value, Mapping):
        return all(
            name in found and (part is None or _holds(found[name], part))
            for name, part in value.items()
        )
    return type(found) is type(value) and found == value


def _check_key(cfg: Mapping, merged: Mapping, key: str) -> None:
    """Refuse a key at the first part of it that neither is there nor is taken."""
    keys = key.split('.')
    parent: Any = merged
    for depth, name in enumerate(keys):
        if name == '_delete_':
            return
        if isinstance(parent, Mapping) and not has_key(cfg, keys[: depth + 1]):
            known = _top_keys(cfg) if depth == 0 else known_in(keys[:depth], parent, merged)
            if known is not None and name not in known:
                raise ValueError(_unknown(cfg, parent, keys, depth, known))
        parent = parent[int(name)] if isinstance(parent, (list, tuple)) else parent.get(name)
        if not isinstance(parent, (Mapping, list, tuple)):
            return


def _top_keys(cfg: Mapping) -> set[str]:
    """Keys at the top of a config that somebody reads; what data sets take over from there, too."""
    known = set(TOP_KEYS)
    for _, dataset in datasets_in(cfg):
        known |= {k for k, v in dataset.items() if v is None or (k in cfg and v == cfg[k])}
    return known


def known_in(keys: Sequence[str], part: Mapping, cfg: Mapping) -> set[str] | None:
    """Names that are read in a dict of a config.

    Args:
        keys (Sequence[str]): The parts of its dotted key.
        part (Mapping): The dict.
        cfg (Mapping): The config.

    Returns:
        set[str], optional: The names; None if any may be read.
    """
    readers = readers_of(keys, part, cfg)
    if readers is None:
        return None
    callables, names = readers
    taken = [taken_by(callable_) for callable_ in callables]
    return None if None in taken else set().union(names, *taken)


def _unknown(cfg: Mapping, parent: Mapping, keys: list[str], depth: int, known: set[str]) -> str:
    """The sentence for a key that nothing reads, with the nearest one that is read."""
    key, name, where = '.'.join(keys), keys[depth], '.'.join(keys[:depth])
    # The same key further down, for which the way there was left out.
    places = [place for place, _ in parts_of(cfg) if place.partition('.')[0] in TOP_KEYS]
    below = [place for place in places if place.endswith(f'.{key}')]
    below += ['.'.join([p, *keys[1:]]) for p in places if depth == 0 and p.endswith(f'.{name}')]
    siblings = {str(sibling) for sibling in parent} - {name} | known - set(BUILDERS_KEYS)
    near = difflib.get_close_matches(name, sorted(siblings), 1, cutoff=0.5)
    hint = [*below, *('.'.join([*keys[:depth], found]) for found in near)][:1]
    what = 'the config' if not where else f"'{where}'"
    return (
        f'The override {key!r} changes nothing: {what} has no {name!r}, and nothing takes it'
        + (f'; is it {hint[0]!r}?' if hint else '.')
        + f' +{key} if it is meant.'
    )
