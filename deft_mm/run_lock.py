"""A lock on a run, so that it is started once whoever starts it."""

from __future__ import annotations

import os
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None


class NoLocksError(OSError):
    """The file system has no locks."""


class RunLock:
    """A lock on a file, made by :meth:`acquire`; the kernel gives it back when its holders end.

    Who inherits the file holds it, too: a run that outlives what started it keeps its lock. The
    file stays when the lock is given back; only the lock counts. Windows has no such lock: there,
    everybody gets it.

    Args:
        handle (int): The locked file.
    """

    def __init__(self, handle: int) -> None:
        self._handle: int | None = handle

    @classmethod
    def acquire(cls, path: str | Path) -> RunLock | None:
        """Take the lock.

        Args:
            path (str | Path): The file; missing folders are made.

        Returns:
            RunLock | None: The lock; None while another process has it.

        Raises:
            NoLocksError: If the file system has none.
        """
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        lock = cls(handle) if _locks(handle, path) else None
        if lock is None:
            os.close(handle)
        return lock

    @property
    def inherited(self) -> tuple[int, ...]:
        """tuple[int, ...]: What ``subprocess.Popen(pass_fds=...)`` needs to hold the lock, too."""
        return () if fcntl is None else (self._handle,)

    def release(self) -> None:
        """Give the lock back, for all that hold it; once it is, nothing happens."""
        handle, self._handle = self._handle, None
        if handle is None:
            return
        if fcntl is not None:
            fcntl.flock(handle, fcntl.LOCK_UN)
        os.close(handle)


def is_held(path: str | Path) -> bool:
    """Whether a process has the lock.

    Args:
        path (str | Path): The lock file.

    Returns:
        bool: False where there is no such file.
    """
    try:
        with open(path, 'rb') as file:
            return not _locks(file.fileno(), path, shared=True)
    except FileNotFoundError:
        return False


def _locks(handle: int, path: str | Path, shared: bool = False) -> bool:
    """Lock a file until it is closed; return whether nobody else has."""
    if fcntl is None:
        return True
    try:
        # Shared: two that only look don't see one another.
        fcntl.flock(handle, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise NoLocksError(
            f"'{path}' can't be locked ({error}): put the work directory on a file system that has "
            'locks.'
        ) from error
    return True
