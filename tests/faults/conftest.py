"""What the tests of faults start from."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fault_utils import ForkServer, result_of, write_config  # noqa: E402


def pytest_collection_modifyitems(items) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.faults)


@pytest.fixture(scope='session')
def server():
    server = ForkServer()
    yield server
    server.close()


@pytest.fixture(scope='session')
def config(tmp_path_factory):
    return write_config(tmp_path_factory.mktemp('faults'))


@pytest.fixture(scope='session')
def undisturbed(server, config):
    """What a run leaves that nothing disturbs."""
    folder = config.parent / 'undisturbed'
    assert server.train(config, folder) == [0], Path(f'{folder}.log').read_text()[-3000:]
    return result_of(folder)
