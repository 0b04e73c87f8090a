"""Which checkpoints a folder has, and which of them are whole."""

from __future__ import annotations

import os
import re
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

# The names that CheckpointHook gives; those of the best ones begin otherwise.
_NAME = re.compile(r'(?:epoch|iter)_(\d+)\.pth')
_ZIP = b'PK'
# What zipfile makes of damage: a wrong name, size, method, version or checksum.
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


def checkpoint_folder(cfg: Mapping, work_dir: str | os.PathLike) -> Path:
    """Where a run saves checkpoints: ``CheckpointHook.out_dir``, else the work directory.

    Args:
        cfg (Mapping): The run's config.
        work_dir (str | os.PathLike): Its work directory.

    Returns:
        Path: The folder, which need not be there.
    """
    hook = (cfg.get('default_hooks') or {}).get('checkpoint') or {}
    out_dir = hook.get('out_dir')
    if out_dir in (None, os.path.abspath(work_dir)):
        return Path(work_dir)
    # As CheckpointHook does it: runs share an out_dir.
    return Path(out_dir) / Path(work_dir).name


def checkpoints_in(folder: str | os.PathLike) -> list[Path]:
    """The checkpoints that a run has saved on its way, whole or not.

    Args:
        folder (str | os.PathLike): A folder, which need not be there.

    Returns:
        list[Path]: Files ``epoch_N.pth`` and ``iter_N.pth``, the highest number first.
    """
    found = ((_NAME.fullmatch(path.name), path) for path in Path(folder).glob('*.pth'))
    numbered = [(int(name[1]), path) for name, path in found if name and path.is_file()]
    return [path for _, path in sorted(numbered, reverse=True)]


def damage_of(path: str | os.PathLike) -> str | None:
    """Check a file by the checksums that PyTorch has written into it, which it doesn't read itself.

    Its files are zip archives since PyTorch 1.6. What an older one has saved has no checksum.

    Args:
        path (str | os.PathLike): A file.

    Returns:
        str | None: What is wrong with it; None if nothing is, or it can't be told.
    """
    try:
        with open(path, 'rb') as file:
            start = file.read(len(_ZIP))
        if not start:
            return 'it is empty'
        if not zipfile.is_zipfile(path):
            return 'its end is missing' if start == _ZIP else None
        with zipfile.ZipFile(path) as archive:
            part = archive.testzip()
        return None if part is None else f'{part} in it is not what was written'
    except _DAMAGE as error:
        return str(error) or type(error).__name__


def newest_whole(folder: str | os.PathLike) -> tuple[Path | None, dict[Path, str]]:
    """Find the checkpoint to go on from, wherever the folder has been moved or copied to.

    Args:
        folder (str | os.PathLike): A folder, which need not be there.

    Returns:
        tuple[Path | None, dict[Path, str]]: The newest one that is whole, None where none is; and
        what is wrong with those that are newer.
    """
    damaged: dict[Path, str] = {}
    for path in checkpoints_in(folder):
        damage = damage_of(path)
        if damage is None:
            return path, damaged
        damaged[path] = damage
    return None, damaged
