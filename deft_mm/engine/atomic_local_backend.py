"""A file backend that never leaves a half-written file behind."""

from __future__ import annotations

from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend

from deft_mm.fileio import write_atomically


@register_backend('atomic_local')
class AtomicLocalBackend(LocalBackend):
    """Local storage whose ``put`` writes to a temporary file, flushes it to disk and renames it.

    A run that is killed while it saves keeps its previous checkpoint.

    Example:

        .. code:: python

            checkpoint = dict(type='CheckpointHook', backend_args=dict(backend='atomic_local'))
            default_hooks = dict(checkpoint=checkpoint)
    """

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes to ``filepath``, all of them or none.

        Args:
            obj (bytes): What to write.
            filepath (str | Path): Where to; missing folders are made.
        """
        write_atomically(obj, filepath)

    def put_text(self, obj: str, filepath: str | Path, encoding: str = 'utf-8') -> None:
        """Write text to ``filepath``, all of it or nothing.

        Args:
            obj (str): What to write.
            filepath (str | Path): Where to; missing folders are made.
            encoding (str): Its encoding. Defaults to 'utf-8'.
        """
        write_atomically(obj.encode(encoding), filepath)
