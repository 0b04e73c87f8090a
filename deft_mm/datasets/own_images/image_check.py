"""Finding images that can't be decoded, and images that are there more than once."""

from __future__ import annotations

import io
import logging
import os
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from stat import S_ISREG
from typing import NamedTuple

from mmengine.dist import all_gather_object, get_world_size
from mmengine.logging import print_log
from PIL import Image

from deft_mm.datasets.in_threads import in_threads
from deft_mm.datasets.own_images.decoding import decode_image
from deft_mm.main_process import on_main_process
from deft_mm.progress import Progress
from deft_mm.selection.fingerprint import digest
from deft_mm.user_file import read_bytes

# From here on Pillow warns of an image that is made to fill the memory.
MOST_PIXELS = 89_478_485
# Of the largest image that is allowed, uncompressed with 16 bits a channel.
_MOST_BYTES = 2**30
# Below this the check takes seconds.
_ANNOUNCED_FROM = 10_000


class CheckedImage(NamedTuple):
    """What the check found.

    Args:
        error (str, optional): Why the image can't be used; None if it can.
        digest (str, optional): Checksum of the file; None where no other file has its size.
        unusual (str): What had to be done to it, see
            :func:`~deft_mm.datasets.own_images.decoding.decode_image`. Defaults to ''.
        is_flat (bool): Whether it is of one colour. Defaults to False.
    """

    error: str | None
    digest: str | None
    unusual: str = ''
    is_flat: bool = False


class _File(NamedTuple):
    path: str
    size: int
    changed: int  # ns; makes the cached result of a file that was changed since invalid
    twin: bool  # another file has its size
    is_file: bool  # not a pipe, which would be waited for


def check_images(paths: Sequence[str], decode: bool = True) -> list[CheckedImage]:
    """Decode image files as the data set's pipeline does, and compare files of equal size.

    Every file is read once, in a few threads of the main process; Pillow decodes some 600 to 1,000
    photographs of 500x375 pixels a second on one core. The data sets of one process share the
    result. Of more than 89,478,485 pixels (``MOST_PIXELS``), by what its header says, an image is
    not decoded and counts as one that can't be used, as does a file of more than 1 GiB.

    Args:
        paths (Sequence[str]): N files.
        decode (bool): Whether images are decoded; if not, only files are found that can't be read
            at all. Defaults to True.

    Returns:
        list[CheckedImage]: N results. Files with equal ``digest`` have the same bytes.

    Raises:
        ValueError: If another process has files of other names or sizes.
    """
    stats = [_stat(path) for path in paths]
    _require_agreement(paths, stats)
    return on_main_process(lambda: _check_existing(paths, stats, decode))


def _stat(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)
    except (OSError, ValueError):  # a path with a NUL byte is a ValueError
        return None


def _require_agreement(paths: Sequence[str], stats: Sequence[os.stat_result | None]) -> None:
    if get_world_size() == 1:
        return
    # Not the folders: each machine may have the files elsewhere.
    files = [
        (os.path.basename(path), None if stat is None else stat.st_size)
        for path, stat in zip(paths, stats, strict=True)
    ]
    found = all_gather_object((len(files), digest(repr(files).encode())))
    for rank, (number, content) in enumerate(found):
        if (number, content) != found[0]:
            raise ValueError(
                f'Process {rank} found other images than process 0 ({number} and {found[0][0]} '
                'files, compared by name and size): give all machines the same files, and do not '
                'change them while a run starts.'
            )


def _check_existing(
    paths: Sequence[str], stats: Sequence[os.stat_result | None], decode: bool
) -> list[CheckedImage]:
    sizes = Counter(stat.st_size for stat in stats if stat is not None)
    files = tuple(
        _File(
            path,
            size=stat.st_size,
            changed=stat.st_mtime_ns,
            twin=sizes[stat.st_size] > 1,
            is_file=S_ISREG(stat.st_mode),
        )
        for path, stat in zip(paths, stats, strict=True)
        if stat is not None
    )
    checked = iter(_check_files(files, decode))
    missing = CheckedImage('there is no such file', None)
    return [missing if stat is None else next(checked) for stat in stats]


@lru_cache(maxsize=4)
def _check_files(files: tuple[_File, ...], decode: bool) -> tuple[CheckedImage, ...]:
    if decode and len(files) >= _ANNOUNCED_FROM:
        print_log(
            f'Decoding {len(files)} images to find those that cannot be read. Set '
            'check_images=False to leave this out once they are all right.',
            logger='current',
            level=logging.INFO,
        )
    progress = Progress('Checked', len(files), 'images')
    checked = []
    for result in in_threads(lambda file: _check_file(file, decode), files):
        checked.append(result)
        progress.advance()
    return tuple(checked)


def _check_file(file: _File, decode: bool) -> CheckedImage:
    if not decode and not file.twin and file.is_file:
        return CheckedImage(None, None)
    unusual, is_flat = '', False
    try:
        content = read_bytes(file.path, _MOST_BYTES)
        if decode:
            _require_header(content)
            # The very function of the pipeline: what passes here is loaded there.
            image = decode_image(content)
            unusual, is_flat = image.unusual, image.is_flat
    except Exception as error:  # Pillow's plug-ins raise errors of every kind
        return CheckedImage(f'{type(error).__name__}: {_without_address(error)}', None)
    twin = digest(content, size=16) if file.twin else None
    return CheckedImage(None, twin, unusual, is_flat)


def _require_header(content: bytes) -> None:
    """Look at what an image is before it is decoded."""
    if not content:
        raise ValueError('it is empty')
    with Image.open(io.BytesIO(content)) as image:
        width, height = image.size
        if width * height > MOST_PIXELS:
            raise ValueError(f'{width:,} x {height:,} pixels, and may have {MOST_PIXELS:,} in all')
        if image.format == 'EPS':
            raise ValueError('PostScript, a program that Pillow would run')


def _without_address(error: Exception) -> str:
    # "cannot identify image file <_io.BytesIO object at 0x7f...>": the address differs each time.
    return str(error).partition(' <_io.')[0]
