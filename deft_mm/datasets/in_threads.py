"""Reading many images at a time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

_THREADS = min(16, os.cpu_count() or 1)


def in_threads(function: Callable, *items: Iterable) -> Iterator[Any]:
    """Call a function for each item, as ``map`` does, in several threads.

    For functions that decode: OpenCV and Pillow do so without holding the interpreter's lock.

    Args:
        function (Callable): Takes one of each of ``items``.
        *items (Iterable): As many arguments as the function takes.

    Yields:
        Any: What it returned, in the order of the items.
    """
    with ThreadPoolExecutor(_THREADS) as pool:
        yield from pool.map(function, *items)
