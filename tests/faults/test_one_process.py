"""A run that is killed, or whose disk is full or fails, loses nothing: resumed, it equals another.

A sample of the moments is part of the test suite. All of them, some hundred trainings:

    DEFT_MM_FAULTS=all pytest tests/faults
"""

from __future__ import annotations

import random
import shutil
import signal
import tempfile
from pathlib import Path

import pytest
from fault_utils import WHOLE, differences, result_of


@pytest.fixture(scope='session')
def moments(server, config):
    """What there is to disturb: the names of all moments of a kind, in order."""

    def count(at: str) -> list[str]:
        names = config.parent / f'{at}.txt'
        fault = dict(at=at, number=None, act='kill', names=str(names))
        assert server.train(config, config.parent / f'count {at}', faults={0: fault}) == [0]
        return names.read_text().splitlines()

    return {at: count(at) for at in ('file', 'hook', 'score')}


class Campaign:
    """Disturbs runs, and keeps what went wrong."""

    def __init__(self, server, config: Path, undisturbed: dict) -> None:
        self.server, self.config, self.undisturbed = server, config, undisturbed
        self.folders = Path(tempfile.mkdtemp(dir=config.parent))
        self.trials, self.wrong = 0, []

    def disturb(self, text: str, *faults: dict) -> None:
        """Run with each fault in turn, then without one, and compare."""
        self.trials += 1
        folder = self.folders / str(self.trials)
        log = Path(f'{folder}.log')
        for i, fault in enumerate(faults):
            resumed = ['--resume'] * (i > 0)
            code = self.server.train(self.config, folder, *resumed, faults={0: fault})[0]
            killed = -signal.SIGALRM if fault['at'] == 'time' else -signal.SIGKILL
            if fault['act'] == 'kill' and code not in (killed, 0):
                self.wrong.append(f'{text}: exit code {code}, see {log}')
                return
            if fault['act'] != 'kill' and code != 0 and str(folder) not in log.read_text()[-900:]:
                self.wrong.append(f'{text}: its last lines name no file, see {log}')
        # One that was over, or disturbed in nothing that counts, has nothing left to do.
        if self.server.train(self.config, folder, '--resume') != [0]:
            self.wrong.append(f'{text}: does not resume, see {log}')
            return
        found = differences(self.undisturbed, result_of(folder))
        if found:
            self.wrong.append(f'{text}: {len(found)} differences, {found[:3]}, see {log}')
            return
        shutil.rmtree(folder)


@pytest.fixture
def campaign(server, config, undisturbed):
    campaign = Campaign(server, config, undisturbed)
    yield campaign
    print(f'\n{campaign.trials} runs disturbed, {len(campaign.wrong)} wrong')
    assert campaign.trials and not campaign.wrong, '\n'.join(campaign.wrong)


def chosen(moments: list[str], most: int) -> list[tuple[int, str]]:
    """All moments, numbered, or a sample of so many that differ in what they are."""
    numbered = list(enumerate(moments, 1))
    if WHOLE:
        return numbered
    draw = random.Random(0)
    draw.shuffle(numbered)
    first_of_kind = {name: (number, name) for number, name in numbered}
    sample = [*first_of_kind.values()]
    draw.shuffle(sample)
    return sorted(sample[:most])


@pytest.mark.parametrize('act', ['kill', 'ENOSPC', 'EIO'])
def test_fault_at_an_operation_on_a_file_loses_nothing(campaign, moments, act):
    assert len(moments['file']) > 80
    # One error of a disk is as the other.
    every = chosen(moments['file'], 3 if act == 'kill' else 1)[
        :: 3 if WHOLE and act == 'EIO' else 1
    ]
    for number, name in every:
        campaign.disturb(f'{act} at {number}, {name}', dict(at='file', number=number, act=act))


def test_kill_at_a_hook_loses_nothing(campaign, moments):
    for number, name in chosen(moments['hook'], 2):
        campaign.disturb(f'kill at {number}, {name}', dict(at='hook', number=number, act='kill'))


def test_kill_in_a_scoring_pass_loses_nothing(campaign, moments):
    for number, name in chosen(moments['score'], 1):
        campaign.disturb(f'kill at {number}, {name}', dict(at='score', number=number, act='kill'))


def test_kill_at_a_random_time_loses_nothing(campaign):
    draw = random.Random(1)
    for _ in range(40 if WHOLE else 1):
        seconds = draw.uniform(0.1, 1.5)
        fault = dict(at='time', number=seconds, act='kill')
        campaign.disturb(f'kill after {seconds:.3f} s', fault)


def test_kill_again_and_again_loses_nothing(campaign, moments):
    draw = random.Random(2)
    for _ in range(20 if WHOLE else 1):
        numbers = [draw.randint(1, len(moments['file'])) for _ in range(3)]
        faults = [dict(at='file', number=number, act='kill') for number in numbers]
        campaign.disturb(f'kill at {numbers}', *faults)
