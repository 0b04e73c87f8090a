"""Which images a user means: files, folders, lists."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from deft_mm.datasets.own_images import images_below
from deft_mm.shorten import shorten
from deft_mm.user_file import lines_of, rows_of_csv


def find_images(sources: Sequence[str]) -> list[str]:
    """List image files.

    Args:
        sources (Sequence[str]): Image files; folders, of which every image below is taken; lists:
            ``.txt`` with a path a line, or ``.csv`` with a column ``path``. Paths in a list are
            relative to its folder.

    Returns:
        list[str]: N paths, each once.

    Raises:
        FileNotFoundError: If there is no such file or folder, or no image in it.
        ValueError: If a list can't be read.
    """
    found: dict[str, None] = {}
    for source in sources:
        paths = _images_of(Path(source))
        if not paths:
            raise FileNotFoundError(f"There is no image in '{source}'.")
        found.update(dict.fromkeys(paths))
    return list(found)


def _images_of(source: Path) -> list[str]:
    if source.is_dir():
        return images_below(source)
    if not source.exists():
        raise FileNotFoundError(
            f"'{source}' does not exist: give images, folders of images, or lists (.txt, .csv)."
        )
    reader = dict(zip(('.txt', '.csv'), (_lines, _column), strict=True)).get(source.suffix.lower())
    if reader is None:
        return [str(source)]
    try:
        return [os.path.normpath(source.parent / path) for path in reader(source)]
    except ValueError as error:
        raise ValueError(f"'{source}' cannot be used as a list: {error}.") from error


def _lines(source: Path) -> list[str]:
    return [line.strip() for line in lines_of(source) if line.strip()]


def _column(source: Path) -> list[str]:
    def choose(names: Sequence[str]) -> tuple[str]:
        if 'path' not in names:
            raise ValueError(f'it has no column path, only {shorten(list(names)) or "none"}')
        return ('path',)

    return [path for _, (path,) in rows_of_csv(source, choose)]
