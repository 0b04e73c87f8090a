"""What every test starts from: few threads, fixed seeds, and no global state of earlier tests."""

from __future__ import annotations

import contextlib
import functools
import io
import os
import random
from pathlib import Path

# Read by the processes that tests start, too. Must be set before the first import of NumPy.
os.environ.setdefault('OMP_NUM_THREADS', '2')
os.environ.setdefault('MPLBACKEND', 'Agg')

import numpy as np
import open_clip
import pytest
import torch

# What the fork prints when it is imported would come after pytest's closing line.
with contextlib.redirect_stdout(io.StringIO()):
    from tool_utils import forget_global_instances, leave_out_what_takes_long

# Reading a vocabulary takes a quarter of a small run.
open_clip.SimpleTokenizer = functools.cache(open_clip.SimpleTokenizer)


@pytest.fixture(autouse=True)
def isolated():
    """Start a test with known seeds and switches, and take back what it changed."""
    deterministic = torch.are_deterministic_algorithms_enabled()
    cudnn = torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark
    forget_global_instances()
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    yield
    forget_global_instances()
    torch.use_deterministic_algorithms(deterministic)
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = cudnn


@pytest.fixture(scope='session', autouse=True)
def few_threads():
    """More threads than cores make small tensors slower, and CI has two cores."""
    torch.set_num_threads(min(2, torch.get_num_threads()))


@pytest.fixture(scope='session', autouse=True)
def quick():
    leave_out_what_takes_long()


@pytest.fixture
def work_dir(tmp_path: Path) -> str:
    """A work directory for a Runner."""
    return str(tmp_path / 'work_dir')
