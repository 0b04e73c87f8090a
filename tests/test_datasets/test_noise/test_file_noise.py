import json

import numpy as np
import pytest
from mmengine.dataset import RepeatDataset

from deft_mm.datasets import FileNoise, NoisyLabelDataset
from tests.test_datasets.dataset_utils import folder_dataset, image_folder, memory_dataset

LABELS = np.array([0, 0, 1, 1, 2, 2])
GIVEN = [2, 0, 1, 0, 2, 1]
NAMES = ['bee', '0', 'ant']
PATHS = [f'class_{i // 2}/{i % 2}.png' for i in range(6)]


def read(path, key=None, dataset=None) -> list[int]:
    noisy = FileNoise(path, key)(LABELS, 3, dataset=dataset)
    assert noisy.dtype == np.int64
    return noisy.tolist()


def write(path, text: str):
    path.write_text(text, encoding='utf-8')
    return path


def table(path, column: str, rows) -> str:
    lines = [f'{identity},{label}' for identity, label in rows]
    return write(path, '\n'.join([f'{column},label', *lines]))


@pytest.fixture
def named(tmp_path):
    """Six samples, whose class names do not sort as their indices."""
    return memory_dataset(tmp_path, LABELS, NAMES)


def test_json_list_as_the_reference_writes_it(tmp_path):
    assert read(write(tmp_path / 'noise.json', json.dumps(GIVEN))) == GIVEN
    both = write(tmp_path / 'both.json', json.dumps(dict(first=GIVEN, second=GIVEN[::-1])))
    assert read(both, 'second') == GIVEN[::-1]


@pytest.mark.parametrize('dtype', [np.uint8, np.int32, np.int64])
def test_npy_and_npz_of_any_integer_type(tmp_path, dtype):
    array = np.array(GIVEN, dtype=dtype)
    np.save(tmp_path / 'noise.npy', array)
    np.savez(tmp_path / 'one.npz', noisy=array)
    np.savez(tmp_path / 'two.npz', clean=LABELS, noisy=array)
    assert read(tmp_path / 'noise.npy') == GIVEN
    assert read(tmp_path / 'one.npz') == GIVEN
    assert read(tmp_path / 'two.npz', 'noisy') == GIVEN


def test_csv_by_index_in_any_order_after_comments(tmp_path):
    rows = [f'{i},x,{GIVEN[i]}' for i in (3, 0, 5, 1, 4, 2)]
    text = '\n'.join(['# made by hand', 'sample_idx,why,given', *rows])
    assert read(write(tmp_path / 'noise.csv', text), 'given') == GIVEN


@pytest.mark.parametrize('start', ['', './', 'data/', 'class'])
def test_csv_by_path_or_the_end_of_a_path(tmp_path, start):
    dataset = folder_dataset(image_folder(tmp_path / 'data', 3, 2))
    if start == 'class':  # a full path, with the separators of Windows
        paths = [info['img_path'].replace('/', '\\') for info in dataset.data_list]
    else:
        paths = [start + path for path in PATHS]
    rows = list(zip(paths, GIVEN, strict=True))[::-1]
    path = table(tmp_path / 'noise.csv', 'img_path', rows)
    assert read(path, dataset=dataset) == GIVEN
    twice = NoisyLabelDataset(RepeatDataset(dataset, 2), FileNoise(path))
    assert twice.given_labels.tolist() == GIVEN * 2


def test_class_names_stand_for_their_index_and_come_before_numbers(tmp_path, named):
    words = ['ant', 'bee', '0', 'bee', '2', '1']
    expected = [2, 0, 1, 0, 2, 1]
    assert read(write(tmp_path / 'a.json', json.dumps(words)), dataset=named) == expected
    path = table(tmp_path / 'a.csv', 'sample_idx', enumerate(words))
    assert read(path, dataset=named) == expected


def test_labels_are_read_through_a_config(tmp_path, named):
    path = write(tmp_path / 'noise.json', json.dumps(GIVEN))
    dataset = NoisyLabelDataset(named, dict(type='FileNoise', path=str(path)))
    assert dataset.given_labels.tolist() == GIVEN
    assert dataset.clean_labels.tolist() == LABELS.tolist()


@pytest.mark.parametrize(
    ('name', 'content', 'match'),
    [
        ('a.json', '[0, 1, 2]', '3 labels for 6 samples'),
        ('a.json', '[0, 1, 2, 3, 0, 0]', 'sample 3 has the label 3.*0 to 2'),
        ('a.json', '[0, 1, 2, -1, 0, 0]', 'sample 3 has the label -1'),
        ('a.json', '[0, 1, 2, 0.5, 0, 0]', 'float64'),
        ('a.json', '["ant", "fly", "bee", "bee", "bee", "bee"]', "sample 1 .*'fly'.*bee, 0, ant"),
        ('a.json', '{"a": [0], "b": [1]}', r"`key` to one of \['a', 'b'\], found None"),
        ('a.json', '"abc"', 'not a list'),
        ('a.json', '[0, 1', 'cannot use'),
        ('a.npy', 'no array', 'cannot use'),
        ('a.npz', 'PK\x03\x04 damaged', 'cannot use'),
        ('a.csv', '', 'needs the columns .* found none'),
        ('a.csv', 'idx,label\n0,1', 'columns `sample_idx` or `img_path`, and `label`'),
        ('a.csv', 'sample_idx,label\n0,1\n2,1', '4 samples have no row, the first is 1'),
        ('a.csv', 'sample_idx,label\n0,1\n6,1', "sample_idx '6' is not in 0 to 5"),
        ('a.csv', 'sample_idx,label\n0,1\n0,2', "2 and 3 .*sample_idx '0'.* '1' and '2'"),
        ('a.csv', 'sample_idx,label\n0', 'line 2 has 1 cells for 2 columns'),
        ('a.csv', 'img_path,label\n0/0.png,1', r"image '.*1/1\.png' has no row"),
        (
            'a.csv',
            'img_path,label\n' + '\n'.join(f'{i % 2}/{i}.png,1' for i in range(7)),
            r"1 paths are not in the data set, the first is '0/6\.png'",
        ),
    ],
)
def test_content_that_does_not_fit_is_one_clear_error(tmp_path, named, name, content, match):
    path = write(tmp_path / name, content)
    with pytest.raises(ValueError, match=match) as error:
        read(path, dataset=named)
    assert str(path) in str(error.value)


def test_end_of_a_path_that_two_files_share_is_refused(tmp_path):
    dataset = folder_dataset(image_folder(tmp_path / 'data', 3, 2))
    path = table(tmp_path / 'noise.csv', 'img_path', [('0.png', 1), ('1.png', 2)])
    with pytest.raises(ValueError, match=r'is both .*class_0/0\.png.*class_1/0\.png'):
        read(path, dataset=dataset)


def test_pickled_objects_are_never_loaded(tmp_path):
    np.save(tmp_path / 'noise.npy', np.array([{}, None], dtype=object))
    with pytest.raises(ValueError, match='allow_pickle'):
        read(tmp_path / 'noise.npy')


def test_missing_and_unknown_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='nowhere.json'):
        read(tmp_path / 'nowhere.json')
    with pytest.raises(ValueError, match='HumanNoise'):
        FileNoise('CIFAR-10_human.pt')
