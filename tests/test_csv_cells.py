"""Names as cells that spreadsheets and pandas read."""

import csv
import io

from hypothesis import given

from deft_mm.csv_cells import from_cell, to_cell, to_csv
from property_utils import FILE_NAMES, SETTINGS, TEXTS


@SETTINGS
@given(TEXTS | FILE_NAMES)
def test_every_name_comes_back(name):
    assert from_cell(to_cell(name)) == name


@SETTINGS
@given(TEXTS | FILE_NAMES)
def test_no_cell_is_a_formula_and_every_cell_is_text(name):
    cell = to_cell(name)
    assert not cell.startswith(('=', '+', '-', '@', '\t', '\r'))
    cell.encode('utf-8')


def test_ordinary_names_stay_as_they_are():
    for name in ('cat', '/data/a b/1.jpg', 'brücke', "rock'n'roll", "'quoted'", '1=2', ''):
        assert to_cell(name) == name


def test_a_file_name_that_is_not_utf8_can_be_found_by_other_programs():
    assert to_cell('a/\udcff%.png') == 'bytes:a/%FF%25.png'


def test_any_cells_read_back_as_a_table():
    rows = [['a,b', 'say "x"', 'two\nlines', 'return\rhere', ''], [1, 0.5, None, '=1', 'ü']]
    text = to_csv(rows)
    found = list(csv.reader(io.StringIO(text, newline=''), strict=True))
    assert found[0] == rows[0] and found[1] == ['1', '0.5', '', "'=1", 'ü']
