"""Files that people keep: writing them, and telling them from others."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from deft_mm.version import __version__

# No file of anybody else ends so.
_ENDING = '.deft_mm-tmp'
_TEMPORARY = re.compile(rf'\..+\.[a-z0-9_]{{8}}{re.escape(_ENDING)}')


def write_atomically(data: bytes, filepath: str | Path) -> None:
    """Write a file so that readers see the old content or the new, never a part.

    Args:
        data (bytes): The whole content.
        filepath (str | Path): The file; missing folders are made.

    Raises:
        OSError: If it can't be written, naming the file; the old one, if any, is as it was.
    """
    filepath = Path(filepath)
    try:
        _replace(data, filepath)
    except OSError as error:
        if error.errno is None:
            raise
        # Of itself it names the temporary file, or none where the disk is full.
        raise OSError(error.errno, error.strerror, str(filepath)) from error


def _replace(data: bytes, filepath: Path) -> None:
    filepath.parent.mkdir(parents=True, exist_ok=True)
    # In the same folder, since a rename is atomic within one file system only.
    handle, temporary = tempfile.mkstemp(
        dir=filepath.parent, prefix=f'.{filepath.name}.', suffix=_ENDING
    )
    try:
        with os.fdopen(handle, 'wb') as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp gives the file to its owner alone.
        os.chmod(temporary, _usual(0o666))
        os.replace(temporary, filepath)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def _usual(permissions: int) -> int:
    """The permissions that what a plain open() or mkdir() makes would have."""
    umask = os.umask(0)
    os.umask(umask)
    return permissions & ~umask


@contextmanager
def new_folder(path: str | Path) -> Iterator[Path]:
    """Make a folder so that it is there with all that is in it, or not at all.

    Args:
        path (str | Path): The folder, which is not there yet, or empty.

    Yields:
        Path: A folder beside it to write into, which gets its name when all is done.

    Raises:
        OSError: If it can't be written, or is there by then.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = tempfile.mkdtemp(dir=path.parent, prefix=f'.{path.name}.', suffix=_ENDING)
    try:
        yield Path(temporary)
        os.chmod(temporary, _usual(0o777))
        if path.is_dir():  # an empty one: it is none of ours that has something in it
            path.rmdir()
        os.rename(temporary, path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def remove_leftovers(folder: str | Path, before: float) -> None:
    """Remove the temporary files that killed processes have left of :func:`write_atomically`.

    Args:
        folder (str | Path): A folder, which need not be there.
        before (float): Those that were last written before this time, in seconds since the epoch.
    """
    for path in Path(folder).glob(f'.*{_ENDING}'):
        if _TEMPORARY.fullmatch(path.name) and path.is_file() and path.stat().st_mtime < before:
            path.unlink()


def require_file_name(key: str, name: Any, example: str, *endings: str) -> None:
    """Refuse the name of a file in the work directory that is another path, or of another kind.

    Args:
        key (str): The setting, for the message.
        name: Its value.
        example (str): A name as it should be.
        *endings (str): Endings that it may have besides that of the example.

    Raises:
        ValueError: If it is no name of a file, or has another ending.
    """
    endings = (Path(example).suffix, *endings)
    usable = isinstance(name, str) and name not in ('', '..') and '\0' not in name
    if not usable or Path(name).name != name:
        raise ValueError(
            f'{key} is {name!r}: give the name of a file, such as {example!r}; it is written to '
            'the work directory.'
        )
    # It could be the name of a checkpoint, or of another file that is not to be overwritten.
    if Path(name).suffix.lower() not in endings:
        raise ValueError(
            f'{key} is {name!r}: give the name of a file in {" or ".join(endings)}, such as '
            f'{example!r}.'
        )


def check_header(
    header: Any, format_: str, version: int | Sequence[int], keys: Sequence[str]
) -> None:
    """Refuse the header of a file that is not of a format, or of another version of it.

    Args:
        header: What was read as the header.
        format_ (str): What it must have as ``format``.
        version (int | Sequence[int]): What it must have as ``format_version``, one of several.
        keys (Sequence[str]): What else it must have.

    Raises:
        ValueError: If it is another one; the message says what was found.
    """
    found = header.get('format') if isinstance(header, Mapping) else header
    if found != format_:
        raise ValueError(f'its format is {found!r}, not {format_!r}')
    versions = [version] if isinstance(version, int) else version
    if header.get('format_version') not in versions:
        raise ValueError(
            f'its format version is {header.get("format_version")!r}, this version of deft_mm '
            f'(its own is {__version__}) reads {" and ".join(map(str, versions))}'
        )
    missing = [key for key in keys if key not in header]
    if missing:
        raise ValueError(f'its header lacks {missing}')


def require_writable(path: str | Path, name: str, is_folder: bool = False) -> None:
    """Refuse a path that can't be written to, before the work is done whose result goes there.

    Args:
        path (str | Path): The file, or the folder; missing folders can be made. An address
            (``s3://...``) is passed over.
        name (str): What the user calls it, for the message, such as '--out'.
        is_folder (bool): Whether it is to be a folder. Defaults to False.

    Raises:
        ValueError: If it is a folder where it should be a file, or the other way round.
        PermissionError: If no file can be made in the folder.
    """
    if '://' in str(path):
        return
    path = Path(path)
    if not is_folder and path.is_dir():
        raise ValueError(f"{name} '{path}' is a folder: give the name of a file.")
    folder = path if is_folder else path.parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        raise ValueError(f"{name} '{path}': '{folder}' is a file, not a folder: give another path.")
    try:  # rights alone don't tell: no one writes to /proc, or to a disk that is read-only
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise PermissionError(
            f"{name} '{path}': '{folder}' cannot be written to ({error.strerror}): give another "
            'path.'
        ) from error


def require_new_folder(path: str | Path, name: str) -> None:
    """Refuse a folder that is there, before the work is done that :func:`new_folder` is for.

    Args:
        path (str | Path): The folder.
        name (str): What the user calls it, for the message, such as '--out'.

    Raises:
        ValueError: If there is something of that name, an empty folder aside.
        PermissionError: If it can't be made.
    """
    path = Path(path)
    if os.path.lexists(path) and (not path.is_dir() or any(path.iterdir())):
        raise ValueError(
            f"{name} '{path}' is there already, and is left alone: give the name of a new folder."
        )
    require_writable(path.parent if path.name else path, name, is_folder=True)
