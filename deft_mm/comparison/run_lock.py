"""A lock on a run, so that it is started once whoever starts it."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Sequence
from pathlib import Path

from deft_mm.fileio import write_atomically


class RunLock:
    """A file that says which processes a run belongs to; made by :meth:`acquire`.

    The lock of a process that has died is taken over on the machine that it ran on. From another
    machine that can't be seen: delete the file there when the process is gone.

    Args:
        path (Path): The file, which is there and is this process's.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def acquire(cls, path: str | Path) -> RunLock | None:
        """Take the lock.

        Args:
            path (str | Path): The file; missing folders are made.

        Returns:
            RunLock | None: The lock; None while another process has it.
        """
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            try:
                handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
            except FileExistsError:
                if is_held(path):
                    return None
                _remove_stale(path)
                continue
            with os.fdopen(handle, 'wb') as file:
                file.write(_content([os.getpid()]))
            return cls(path)

    def add_process(self, pid: int) -> None:
        """Hold the lock for as long as another process lives, too, whatever happens to this one.

        Args:
            pid (int): A process on this machine.
        """
        write_atomically(_content([os.getpid(), pid]), self.path)

    def release(self) -> None:
        """Give the lock back."""
        self.path.unlink(missing_ok=True)


def is_held(path: str | Path) -> bool:
    """Whether a lock belongs to a process that lives, as far as can be seen from this machine.

    Args:
        path (str | Path): The lock file.

    Returns:
        bool: False where there is none, or its processes have ended.
    """
    try:
        content = json.loads(Path(path).read_text())
    except FileNotFoundError:
        return False
    except ValueError:  # another process is about to write it
        return True
    if content['host'] != socket.gethostname():
        return True
    return any(_lives(process['pid'], process['start']) for process in content['processes'])


def _content(pids: Sequence[int]) -> bytes:
    processes = [dict(pid=pid, start=_start_of(pid)) for pid in pids]
    return json.dumps(dict(host=socket.gethostname(), processes=processes)).encode()


def _lives(pid: int, start: str | None) -> bool:
    if os.name != 'posix':  # there, signal 0 is no question
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    # After a restart of the machine the number may be another process's.
    return _start_of(pid) == start


def _start_of(pid: int) -> str | None:
    """When a process was started, in Linux's own count; None elsewhere, '' for an ended one."""
    try:
        fields = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
    except OSError:
        return None
    state, start = fields[0], fields[19]
    return '' if state == 'Z' else start


def _remove_stale(path: Path) -> None:
    """Delete a lock whose processes have ended, unless another process is quicker."""
    import fcntl  # POSIX only, as everything that gets here

    try:
        with path.open('rb') as file:
            # One process at a time, and only the file that was looked at: by now the path may be
            # the lock of a process that took over.
            fcntl.flock(file, fcntl.LOCK_EX)
            if path.stat().st_ino == os.fstat(file.fileno()).st_ino and not is_held(path):
                path.unlink()
    except FileNotFoundError:
        pass
