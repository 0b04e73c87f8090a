"""Settings and inputs of the property-based tests."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

# The same inputs in every run. A folder that a test got once may be written to again and again.
SETTINGS = settings(
    derandomize=True,
    max_examples=60,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
# What a spreadsheet, a CSV, a comment or a terminal takes for something else.
STARTS = st.sampled_from(
    [
        '',
        '',
        '=',
        '+',
        '-',
        '@',
        '\t',
        '\r',
        "'",
        "'=",
        "''-",
        'bytes:',
        '#',
        '"',
        ',',
        ',=',
        '\ufeff',
    ]
)
TEXTS = st.builds(
    str.__add__,
    STARTS,
    st.text(st.characters(codec='utf-8', exclude_characters='\0'), min_size=1, max_size=8),
)
FILE_NAMES = st.builds(
    lambda start, name: start + os.fsdecode(name.replace(b'\0', b'.')),
    STARTS,
    st.binary(min_size=1, max_size=8),
)


@st.composite
def damaged(draw, content: bytes) -> bytes:
    """A file of which some bytes are others, missing or too many."""
    data = bytearray(content)
    for _ in range(draw(st.integers(1, 3))):
        begin = draw(st.integers(0, len(data)))
        end = min(len(data), begin + draw(st.sampled_from([0, 1, 1, 8, 1000])))
        data[begin:end] = draw(
            st.one_of(st.binary(max_size=8), st.sampled_from([b',', b'"', b'\n']))
        )
    return bytes(data)


def refuses_or_reads(read: Callable, path: Path) -> None:
    """Check that a file is read, or refused in one sentence that names it."""
    try:
        read(path)
    except (ValueError, FileNotFoundError) as error:
        assert str(path) in str(error), error
        assert '\n' not in str(error), error
