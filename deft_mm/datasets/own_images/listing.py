"""What a folder per class, or a list file, says of images and labels; no image is opened."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from deft_mm.shorten import shorten

from .data_report import (
    HIDDEN,
    NO_CLASS,
    NOT_AN_IMAGE,
    SEEN_FOLDER,
    UNREADABLE_FOLDER,
    Problem,
)
from .list_file import read_list_file

IMAGE_SUFFIXES = ('.bmp', '.gif', '.jpeg', '.jpg', '.pgm', '.png', '.ppm', '.tif', '.tiff', '.webp')
_PARTS = {'train', 'training', 'val', 'valid', 'validation', 'test', 'testing'}


class ListedImage(NamedTuple):
    """A file and the label that it was given.

    Args:
        path (str): The absolute path.
        label (str): The label as it was found: a folder's name, or the text in a list.
    """

    path: str
    label: str


@dataclass
class Listing:
    """Images in a fixed order, and what else was found.

    Args:
        source (str): The folder or list file.
        images (list[ListedImage]): Images.
        labels (list[str]): The different labels by the alphabet, numbers in them by size: 'c2'
            comes before 'c10'. Labels of empty folders are among them.
        problems (list[Problem]): Files that are no images, or in no class.
    """

    source: str
    images: list[ListedImage]
    labels: list[str]
    problems: list[Problem] = field(default_factory=list)


def list_images(root: Path, part: str = '') -> Listing:
    """List the images of a folder or of a list file.

    Args:
        root (Path): An absolute folder. The paths in a list file are relative to it.
        part (str): Path of the folder or list file, relative to ``root``. Defaults to '', ``root``
            itself.

    Returns:
        Listing: The same on every machine that has the same files.

    Raises:
        FileNotFoundError: If there is no such folder or file, or nothing in it.
        ValueError: If the folder is divided into parts for training and testing, or if the list
            file can't be used.
    """
    source = find_source(root, part)
    listing = _list_folder(source) if source.is_dir() else _list_file(source, root)
    if not listing.images:
        raise FileNotFoundError(
            f"There is no image in '{source}': expected <class>/<image> below it, with one of the "
            f'suffixes {" ".join(IMAGE_SUFFIXES)}; for another layout, give a list file '
            'with the columns path and label.'
        )
    return listing


def images_below(folder: Path) -> list[str]:
    """List the images in a folder and below it, whatever its folders mean.

    Args:
        folder (Path): A folder; hidden files and folders in it are passed over.

    Returns:
        list[str]: Paths in a fixed order.

    Raises:
        ValueError: If a folder can't be listed.
    """
    problems: list[Problem] = []
    above = {_folder(path) for path in folder.resolve().parents}
    found = [
        path
        for path in _walk(str(folder), '', above, problems)
        if _is_image(path) and not os.path.basename(path).startswith('.')
    ]
    unreadable = [problem for problem in problems if problem.kind == UNREADABLE_FOLDER]
    if unreadable:
        raise ValueError(f"'{unreadable[0].path}' cannot be listed: {unreadable[0].detail}.")
    return found


def find_source(root: Path, part: str = '') -> Path:
    """Find a folder or list file; nothing in it is looked at.

    Args:
        root (Path): An absolute folder.
        part (str): Path relative to it. Defaults to ''.

    Returns:
        Path: The absolute path.

    Raises:
        FileNotFoundError: If there is no such folder or file.
        ValueError: If it may not be looked at.
    """
    source = root / os.path.expanduser(part)
    try:
        source.stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise FileNotFoundError(
            f"'{source}' does not exist: give a folder that has a folder for each class, or a list "
            'file (.csv, .jsonl, .parquet).'
        ) from error
    except (OSError, ValueError) as error:  # a path with a NUL byte is a ValueError
        raise ValueError(f'{str(source)!r} cannot be read: {_reason(error)}.') from error
    return source


def _reason(error: Exception) -> str:
    return getattr(error, 'strerror', None) or str(error)


def _list_file(source: Path, root: Path) -> Listing:
    images = [
        ListedImage(os.path.normpath(root / path), label) for path, label in read_list_file(source)
    ]
    return Listing(str(source), images, _in_order(image.label for image in images))


def _list_folder(source: Path) -> Listing:
    images, labels, problems = [], [], []
    # A link to the folder itself, or to one above it, is no class.
    above = {_folder(path) for path in (source, *source.resolve().parents)}
    try:
        entries = _scan(source)
    except OSError as error:
        raise ValueError(f"'{source}' cannot be read: {_reason(error)}.") from error
    for entry in entries:
        if entry.name.startswith('.'):
            problems.append(Problem(HIDDEN, entry.path, ''))
        elif (folder := _folder(entry)) is None:
            kind = NO_CLASS if _is_image(entry.name) else NOT_AN_IMAGE
            problems.append(Problem(kind, entry.path, ''))
        elif folder in above:
            problems.append(Problem(SEEN_FOLDER, entry.path, ''))
        else:
            labels.append(entry.name)
            for path in _walk(entry.path, entry.name, above, problems):
                if os.path.basename(path).startswith('.'):
                    problems.append(Problem(HIDDEN, path, entry.name))
                elif _is_image(path):
                    images.append(ListedImage(path, entry.name))
                else:
                    problems.append(Problem(NOT_AN_IMAGE, path, entry.name))
    parts = [label for label in labels if label.lower() in _PARTS]
    if len(parts) > 1 or len(parts) == len(labels) > 0:
        raise ValueError(
            f"The folders in '{source}' are {shorten(labels)}: {shorten(parts)} are parts of a "
            f'data set, not classes. Say which is which, for example train_path={parts[0]} '
            f'val_path={parts[-1]}, or give one of them as data_root.'
        )
    return Listing(str(source), images, _in_order(labels), problems)


def _walk(
    folder: str, class_name: str, above: set[tuple[int, int]], problems: list[Problem]
) -> Iterator[str]:
    """Yield the files below a folder, and its hidden folders; go into each folder once."""
    seen = {*above, _folder(Path(folder))}
    waiting = [folder]
    while waiting:
        where, inner = waiting.pop(), []
        try:
            entries = _scan(where)
        except OSError as error:
            problems.append(Problem(UNREADABLE_FOLDER, where, class_name, _reason(error)))
            continue
        for entry in entries:
            found = None if entry.name.startswith('.') else _folder(entry)
            if found is None:
                yield entry.path
            elif found in seen:
                problems.append(Problem(SEEN_FOLDER, entry.path, class_name))
            else:
                seen.add(found)
                inner.append(entry.path)
        waiting.extend(reversed(inner))


def _scan(folder: str | Path) -> list[os.DirEntry]:
    """List a folder in a fixed order: that in which a file system lists is its own affair."""
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)


def _folder(entry: os.DirEntry | Path) -> tuple[int, int] | None:
    """What tells a folder from others, by whichever links it was reached; None if it is none."""
    try:
        if not entry.is_dir():
            return None
        status = os.stat(entry)
    except OSError:  # it is a link to itself, or was taken away since
        return None
    return status.st_dev, status.st_ino


def _is_image(path: str) -> bool:
    return path.lower().endswith(IMAGE_SUFFIXES)


def _in_order(labels: Iterable[str]) -> list[str]:
    return sorted(set(labels), key=lambda label: (_natural(label), label))


def _natural(label: str) -> list[tuple[int, str]]:
    """Texts and numbers in a label, in turn."""
    parts = re.split('([0-9]{1,18})', label)
    return [(int(part), '') if i % 2 else (0, part) for i, part in enumerate(parts)]


def are_numbers(labels: Iterable[str]) -> bool:
    """Whether all labels are numbers such as class indices.

    Args:
        labels (Iterable[str]): Labels.

    Returns:
        bool: True if they are.
    """
    return all(re.fullmatch('[0-9]{1,18}', label) for label in labels)
