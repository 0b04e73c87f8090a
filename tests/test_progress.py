"""What is said while a pass over the data goes on, and when."""

from types import SimpleNamespace

import pytest

from deft_mm import progress


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test moves, and the lines of the log."""

    told = SimpleNamespace(now=100.0, lines=[])
    monkeypatch.setattr(progress.time, 'perf_counter', lambda: told.now)
    monkeypatch.setattr(progress, 'print_log', lambda text, **_: told.lines.append(text))
    return told


def test_a_line_says_count_share_and_the_time_that_is_left(clock):
    told = progress.Progress('Scored', 200, 'samples')
    clock.now += 20
    told.advance(50)
    assert clock.lines == ['Scored 50 of 200 samples (25%) in 20 s, 60 s left.']


def test_lines_come_ten_seconds_apart(clock):
    told = progress.Progress('Checked', 1000, 'images')
    for _ in range(9):
        clock.now += 1
        told.advance(10)
    assert not clock.lines
    clock.now += 1
    told.advance(10)
    assert clock.lines == ['Checked 100 of 1000 images (10%) in 10 s, 90 s left.']
    clock.now += 9
    told.advance()
    assert len(clock.lines) == 1
    clock.now += 1
    told.advance()
    assert clock.lines[1] == 'Checked 102 of 1000 images (10%) in 20 s, 176 s left.'


def test_what_is_finished_has_nothing_left_to_say(clock):
    told = progress.Progress('Scored', 3, 'samples')
    clock.now += 60
    told.advance(3)
    assert not clock.lines
    # Processes of several sizes count a little more than there is.
    told.advance(2)
    assert not clock.lines
