"""A run is started once, and a lock does not outlive its processes."""

import json
import os
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from deft_mm.comparison import RunLock
from deft_mm.comparison.run_lock import is_held


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'runs' / 'seed0.lock'


@pytest.fixture
def ended() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, '-S', '-c', ''])
    process.wait()
    return process.pid


def write(path, *processes, host: str | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = dict(host=host or socket.gethostname(), processes=list(processes))
    path.write_text(json.dumps(content))


def test_only_one_gets_it_until_it_is_given_back(path):
    lock = RunLock.acquire(path)
    assert is_held(path) and RunLock.acquire(path) is None
    lock.release()
    assert not is_held(path) and not path.exists()
    assert RunLock.acquire(path) is not None


def test_lock_of_a_dead_process_is_taken_over(path, ended):
    write(path, dict(pid=ended, start='1'))
    assert not is_held(path)
    assert RunLock.acquire(path) is not None and is_held(path)


def test_lock_of_a_process_whose_number_was_used_again_is_taken_over(path):
    write(path, dict(pid=os.getpid(), start='another time'))
    assert RunLock.acquire(path) is not None


def test_lock_is_held_while_the_run_outlives_what_started_it(path, ended):
    child = subprocess.Popen([sys.executable, '-S', '-c', 'input()'], stdin=subprocess.PIPE)
    RunLock.acquire(path).add_process(child.pid)
    run = json.loads(path.read_text())['processes'][1]
    write(path, dict(pid=ended, start='1'), run)
    assert run['pid'] == child.pid and RunLock.acquire(path) is None
    child.communicate(b'\n')
    assert RunLock.acquire(path) is not None


def test_lock_of_another_machine_is_held(path, ended):
    write(path, dict(pid=ended, start='1'), host='another')
    assert RunLock.acquire(path) is None


def test_lock_that_is_being_written_is_held(path):
    path.parent.mkdir()
    path.touch()
    assert RunLock.acquire(path) is None


def test_of_many_that_find_a_stale_lock_one_gets_it(path, ended):
    for _ in range(20):
        write(path, dict(pid=ended, start='1'))
        with ThreadPoolExecutor(8) as pool:
            locks = list(pool.map(lambda _: RunLock.acquire(path), range(8)))
        assert sum(lock is not None for lock in locks) == 1
