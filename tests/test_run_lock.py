"""A run is started once, and a lock does not outlive its processes."""

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from deft_mm.run_lock import RunLock, is_held

HOLD = """
import sys
from deft_mm.run_lock import RunLock
lock = RunLock.acquire(sys.argv[1])
print('held', flush=True)
input()
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'runs' / '.seed0.lock'


def test_only_one_gets_it_until_it_is_given_back(path):
    assert not is_held(path)
    lock = RunLock.acquire(path)
    assert is_held(path) and RunLock.acquire(path) is None
    lock.release()
    assert not is_held(path)
    other = RunLock.acquire(path)
    lock.release()  # it is another's by now
    assert other is not None and is_held(path)


def test_file_that_a_killed_process_left_is_no_lock(path):
    path.parent.mkdir()
    path.touch()
    assert not is_held(path)
    path.write_text('{"host": ')
    assert RunLock.acquire(path) is not None


def test_lock_ends_with_a_killed_process(path):
    with subprocess.Popen(
        [sys.executable, '-c', HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        # The stack may have something to say while it is imported.
        assert b'held\n' in iter(process.stdout.readline, b'')
        assert is_held(path) and RunLock.acquire(path) is None
        process.send_signal(signal.SIGKILL)
    assert not is_held(path) and RunLock.acquire(path) is not None


def test_lock_is_held_while_the_run_outlives_what_started_it(path):
    lock = RunLock.acquire(path)
    command = [sys.executable, '-S', '-c', 'input()']
    child = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=lock.inherited)
    os.close(lock.inherited[0])  # as the end of this process would
    assert is_held(path) and RunLock.acquire(path) is None
    child.communicate(b'\n')
    assert RunLock.acquire(path) is not None


def test_lock_is_given_back_for_a_process_that_lingers_too(path):
    lock = RunLock.acquire(path)
    command = [sys.executable, '-S', '-c', 'input()']
    child = subprocess.Popen(command, stdin=subprocess.PIPE, pass_fds=lock.inherited)
    lock.release()
    assert not is_held(path)
    child.communicate(b'\n')


def test_looking_takes_nothing_from_others_that_look(path):
    RunLock.acquire(path).release()
    with ThreadPoolExecutor(8) as pool:
        assert not any(pool.map(lambda _: is_held(path), range(200)))


def test_of_many_one_gets_it(path):
    with ThreadPoolExecutor(8) as pool:
        locks = list(pool.map(lambda _: RunLock.acquire(path), range(64)))
    assert sum(lock is not None for lock in locks) == 1
