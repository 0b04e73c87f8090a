"""Processes of a distributed run, forked from one that has imported everything already.

Importing takes ten seconds of a core, in each process; most runs of tests take less.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import multiprocessing
import os
import runpy
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
import torch.multiprocessing as mp

from runner_utils import REPO
from tool_utils import leave_out_what_takes_long

# What is imported once for all. The helpers of tests are on no path that the server knows.
multiprocessing.set_forkserver_preload(
    ['deft_mm', 'deft_mm.detection', 'mmpretrain.engine', 'matplotlib.pyplot']
)


def in_processes(function: Callable, *arguments: Any, processes: int = 2) -> None:
    """Run ``function(rank, *arguments)`` in processes of which each knows the others.

    Args:
        function (Callable): A function of a module.
        *arguments: What can be pickled.
        processes (int): How many.

    Raises:
        torch.multiprocessing.ProcessRaisedException: If one fails; the others are ended.
    """
    given = (free_port(), processes, inspect.getfile(function), function.__name__, arguments)
    mp.start_processes(_be_one, given, nprocs=processes, start_method='forkserver')


def _be_one(rank: int, port: int, world_size: int, file: str, name: str, arguments: tuple) -> None:
    os.environ.update(
        RANK=str(rank),
        LOCAL_RANK=str(rank),
        WORLD_SIZE=str(world_size),
        MASTER_ADDR='127.0.0.1',
        MASTER_PORT=str(port),
    )
    torch.set_num_threads(1)
    leave_out_what_takes_long()
    # Test files are modules of no package that could be imported by its name.
    sys.path.insert(0, str(Path(file).parent))
    getattr(importlib.import_module(Path(file).stem), name)(rank, *arguments)


def run_tool(name: str, arguments: Sequence[Any], folder: str | Path, processes: int = 2) -> str:
    """Run a tool as a launcher does, in several processes.

    Args:
        name (str): A file in ``tools/``.
        arguments (Sequence): Its command line, but for ``--launcher``.
        folder (str | Path): Where their output goes, ``stdout<rank>.txt``.
        processes (int): How many.

    Returns:
        str: What they have printed.
    """
    in_processes(_be_tool, name, list(map(str, arguments)), str(folder), processes=processes)
    texts = (Path(folder, f'stdout{rank}.txt').read_text() for rank in range(processes))
    return ''.join(texts)


def _be_tool(rank: int, name: str, arguments: list[str], folder: str) -> None:
    sys.argv = [name, *arguments, '--launcher', 'pytorch']
    with Path(folder, f'stdout{rank}.txt').open('w') as file, contextlib.redirect_stdout(file):
        module = runpy.run_path(str(REPO / 'tools' / name))
        module['main'](module['parse_args']())


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(('127.0.0.1', 0))
        return sock.getsockname()[1]
