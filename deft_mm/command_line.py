"""How the tools end: what a user can mend is told in one sentence, anything else is a bug."""

from __future__ import annotations

import json
import linecache
import logging
import os
import pickle
import re
import signal
import sys
import time
import traceback
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import torch
from mmengine.logging import MMLogger

# Exit codes, as shells and argparse have them.
BUG, MISTAKE, INTERRUPTED = 1, 2, 130
# Seconds in which the main process says what all processes have found.
_MAIN_FIRST = 5
_RANKS = ('RANK', 'SLURM_PROCID', 'OMPI_COMM_WORLD_RANK')
_STACK = ('mmengine', 'mmpretrain', 'mmcv')
_IN_HOOK = re.compile(r' in <[\w.]+ object at 0x[0-9a-f]+>$')
_IN_WORKER = re.compile(r'Caught \w+ in ')
# The last line of code of a traceback, perhaps with marks below, and the error.
_LAST_OF_WORKER = re.compile(r'^    (\S.*)\n(?:[ ~^]+\n)?[\w.]+: ((?:.|\n)*)\Z', re.M)
_ARGUMENT = re.compile(r'(\w+)(?:\.__init__)?\(\) (missing|got an unexpected) [^\']*(.*)')
_UNREGISTERED = re.compile(r"'?(\S+?)'? is not in the (?:\w+::)?([\w ]+?) registry")


def run_tool(main: Callable[[Namespace], int | None], args: Namespace) -> NoReturn:
    """Run a tool and end the process.

    The exit code is the tool's own. After what a user can mend it is 2, and the last line says what
    is wrong, where, and what to do; the traceback goes to the log file of the run. After Ctrl-C it
    is 130; after a bug, which keeps its traceback, 1. Where a traceback is printed, the line stands
    above it, too. Of several processes the main one speaks for all that found the same.

    Args:
        main (Callable): What the tool does; it may return an exit code.
        args (argparse.Namespace): Its command line, with ``traceback`` (bool).
    """
    if callable(signal.getsignal(signal.SIGINT)):  # no shell has it ignored
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        code = main(args)
    except (KeyboardInterrupt, Exception) as error:
        if was_interrupted(error):
            code = INTERRUPTED
            text = str(error) if isinstance(error, KeyboardInterrupt) else ''
            if _rank() == 0:
                print(f'\n{text or "Interrupted."}', file=sys.stderr)
        else:
            code = MISTAKE if is_mistake(error) else BUG
            _report(error, args.traceback)
    sys.exit(code)


def was_interrupted(error: BaseException | None) -> bool:
    """Whether an error comes of Ctrl-C, which MMEngine takes for a fault of the config, say.

    Args:
        error (BaseException, optional): What was raised.

    Returns:
        bool: Whether it, or one that it was raised for, is a KeyboardInterrupt.
    """
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


def is_mistake(error: BaseException) -> bool:
    """Whether an error is one that a user can cause and mend.

    That is what files, imports and memory give, and errors of Python's general kinds whose sentence
    somebody wrote: they come from a ``raise``, in MMEngine and MMPretrain also from an ``assert``
    with a message.

    Args:
        error (BaseException): What was raised.

    Returns:
        bool: False for a bug.
    """
    error = _origin(error)
    general = (ValueError, TypeError, KeyError, AssertionError, pickle.UnpicklingError)
    if isinstance(error, (OSError, ImportError, SyntaxError, *_OUT_OF_MEMORY)):
        return True
    if not isinstance(error, general) or not error.args:
        return False
    path, line = _raised_at(error)
    if isinstance(error, TypeError) and _ARGUMENT.match(str(error)):
        return 'mmengine' in Path(path).parts  # which calls with a config's arguments
    if isinstance(error, AssertionError):
        return any(name in Path(path).parts for name in _STACK)
    if _IN_WORKER.match(str(error)):  # raised again where it arrives
        line = _of_worker(str(error))[0]
    return line.startswith('raise')


def sentence(error: BaseException) -> str:
    """What an error says, without which way it came.

    Args:
        error (BaseException): What was raised.

    Returns:
        str: The text.
    """
    error = _origin(error)
    # str() of a KeyError is its text in quotation marks.
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    if isinstance(error, OSError) and error.strerror:
        names = [str(name) for name in (error.filename, error.filename2) if name is not None]
        return ' -> '.join(names) + (': ' if names else '') + f'{error.strerror}.'
    if isinstance(error, _OUT_OF_MEMORY):
        return f'There is not enough memory, a smaller batch_size or model needs less: {text}'
    if _IN_WORKER.match(text):
        return _of_worker(text)[1]
    if unregistered := _UNREGISTERED.match(text):
        name, kind = unregistered.groups()
        return (
            f"type='{name}' is no {kind} that is registered. Is it misspelt, or does the module of "
            'a class of your own lack in custom_imports?'
        )
    if isinstance(error, TypeError) and (call := _ARGUMENT.match(text)):
        return f'{call[1]} {"lacks" if call[2] == "missing" else "does not take"} {call[3]}.'
    return text.strip()


_OUT_OF_MEMORY = (MemoryError, torch.cuda.OutOfMemoryError)


def _origin(error: BaseException) -> BaseException:
    """The error that was raised first, where MMEngine has put the name of a hook at its end."""
    while _IN_HOOK.search(str(error)) and type(error.__context__) is type(error):
        error = error.__context__
    return error


def _raised_at(error: BaseException) -> tuple[str, str]:
    """The file and the line of code that an error comes from."""
    *_, (frame, number) = traceback.walk_tb(error.__traceback__)
    path = frame.f_code.co_filename
    return path, linecache.getline(path, number).strip()


def _of_worker(text: str) -> tuple[str, str]:
    """The line of code that a worker's error comes from, and what it says."""
    last = _LAST_OF_WORKER.search(text)
    return ('', text) if last is None else (last[1], last[2].strip())


def _rank() -> int:
    return int(next((os.environ[name] for name in _RANKS if name in os.environ), 0))


def _report(error: Exception, with_traceback: bool) -> None:
    """Say what went wrong, with the traceback where it is asked for or needed."""
    text, rank = sentence(error), _rank()
    if rank:
        # Whoever started the processes ends this one when the main process has ended.
        time.sleep(_MAIN_FIRST)
        if str(error).startswith('The main process failed'):
            return
        text = f'Process {rank}: {text}'
    code = ''.join(traceback.format_exception(error))
    if not is_mistake(error):
        text = f'unforeseen error, please report it: {type(error).__name__}: {text}'
    _log(code)
    _tell_torchelastic(text)
    sys.stdout.flush()
    line = f'{Path(sys.argv[0]).name}: {text}'
    if with_traceback or not is_mistake(error):
        print(f'{line}\n\n{code}', file=sys.stderr)
    print(line, file=sys.stderr)


def _log(code: str) -> None:
    """Write a traceback into the log file of the run, if there is one by now."""
    for logger in MMLogger._instance_dict.values():
        record = logging.LogRecord(logger.name, logging.ERROR, '', 0, code, (), None)
        for handler in logger.handlers:
            if isinstance(handler, logging.FileHandler):
                handler.handle(record)


def _tell_torchelastic(text: str) -> None:
    """Have ``python -m torch.distributed.run`` end its own report with the sentence."""
    path = os.environ.get('TORCHELASTIC_ERROR_FILE')
    if path is not None:
        extra = dict(timestamp=str(int(time.time())))
        Path(path).write_text(json.dumps(dict(message=dict(message=text, extraInfo=extra))))
