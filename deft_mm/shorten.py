"""Naming some of many things in a message."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


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


def first_few(items: Iterable[str], most: int = 10) -> str:
    """Join what has no order that the last one would tell of.

    Args:
        items (Iterable[str]): What to name, as it is to stand in the message.
        most (int): How many are named. Defaults to 10.

    Returns:
        str: For example 'cat, dog and 3 more'.
    """
    items = list(items)
    more = f' and {len(items) - most} more' if len(items) > most else ''
    return ', '.join(items[:most]) + more


def first_line(error: Exception) -> str:
    """What an error of another library says, to go on with in a sentence.

    Args:
        error (Exception): The error.

    Returns:
        str: Its first line without a full stop, or its type where it says nothing.
    """
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip('.')


def printable(text: str) -> str:
    """Write a name so that a log can take it: on one line, and without surrogates.

    Args:
        text (str): A name, or a message with names.

    Returns:
        str: The text, what is not printable escaped as in Python.
    """
    return ''.join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
