import json
import sys

import pytest

from deft_mm.datasets.own_images.list_file import read_list_file

PAIRS = [('a/1.jpg', 'cat'), ('b, c/2.jpg', 'guinea_pig'), ('ü/3.jpg', '7')]


def write(path, text: str):
    path.write_text(text, encoding='utf-8')
    return path


def test_csv_and_json_lines_give_the_same(tmp_path):
    csv = 'width,path,label\n1,a/1.jpg,cat\n2,"b, c/2.jpg",guinea_pig\n3,ü/3.jpg,7\n'
    jsonl = '\n\n'.join(json.dumps(dict(label=label, path=path)) for path, label in PAIRS)
    assert read_list_file(write(tmp_path / 'a.csv', csv)) == PAIRS
    assert read_list_file(write(tmp_path / 'a.jsonl', jsonl)) == PAIRS


def test_csv_of_a_spreadsheet_is_read(tmp_path):
    text = '\ufeffpath, label\r\na/1.jpg, cat \r\n'
    assert read_list_file(write(tmp_path / 'a.csv', text)) == PAIRS[:1]


def test_an_index_in_json_is_text(tmp_path):
    path = write(tmp_path / 'a.jsonl', '{"path": "1.jpg", "label": 3}')
    assert read_list_file(path) == [('1.jpg', '3')]


@pytest.mark.parametrize('label', ['3', '3.0', '+3', '3e0'])
def test_a_whole_number_is_an_index_however_it_is_written(tmp_path, label):
    path = write(tmp_path / 'a.csv', f'path,label\n1.jpg,{label}\n2.jpg,10.0\n')
    assert read_list_file(path) == [('1.jpg', '3'), ('2.jpg', '10')]


def test_numbers_among_names_stay_as_they_are(tmp_path):
    path = write(tmp_path / 'a.csv', 'path,label\n1.jpg,3.0\n2.jpg,cat\n')
    assert [label for _, label in read_list_file(path)] == ['3.0', 'cat']


def test_parquet_gives_the_same(tmp_path):
    pyarrow = pytest.importorskip('pyarrow')
    parquet = pytest.importorskip('pyarrow.parquet')
    paths, labels = zip(*PAIRS, strict=True)
    table = pyarrow.table(dict(path=paths, size=[1, 2, 3], label=labels))
    parquet.write_table(table, tmp_path / 'a.parquet')
    assert read_list_file(tmp_path / 'a.parquet') == PAIRS
    indices = pyarrow.table(dict(path=['1.jpg'], label=[3]))
    parquet.write_table(indices, tmp_path / 'b.parquet')
    assert read_list_file(tmp_path / 'b.parquet') == [('1.jpg', '3')]
    with pytest.raises(ValueError, match='no Parquet file'):
        read_list_file(write(tmp_path / 'c.parquet', 'path,label'))


def test_parquet_without_pyarrow_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'pyarrow', None)
    with pytest.raises(ImportError, match='pip install pyarrow'):
        read_list_file(write(tmp_path / 'a.parquet', ''))


@pytest.mark.parametrize(
    ('name', 'text', 'match'),
    [
        ('a.csv', 'file,label\n1.jpg,cat\n', "no path: .* found 'file', 'label'"),
        ('a.csv', '', 'no path and no label: .* found none'),
        ('a.csv', 'path,label\n1.jpg,cat\n2.jpg\n', 'line 3 has 1 cells for 2 columns'),
        ('a.csv', 'path,label\n ,cat\n', "line 2: path is ''"),
        ('a.jsonl', '{"path": "1.jpg"}', 'line 1 has no label'),
        ('a.jsonl', '{"path": "1.jpg", "label": 0.5}', 'line 1: label is 0.5'),
        ('a.jsonl', '{"path": "1.jpg", "label": true}', 'line 1: label is True'),
        ('a.jsonl', '{"path": 1, "label": "cat"}', 'line 1: path is 1'),
        ('a.jsonl', 'path,label', 'line 1 is no JSON'),
        ('a.jsonl', '["1.jpg", "cat"]', 'line 1: expected an object'),
        ('a.txt', 'path,label\n', 'must end in .csv'),
    ],
)
def test_mistake_is_named_with_file_and_line(tmp_path, name, text, match):
    with pytest.raises(ValueError, match=match) as error:
        read_list_file(write(tmp_path / name, text))
    assert name in str(error.value)
