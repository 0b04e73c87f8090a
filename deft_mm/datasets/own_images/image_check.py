"""Finding images that can't be decoded, and images that are there more than once."""

from __future__ import annotations

import hashlib
import logging
import os
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import NamedTuple

import mmcv
from mmengine.dist import is_main_process
from mmengine.logging import print_log

MAX_THREADS = 8
# Below this the check takes seconds.
_ANNOUNCED_FROM = 10_000


class CheckedImage(NamedTuple):
    """What the check found.

    Args:
        error (str, optional): Why the image can't be used; None if it can.
        digest (bytes, optional): Checksum of the file; None where no other file has its size.
    """

    error: str | None
    digest: bytes | None


class _File(NamedTuple):
    path: str
    size: int
    changed: int  # ns; makes the cached result of a file that was changed since invalid
    twin: bool  # another file has its size


def check_images(paths: Sequence[str], decode: bool = True) -> list[CheckedImage]:
    """Decode image files as the data set's pipeline does, and compare files of equal size.

    Every file is read once, in a few threads; Pillow decodes some 600 to 1,000 photographs of
    500x375 pixels a second on one core. The data sets of one process share the result.

    Args:
        paths (Sequence[str]): N files.
        decode (bool): Whether images are decoded; if not, only files are found that can't be read
            at all. Defaults to True.

    Returns:
        list[CheckedImage]: N results. Files with equal ``digest`` have the same bytes.
    """
    stats: list[os.stat_result | None] = []
    for path in paths:
        try:
            stats.append(os.stat(path))
        except OSError:
            stats.append(None)
    sizes = Counter(stat.st_size for stat in stats if stat is not None)
    files = tuple(
        _File(path, stat.st_size, stat.st_mtime_ns, sizes[stat.st_size] > 1)
        for path, stat in zip(paths, stats, strict=True)
        if stat is not None
    )
    checked = iter(_check_files(files, decode))
    missing = CheckedImage('there is no such file', None)
    return [missing if stat is None else next(checked) for stat in stats]


@lru_cache(maxsize=4)
def _check_files(files: tuple[_File, ...], decode: bool) -> tuple[CheckedImage, ...]:
    if decode and len(files) >= _ANNOUNCED_FROM and is_main_process():
        print_log(
            f'Decoding {len(files)} images to find those that cannot be read. Set '
            'check_images=False to leave this out once they are all right.',
            logger='current',
            level=logging.INFO,
        )
    with ThreadPoolExecutor(min(MAX_THREADS, os.cpu_count() or 1)) as threads:
        return tuple(threads.map(lambda file: _check_file(file, decode), files))


def _check_file(file: _File, decode: bool) -> CheckedImage:
    if not decode and not file.twin:
        return CheckedImage(None, None)
    try:
        with open(file.path, 'rb') as opened:
            content = opened.read()
        if decode:
            # The very function of the pipeline: what passes here is loaded there.
            mmcv.imfrombytes(content, backend='pillow')
    except Exception as error:  # Pillow's plug-ins raise errors of every kind
        return CheckedImage(f'{type(error).__name__}: {_without_address(error)}', None)
    digest = hashlib.blake2b(content, digest_size=16).digest() if file.twin else None
    return CheckedImage(None, digest)


def _without_address(error: Exception) -> str:
    # "cannot identify image file <_io.BytesIO object at 0x7f...>": the address differs each time.
    return str(error).partition(' <_io.')[0]
