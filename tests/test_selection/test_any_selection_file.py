"""Properties of selection files, for any table and any bytes."""

import csv

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from deft_mm.selection import EXCLUDED, Fingerprint, SampleTable, read_selection, write_selection
from property_utils import FILE_NAMES, SETTINGS, TEXTS, damaged, refuses_or_reads
from tests.test_selection.selection_utils import selection
from tests.test_selection.test_selection_file import KINDS, assert_same

PROBS = st.floats(0, 1, width=32) | st.just(np.nan)


@st.composite
def tables(draw) -> SampleTable:
    number = draw(st.integers(1, 5))
    classes = draw(st.lists(TEXTS, min_size=1, max_size=4, unique=True))

    def column(dtype, values):
        return draw(arrays(dtype, number, elements=values))

    given_label = column(np.int64, st.integers(0, len(classes) - 1))
    pred_prob, kept = column(np.float32, PROBS), column(np.bool_, st.booleans())
    corrected = np.full(number, -1)
    if draw(st.booleans()):
        corrected = column(np.int64, st.integers(EXCLUDED, len(classes) - 1))
    kept = (kept | (corrected >= 0)) & (corrected != EXCLUDED)
    return SampleTable(
        Fingerprint.from_parts(classes, given_label, map(str, range(number))),
        class_names=classes,
        img_path=draw(st.lists(FILE_NAMES | st.just(''), min_size=number, max_size=number)),
        given_label=given_label,
        clean_prob=column(np.float32, PROBS),
        score=draw(st.none() | arrays(np.float32, number, elements=st.floats(width=32))),
        pred_label=column(np.int64, st.integers(-1, len(classes) - 1)),
        pred_prob=pred_prob,
        kept=kept,
        # The file does not have it: what has a prediction or is kept was readable.
        readable=~np.isnan(pred_prob) | kept,
        corrected_label=corrected,
        method=draw(TEXTS),
        config=draw(TEXTS | FILE_NAMES),
    )


@pytest.mark.parametrize('name', KINDS)
@SETTINGS
@given(table=tables())
def test_any_table_reads_back_equal(name, tmp_path, table):
    path = tmp_path / name
    write_selection(path, table)
    assert_same(table, read_selection(path))


@SETTINGS
@given(table=tables())
def test_any_table_is_text_without_formulas(tmp_path, table):
    path = tmp_path / KINDS[0]
    write_selection(path, table)
    text = path.read_bytes().decode('utf-8')
    lines = [f'{line}\n' for line in text.split('\n')]
    number = next(i for i, line in enumerate(lines) if line[0] != '#')
    cells = [cell for line in lines[:number] for cell in line.split(',')]
    cells += [cell for row in csv.reader(lines[number:], strict=True) for cell in row]
    assert not [cell for cell in cells if cell.startswith(('=', '+', '@', '\t', '\r'))]
    # A negative number is no formula.
    assert not [cell for cell in cells if cell[:1] == '-' and not is_number(cell)]


def is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize('name', KINDS)
@SETTINGS
@given(data=st.data())
def test_a_damaged_file_is_refused_in_a_sentence(name, tmp_path, data):
    write_selection(tmp_path / f'whole_{name}', selection())
    whole = (tmp_path / f'whole_{name}').read_bytes()
    path = tmp_path / name
    path.write_bytes(data.draw(damaged(whole) | st.binary(max_size=200)))
    refuses_or_reads(read_selection, path)
