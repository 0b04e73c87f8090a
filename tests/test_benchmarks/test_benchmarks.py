"""Every benchmark's small mode, and the comparison that they share."""

from __future__ import annotations

import importlib
import runpy
from pathlib import Path

import pytest
import torch

FOLDER = Path(__file__).resolve().parents[2] / 'benchmarks'
SCRIPTS = sorted(p.name for p in FOLDER.glob('*.py') if "__name__ == '__main__'" in p.read_text())


@pytest.fixture(autouse=True)
def found(monkeypatch):
    """A script finds the modules beside it."""
    monkeypatch.syspath_prepend(str(FOLDER))


@pytest.fixture
def comparison():
    return importlib.import_module('comparison')


@pytest.mark.parametrize('script', SCRIPTS)
def test_small_mode_finds_ours_and_plain_in_agreement(script, capsys):
    main = runpy.run_path(str(FOLDER / script))['main']
    main(['--small', '--devices', 'cpu'])
    assert ': agree, relative errors: ' in capsys.readouterr().out


def test_text_tower_and_stage1_step_are_among_the_scripts():
    assert {'text_tower.py', 'stage1_step.py'} <= set(SCRIPTS)


def test_disagreement_stops_a_benchmark_and_is_named(comparison, capsys):
    plain = dict(loss=torch.tensor(2.0), grad=torch.tensor([1.0, -4.0]))
    comparison.check_agreement('step', dict(plain), plain, 1e-5)
    assert 'step: agree' in capsys.readouterr().out
    ours = dict(plain, grad=torch.tensor([1.001, -4.0]))
    with pytest.raises(SystemExit, match='grad by 0.00025'):
        comparison.check_agreement('step', ours, plain, 1e-5)
    with pytest.raises(SystemExit, match='grad by nan'):
        comparison.check_agreement('step', dict(plain, grad=ours['grad'] / 0 * 0), plain, 1e-5)
    with pytest.raises(SystemExit, match='differ in name'):
        comparison.check_agreement('step', dict(loss=plain['loss']), plain, 1e-5)


def test_both_ways_run_in_turn_after_the_warm_up(comparison):
    calls = []
    times = comparison.time_in_turn(lambda: calls.append('p'), lambda: calls.append('o'), 3)
    assert ''.join(calls) == 'popopopo'
    assert len(times.plain) == len(times.ours) == 3


def test_ratio_is_the_median_of_pairs_with_its_range(comparison, capsys):
    times = comparison.Times([24.6, 30.0, 24.0], [2.0, 2.0, 2.0])
    comparison.report('tower', times, comparison.Peaks(3 * 2**30, 2**30, extrapolated=True))
    assert capsys.readouterr().out == (
        'tower: time 12.3x (12.0x to 15.0x of 3), plain 24.6 s, ours 2 s; '
        'peak memory 3.0x, plain 3.00 GiB (extrapolated), ours 1.00 GiB\n'
    )
    assert (times + times * 0.5).plain == pytest.approx([36.9, 45.0, 36.0])


def test_peak_memory_counts_what_a_call_holds_at_once(comparison):
    def hold_two_of_three():
        kept = torch.ones(2**22)
        for _ in range(2):
            other = torch.ones(2**22)
            del other
        return kept

    assert comparison.peak_memory(hold_two_of_three) == 2 * 2**24


def test_peak_memory_counts_a_backward_pass(comparison):
    weight = torch.ones(2**20, requires_grad=True)
    assert comparison.peak_memory(lambda: weight.exp().sum().backward()) >= 2 * 2**22


def test_line_extrapolates_what_is_linear_in_classes_and_images(comparison):
    sizes = [(50, 8), (50, 16), (100, 16), (200, 16)]
    line = comparison.fit_line(sizes, [3 + 2 * c + 5 * b for c, b in sizes])
    assert line(1000, 64) == pytest.approx(3 + 2000 + 320)
