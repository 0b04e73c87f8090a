"""A fault at a moment of a process: at the n-th operation on a file, call of a hook, or batch.

Armed by what the environment variable ``DEFT_MM_FAULT`` holds, a JSON object:

- ``at``: 'file', an operation on a file of the run; 'hook', a call of the runner's hooks; 'score',
  a batch of a scoring pass; 'time', whatever is done then.
- ``number``: which one, from 1; seconds for 'time'. None only counts.
- ``act``: 'kill', as kill -9 does it; 'ENOSPC' or 'EIO', which the operation on a file raises;
  'stop', as SIGSTOP does it; 'slow', a wait of two seconds.
- ``folder``: the run's.
- ``names``: a file that takes what was counted, a line each.
"""

from __future__ import annotations

import builtins
import errno
import json
import os
import signal
import tempfile
import time
from collections.abc import Callable
from typing import Any

VARIABLE = 'DEFT_MM_FAULT'


class Injector:
    """Counts moments, and acts at one of them.

    Args:
        at (str): Kind of the moments.
        number (float, optional): Which one.
        act (str): What to do.
        folder (str): The run's folder.
        names (str, optional): Takes what was counted. Defaults to None.
    """

    def __init__(
        self, at: str, number: float | None, act: str, folder: str, names: str | None = None
    ) -> None:
        self.number, self.act, self.folder, self.names = number, act, folder, names
        self.count = 0
        getattr(self, f'_arm_{at}')()

    def reach(self, name: str) -> None:
        """A moment has come.

        Raises:
            OSError: If that is what to do.
        """
        self.count += 1
        if self.names is not None:
            with _open(self.names, 'a') as file:
                file.write(name + '\n')
        if self.count == self.number:
            if self.act == 'kill':
                os.kill(os.getpid(), signal.SIGKILL)
            elif self.act == 'stop':
                os.kill(os.getpid(), signal.SIGSTOP)
            elif self.act == 'slow':
                time.sleep(2)
            else:
                number = getattr(errno, self.act)
                raise OSError(number, os.strerror(number))

    def _arm_time(self) -> None:
        # Without a handler of Python's, the kernel ends the process there and then.
        signal.setitimer(signal.ITIMER_REAL, self.number)

    def _arm_hook(self) -> None:
        from mmengine.runner import Runner

        self._before(Runner, 'call_hook', lambda runner, name, **kwargs: name)

    def _arm_score(self) -> None:
        from deft_mm.engine import scoring_pass

        self._before(scoring_pass, '_score_batch', lambda *args, **kwargs: 'batch')

    def _arm_file(self) -> None:
        for module, name, path_of in (
            (tempfile, 'mkstemp', lambda *args, dir=None, **kwargs: dir),
            (os, 'fsync', _path_of_handle),
            (os, 'chmod', lambda path, *args, **kwargs: path),
            (os, 'replace', lambda source, target, **kwargs: target),
            (os, 'remove', lambda path, **kwargs: path),
            (os, 'unlink', lambda path, **kwargs: path),
        ):
            self._before(module, name, self._text_of(name, path_of))
        os.fdopen = self._writing(os.fdopen, _path_of_handle)
        builtins.open = self._writing(builtins.open, lambda path: path)

    def _text_of(self, name: str, path_of: Callable) -> Callable:
        def text(*args, **kwargs) -> str | None:
            path = str(path_of(*args, **kwargs))
            return f'{name} {os.path.basename(path)}' if path.startswith(self.folder) else None

        return text

    def _before(self, owner: Any, name: str, text_of: Callable) -> None:
        original = getattr(owner, name)

        def reached(*args, **kwargs):
            text = text_of(*args, **kwargs)
            if text is not None:
                self.reach(text)
            return original(*args, **kwargs)

        setattr(owner, name, reached)

    def _writing(self, original: Callable, path_of: Callable) -> Callable:
        """A function that opens a file, with a write that comes to the half before the fault."""

        def opened(target, mode='r', *args, **kwargs):
            path = str(path_of(target))
            if not path.startswith(self.folder) or not set(mode) & set('wx'):
                return original(target, mode, *args, **kwargs)
            name = os.path.basename(path)
            self.reach(f'open {name}')
            file = original(target, mode, *args, **kwargs)
            write = file.write

            def half(content) -> int:
                if self.count + 1 == self.number:
                    write(content[: len(content) // 2])
                    file.flush()
                self.reach(f'write {name}')
                return write(content)

            return _Written(file, half)

        return opened


class _Written:
    """A file with another ``write``."""

    def __init__(self, file: Any, write: Callable) -> None:
        self._file, self.write = file, write

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> _Written:
        return self

    def __exit__(self, *error) -> None:
        self._file.close()


def _path_of_handle(handle: int, *args) -> str:
    return os.readlink(f'/proc/self/fd/{handle}')


_open = builtins.open


def arm() -> Injector | None:
    """Arm what the environment variable asks for."""
    text = os.environ.get(VARIABLE)
    return Injector(**json.loads(text)) if text else None
