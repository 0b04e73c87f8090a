"""Naming some of many things in a message."""

from __future__ import annotations

from collections.abc import Sequence


def shorten(names: Sequence[str], most: int = 10) -> str:
    """Join names for a message.

    Args:
        names (Sequence[str]): Names.
        most (int): From how many on those before the last are left out. Defaults to 10.

    Returns:
        str: The names in quotation marks; of more than ``most`` the first ``most - 2``, dots and
        the last.
    """
    names = [repr(name) for name in names]
    return ', '.join(names if len(names) <= most else [*names[: most - 2], '...', names[-1]])
