"""Two processes of which one is killed, stopped or slow: the run ends, and resumes to the same."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from fault_utils import WHOLE, differences, result_of, write_config

EVERY = [(act, rank) for act in ('kill', 'stop', 'slow') for rank in (0, 1)]


@pytest.fixture(scope='module')
def config(tmp_path_factory):
    # Long enough for a slow process, short enough to wait for one that has stopped.
    return write_config(tmp_path_factory.mktemp('two'), env_cfg__dist_cfg__timeout=8)


@pytest.fixture(scope='module')
def undisturbed(server, config):
    folder = config.parent / 'undisturbed'
    codes = server.train(config, folder, processes=2)
    assert codes == [0, 0], Path(f'{folder}.log').read_text()[-3000:]
    return result_of(folder)


@pytest.fixture(scope='module')
def num_hooks(server, config):
    names = config.parent / 'hooks.txt'
    fault = dict(at='hook', number=None, act='kill', names=str(names))
    codes = server.train(config, config.parent / 'count', processes=2, faults={0: fault})
    assert codes == [0, 0]
    return len(names.read_text().splitlines())


@pytest.mark.parametrize(('act', 'rank'), EVERY if WHOLE else [EVERY[i] for i in (1, 5)])
def test_one_of_two_processes_that_is_disturbed_loses_nothing(
    server, config, undisturbed, num_hooks, act, rank
):
    draw = random.Random(f'{act}{rank}')
    for i in range(4 if WHOLE else 1):
        folder = config.parent / f'{act} {rank} {i}'
        number = draw.randint(2, num_hooks - 1)
        fault = dict(at='hook', number=number, act=act)
        # Where it has stopped at the very end, nothing else ends it.
        seconds = 45 if act == 'stop' else 120
        codes = server.train(config, folder, processes=2, faults={rank: fault}, timeout=seconds)
        log = Path(f'{folder}.log').read_text()
        if act == 'slow':
            assert codes == [0, 0], log[-3000:]
        else:
            # The other one ends by itself, or has been at the end.
            assert codes[rank] == (-9 if act == 'kill' else None)
            assert codes[1 - rank] is not None, f'hook {number}: {log[-3000:]}'
            assert server.train(config, folder, '--resume', processes=2) == [0, 0]
        found = differences(undisturbed, result_of(folder))
        assert not found, f'{act} of process {rank} at hook {number}: {found[:5]}'


def test_of_two_trainings_in_one_folder_one_is_refused(server, config):
    folder = config.parent / 'contended'
    codes = server.train(config, folder, processes=2, together=False, patience=60)
    log = Path(f'{folder}.log').read_text()
    assert sorted(codes) == [0, 2], log[-3000:]
    assert 'Another process works' in log or 'holds a run' in log
    assert result_of(folder)['summary']['finished']
