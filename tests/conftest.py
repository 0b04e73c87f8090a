"""What every test starts from: few threads, fixed seeds, and no global state of earlier tests."""

from __future__ import annotations

import os
import random
from pathlib import Path

# Read by the processes that tests start, too. Must be set before the first import of NumPy.
os.environ.setdefault('OMP_NUM_THREADS', '2')
os.environ.setdefault('MPLBACKEND', 'Agg')

import mmengine.config.config
import numpy as np
import pytest
import torch
from mmengine.utils import ManagerMixin

# A runner formats its config before training and at every checkpoint, with YAPF, which takes
# longer than all the rest of a small run.
mmengine.config.config.FormatCode = lambda text, **kwargs: (text, True)


def _managed_classes(base: type = ManagerMixin) -> list[type]:
    return [base, *(found for cls in base.__subclasses__() for found in _managed_classes(cls))]


def _forget_global_instances() -> None:
    """Drop MMEngine's global loggers, message hubs, visualizers and default scopes.

    They are found by name, so that a test which builds a Runner would otherwise write into the log
    file and go on with the history of an earlier one.
    """
    for cls in _managed_classes():
        for instance in cls._instance_dict.values():
            for handler in getattr(instance, 'handlers', ()):
                handler.close()
        cls._instance_dict.clear()


@pytest.fixture(autouse=True)
def isolated():
    """Start a test with known seeds and switches, and take back what it changed."""
    deterministic = torch.are_deterministic_algorithms_enabled()
    cudnn = torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark
    _forget_global_instances()
    random.seed(0)
    np.random.seed(0)
    torch.manual_seed(0)
    yield
    _forget_global_instances()
    torch.use_deterministic_algorithms(deterministic)
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = cudnn


@pytest.fixture(scope='session', autouse=True)
def few_threads():
    """More threads than cores make small tensors slower, and CI has two cores."""
    torch.set_num_threads(min(2, torch.get_num_threads()))


@pytest.fixture
def work_dir(tmp_path: Path) -> str:
    """A work directory for a Runner."""
    return str(tmp_path / 'work_dir')
