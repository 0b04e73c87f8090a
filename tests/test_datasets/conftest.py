"""What tests of several data sets share."""

import pytest


@pytest.fixture
def progress_lines(monkeypatch) -> list[str]:
    """The lines that passes over data log of their progress, one an item."""
    lines = []
    monkeypatch.setattr('deft_mm.progress._INTERVAL', 0.0)
    monkeypatch.setattr('deft_mm.progress.print_log', lambda text, **_: lines.append(text))
    return lines
