"""Properties of files of corrections, for any decisions and any bytes."""

import numpy as np
from corrections_utils import corrections
from hypothesis import given
from hypothesis import strategies as st

from deft_mm.selection import (
    EXCLUDED,
    apply_corrections,
    read_corrections,
    read_selection,
    write_selection,
)
from property_utils import FILE_NAMES, SETTINGS, TEXTS, damaged, refuses_or_reads
from tests.test_selection.selection_utils import selection
from tests.test_selection.test_any_selection_file import tables


@SETTINGS
@given(data=st.data(), table=tables())
def test_any_decisions_come_into_the_selection(tmp_path, data, table):
    write_selection(tmp_path / 'selection.csv', table)
    number, names = len(table), table.class_names
    wanted = data.draw(
        st.lists(st.integers(EXCLUDED, len(names) - 1), min_size=number, max_size=number)
    )
    rows = [
        (i, 'exclude', '') if label == EXCLUDED else (i, 'relabel', names[label])
        for i, label in enumerate(wanted)
        if label != -1
    ]
    path = corrections(
        tmp_path / 'c.csv',
        tmp_path / 'selection.csv',
        *rows,
        reviewer=data.draw(TEXTS | FILE_NAMES),
    )
    table = read_selection(tmp_path / 'selection.csv')
    found = apply_corrections(table, [path])
    expected = np.where(np.array(wanted) == -1, table.corrected_label, wanted)
    np.testing.assert_array_equal(found.table.corrected_label, expected)
    assert not found.conflicts


@SETTINGS
@given(data=st.data())
def test_a_damaged_file_is_refused_in_a_sentence(tmp_path, data):
    table = selection()
    write_selection(tmp_path / 'selection.csv', table)
    rows = [(0, 'relabel', table.class_names[1]), (1, 'keep', ''), (2, 'exclude', '')]
    whole = corrections(tmp_path / 'whole.csv', tmp_path / 'selection.csv', *rows).read_bytes()
    path = tmp_path / 'c.csv'
    path.write_bytes(data.draw(damaged(whole) | st.binary(max_size=200)))
    refuses_or_reads(lambda path: read_corrections(path, table), path)
