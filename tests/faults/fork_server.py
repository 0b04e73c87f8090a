"""Starts trainings that cost no import: ``python fork_server.py`` forks one for each line it reads.

A line is a JSON object: ``arguments`` of ``tools/train.py``, ``log``, a file that takes what is
printed, ``processes``, ``together``, whether several are one run, ``faults`` by process (see
injector.py), and seconds after which what is left is killed: ``timeout`` at all, ``patience`` after
one has failed. The answer is a line with the exit codes, negative for signals; None for what was
killed in the end.
"""

from __future__ import annotations

import json
import os
import runpy
import signal
import socket
import sys
import time
import traceback
from pathlib import Path

REPO = Path(__file__).parents[2]
sys.path[:0] = [str(REPO / name) for name in ('.', 'tests', 'tests/faults', 'tools')]

import injector  # noqa: E402
import torch  # noqa: E402

import runner_utils  # noqa: E402, F401  registers what the config of the trials has
from tool_utils import leave_out_what_takes_long  # noqa: E402


def train(order: dict, rank: int, port: int) -> None:
    """Be a training process; never returns."""
    code = 1
    log = os.open(order['log'], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    try:
        sys.argv = ['train.py', *order['arguments']]
        if order['processes'] > 1 and order['together']:
            sys.argv += ['--launcher', 'pytorch']
            os.environ.update(
                RANK=str(rank),
                LOCAL_RANK=str(rank),
                WORLD_SIZE=str(order['processes']),
                MASTER_ADDR='127.0.0.1',
                MASTER_PORT=str(port),
            )
        fault = order['faults'].get(str(rank))
        if fault is not None:
            os.environ[injector.VARIABLE] = json.dumps(fault)
        injector.arm()
        runpy.run_path(str(REPO / 'tools' / 'train.py'), run_name='__main__')
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def serve(order: dict) -> list[int | None]:
    """Run a training; return the exit code of each process."""
    with socket.socket() as sock:
        sock.bind(('127.0.0.1', 0))
        port = sock.getsockname()[1]
    children = {}
    for rank in range(order['processes']):
        child = os.fork()
        if child == 0:
            train(order, rank, port)
        children[child] = rank
    codes: list[int | None] = [None] * len(children)
    deadline = time.monotonic() + order['timeout']
    left = set(children)
    while left and time.monotonic() < deadline:
        for child in list(left):
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                codes[children[child]] = os.waitstatus_to_exitcode(status)
                left.remove(child)
        # A launcher ends a process that the others have left; give them time to say what it was.
        if left and any(codes) and any(code is not None for code in codes):
            deadline = min(deadline, time.monotonic() + order['patience'])
        time.sleep(0.01)
    for child in left:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return codes


def main() -> None:
    torch.set_num_threads(1)
    leave_out_what_takes_long()
    print('ready', flush=True)
    for line in sys.stdin:
        print(json.dumps(serve(json.loads(line))), flush=True)


if __name__ == '__main__':
    main()
