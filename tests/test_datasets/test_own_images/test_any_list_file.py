"""Properties of lists of images, for any list and any bytes."""

import csv
import json

import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from deft_mm.datasets.own_images.list_file import read_list_file
from property_utils import FILE_NAMES, SETTINGS, TEXTS, damaged, refuses_or_reads

KINDS = ['list.csv', 'list.jsonl', 'list.parquet']
# Blanks around a name are taken away; a letter makes it no number.
NAMES = st.tuples(
    FILE_NAMES.map(lambda name: name.strip() or 'a'), TEXTS.map(lambda name: (name + 'x').strip())
)
LISTS = st.lists(NAMES, min_size=1, max_size=5, unique=True)


def write(path, pairs) -> None:
    if path.suffix == '.csv':
        with path.open('w', newline='', encoding='utf-8', errors='surrogateescape') as file:
            csv.writer(file).writerows([('path', 'label'), *pairs])
    elif path.suffix == '.jsonl':
        rows = [json.dumps(dict(path=name, label=label)) for name, label in pairs]
        path.write_text('\n'.join(rows))
    else:
        paths = [name.encode('utf-8', 'surrogateescape') for name, _ in pairs]
        table = pyarrow.table(dict(path=paths, label=[label for _, label in pairs]))
        parquet.write_table(table, path)


@pytest.mark.parametrize('name', KINDS)
@SETTINGS
@given(pairs=LISTS)
def test_any_list_reads_back_equal(name, tmp_path, pairs):
    write(tmp_path / name, pairs)
    assert read_list_file(tmp_path / name) == pairs


@pytest.mark.parametrize('name', KINDS)
@SETTINGS
@given(data=st.data())
def test_a_damaged_list_is_refused_in_a_sentence(name, tmp_path, data):
    write(tmp_path / f'whole_{name}', [('a/1.jpg', 'cat'), ('b, c.jpg', 'dog "x"')])
    whole = (tmp_path / f'whole_{name}').read_bytes()
    path = tmp_path / name
    path.write_bytes(data.draw(damaged(whole) | st.binary(max_size=200)))
    refuses_or_reads(read_list_file, path)
