"""Which classes are the same, as a user writes it down."""

import pytest

from deft_mm.detection import read_class_map


@pytest.mark.parametrize(
    ('name', 'text'),
    [
        (
            'map.csv',
            '\ufeffdetector_class, data_class, note\n"bird, of prey",eagle,x\n,palm,\nlorry,truck,',
        ),
        ('map.JSON', '{"eagle": "bird, of prey", "palm": null, "truck": "lorry"}'),
    ],
)
def test_a_map_is_read_from_either_kind_of_file(name, text, tmp_path):
    (tmp_path / name).write_text(text, encoding='utf-8')
    expected = {'eagle': 'bird, of prey', 'palm': '', 'truck': 'lorry'}
    assert read_class_map(tmp_path / name) == expected


@pytest.mark.parametrize(
    ('name', 'text', 'match'),
    [
        ('map.csv', 'data,detector\na,b\n', 'expected the columns data_class,detector_class'),
        ('map.csv', '', 'found none'),
        ('map.csv', 'data_class,detector_class\n,b\n', 'line 2 has no data_class'),
        ('map.csv', 'data_class,detector_class\na,b\na,c\n', "names 'a' twice"),
        ('map.json', '{"a": "b", "a": "c"}', "names 'a' twice"),
        ('map.json', '{"a": ', 'cannot be read'),
        ('map.json', '[["a", "b"]]', 'expected an object'),
        ('map.json', '{"a": {"b": "c"}}', 'expected an object'),
        ('map.txt', 'a b', 'must end in .csv or .json'),
    ],
)
def test_a_file_that_is_no_map_is_an_error(name, text, match, tmp_path):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=match):
        read_class_map(tmp_path / name)


def test_a_missing_map_is_named():
    with pytest.raises(FileNotFoundError, match='nowhere.csv'):
        read_class_map('nowhere.csv')
