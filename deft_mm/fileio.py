"""Writing files that people keep."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path


def write_atomically(data: bytes, filepath: str | Path) -> None:
    """Write a file so that readers see the old content or the new, never a part.

    Args:
        data (bytes): The whole content.
        filepath (str | Path): The file; missing folders are made.
    """
    filepath = Path(filepath)
    filepath.parent.mkdir(parents=True, exist_ok=True)
    # In the same folder, since a rename is atomic within one file system only.
    handle, temporary = tempfile.mkstemp(dir=filepath.parent, prefix=f'.{filepath.name}.')
    try:
        with os.fdopen(handle, 'wb') as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp gives the file to its owner alone; take the permissions that a plain open() would
        # give.
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(temporary, 0o666 & ~umask)
        os.replace(temporary, filepath)
    except BaseException:
        os.unlink(temporary)
        raise
