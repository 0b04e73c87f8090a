"""Which checkpoints a folder has, and which of them are whole."""

from __future__ import annotations

import os
import re
import string
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from mmengine.hooks import CheckpointHook

# The names that CheckpointHook gives; those of the best ones begin otherwise.
_BY_EPOCH, _BY_ITER = 'epoch_{}.pth', 'iter_{}.pth'
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


def checkpoint_hook_of(cfg: Mapping) -> Mapping:
    """The settings of a config's ``CheckpointHook``; empty where they are MMEngine's."""
    return (cfg.get('default_hooks') or {}).get('checkpoint') or {}


def checkpoint_folder(cfg: Mapping, work_dir: str | os.PathLike) -> Path:
    """Where a run saves checkpoints: ``CheckpointHook.out_dir``, else the work directory.

    Args:
        cfg (Mapping): The run's config.
        work_dir (str | os.PathLike): Its work directory.

    Returns:
        Path: The folder, which need not be there.
    """
    out_dir = checkpoint_hook_of(cfg).get('out_dir')
    if out_dir in (None, os.path.abspath(work_dir)):
        return Path(work_dir)
    # As CheckpointHook does it: runs share an out_dir.
    return Path(out_dir) / Path(work_dir).name


def checkpoints_in(folder: str | os.PathLike, cfg: Mapping | None = None) -> list[Path]:
    """The checkpoints that a run has saved on its way, whole or not.

    Args:
        folder (str | os.PathLike): A folder, which need not be there.
        cfg (Mapping, optional): The run's config, by whose ``CheckpointHook.filename_tmpl`` its
            checkpoints are named. None for MMEngine's names. Defaults to None.

    Returns:
        list[Path]: Those of the hook's own name first, together with those of each further
        ``CheckpointHook`` in ``custom_hooks`` that counts what it counts, then ``epoch_N.pth`` and
        ``iter_N.pth``, which another hook may have saved; of these each the highest number first.

    Raises:
        ValueError: If ``filename_tmpl`` is no name.
    """
    files = [path for path in Path(folder).glob('*') if path.is_file()]
    found: dict[Path, None] = {}
    for templates in (*_templates_of(cfg or {}), [_BY_EPOCH], [_BY_ITER]):
        patterns = list(map(_pattern_of, templates))
        named = ((pattern.fullmatch(path.name), path) for path in files for pattern in patterns)
        # Epochs and iterations are not to be compared. A name may have no number.
        numbered = [(int((name.groups() or (0,))[0]), path) for name, path in named if name]
        found |= dict.fromkeys(path for _, path in sorted(numbered, reverse=True))
    return list(found)


def _templates_of(cfg: Mapping) -> list[list[str]]:
    """What the hooks put their numbers into: what counts as the first does, then the rest."""
    hooks = dict(_checkpoint_hooks(cfg))
    first = next(iter(hooks.values()), {}).get('by_epoch', True)
    templates: tuple[list[str], list[str]] = ([], [])
    for key, hook in hooks.items():
        templates[hook.get('by_epoch', True) != first].append(_template_of(key, hook))
    return list(templates)


def _checkpoint_hooks(cfg: Mapping) -> Iterator[tuple[str, Mapping]]:
    """The hooks that save into the checkpoint folder, by their keys."""
    own = checkpoint_hook_of(cfg)
    if (cfg.get('default_hooks') or {}).get('checkpoint', own) is not None:
        yield 'default_hooks.checkpoint', own
    for i, hook in enumerate(cfg.get('custom_hooks') or ()):
        is_one = isinstance(hook, Mapping) and hook.get('type') in (
            'CheckpointHook',
            CheckpointHook,
        )
        if is_one and hook.get('out_dir') == own.get('out_dir'):
            yield f'custom_hooks.{i}', hook


def _template_of(key: str, hook: Mapping) -> str:
    template = hook.get('filename_tmpl')
    if template is None:
        return _BY_EPOCH if hook.get('by_epoch', True) else _BY_ITER
    try:
        usable = Path(template.format(1)).name == template.format(1)
    except (AttributeError, ValueError, LookupError):
        usable = False
    if not usable:
        raise ValueError(
            f'{key}.filename_tmpl is {template!r}: give the name of a file with '
            f'{{}} in place of the number, such as {_BY_EPOCH!r}; out_dir is for another folder.'
        )
    return template


def _pattern_of(template: str) -> re.Pattern:
    parts = string.Formatter().parse(template)
    return re.compile(
        ''.join(
            re.escape(text) + ('' if field is None else r' *(\d+)') for text, field, *_ in parts
        )
    )


def damage_of(path: str | os.PathLike) -> str | None:
    """Check a file by the checksums that PyTorch has written into it, which it doesn't read itself.

    Its files are zip archives since PyTorch 1.6. What an older one has saved has no checksum.

    Args:
        path (str | os.PathLike): A file.

    Returns:
        str | None: What is wrong with it; None if nothing is, or it can't be told.
    """
    try:
        stat = os.stat(path)
    except OSError as error:
        return str(error)
    return _damage(os.path.abspath(path), stat.st_ino, stat.st_size, stat.st_mtime_ns)


@lru_cache
def _damage(path: str, *_: int) -> str | None:
    """What :func:`damage_of` says of a file as it is, by its number, size and time.

    A run that resumes asks twice: when it looks for its checkpoint, and when it loads it.
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


def newest_whole(
    folder: str | os.PathLike, cfg: Mapping | None = None
) -> tuple[Path | None, dict[Path, str]]:
    """Find the checkpoint to go on from, wherever the folder has been moved or copied to.

    Args:
        folder (str | os.PathLike): A folder, which need not be there.
        cfg (Mapping, optional): The run's config, see :func:`checkpoints_in`. Defaults to None.

    Returns:
        tuple[Path | None, dict[Path, str]]: The newest one that is whole, None where none is; and
        what is wrong with those that are newer.
    """
    damaged: dict[Path, str] = {}
    for path in checkpoints_in(folder, cfg):
        damage = damage_of(path)
        if damage is None:
            return path, damaged
        damaged[path] = damage
    return None, damaged
