import csv
import os
import shutil

import numpy as np
import pytest
from PIL import Image

from deft_mm.datasets import ImageFolderDataset, dataset_fingerprint
from deft_mm.datasets.own_images import problems_to_csv
from miniatures import folder

TRANSFORMS = [dict(type='LoadImageFromFile', imdecode_backend='pillow'), dict(type='PackInputs')]


def read(root, split='train', **options) -> ImageFolderDataset:
    # Serialising runs the garbage collector, which takes longer than these tests.
    return ImageFolderDataset(
        str(root), split, pipeline=TRANSFORMS, serialize_data=False, **options
    )


def samples(dataset) -> list[tuple[str, str]]:
    """Path below the root and class name of every sample."""
    classes = dataset.metainfo['classes']
    return [
        (os.path.relpath(info['img_path'], dataset.data_root), classes[info['gt_label']])
        for info in dataset.data_list
    ]


def images(root, *names: str):
    """Write one image for each path, no two alike."""
    for i, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        pixels = np.arange(4 * (5 + i) * 3).reshape(4, 5 + i, 3) % 256
        Image.fromarray(pixels.astype(np.uint8)).save(root / name)
    return root


def problems(dataset) -> set[tuple[str, str]]:
    return {(problem.kind, os.path.basename(problem.path)) for problem in dataset.report.problems}


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    path = tmp_path_factory.mktemp('data') / 'images'
    folder.make(path)
    return path


def test_both_parts_together_are_the_readable_images_of_the_class_folders(root):
    train, val = samples(read(root)), samples(read(root, 'val'))
    assert not set(train) & set(val)
    expected = {('dog/also_a_cat.jpg', 'dog')}
    for name, size in folder.SIZES.items():
        expected.update((f'{name}/{i:03d}.jpg', name) for i in range(size))
    assert {*train, *val} == expected
    assert len(train) + len(val) == 26


def test_classes_are_the_folders_in_alphabetical_order_in_both_parts(root):
    for split in ('train', 'val'):
        dataset = read(root, split)
        assert dataset.metainfo['classes'] == ('cat', 'dog', 'guinea_pig')
        assert {info['gt_label'] for info in dataset.data_list} == {0, 1, 2}


def test_a_folder_that_was_moved_is_divided_as_before(root, tmp_path):
    moved = shutil.copytree(root, tmp_path / 'elsewhere')
    for split in ('train', 'val'):
        assert samples(read(moved, split)) == samples(read(root, split))
        assert dataset_fingerprint(read(moved, split)) == dataset_fingerprint(read(root, split))


def test_paths_lead_to_the_images_from_everywhere(root, tmp_path, monkeypatch):
    monkeypatch.chdir(root.parent)
    dataset = read(root.name)
    monkeypatch.chdir(tmp_path)
    assert all(os.path.isfile(info['img_path']) for info in dataset.data_list)


def test_every_sample_loads(root):
    for split in ('train', 'val'):
        dataset = read(root, split)
        for idx in range(len(dataset)):
            assert dataset[idx]['inputs'].shape[0] == 3


def test_report_has_every_problem_and_both_parts_have_the_same(root):
    dataset = read(root)
    assert problems(dataset) == {
        ('unreadable image', 'truncated.jpg'),
        ('unreadable image', 'empty.png'),
        ('unreadable image', 'text.jpg'),
        ('not an image file', 'notes.txt'),
        ('hidden', '.DS_Store'),
        ('hidden', '.cache'),
        ('contradicting duplicate', 'also_a_cat.jpg'),
        ('contradicting duplicate', '003.jpg'),
        ('small class', ''),
    }
    assert dataset.report == read(root, 'val').report
    assert sum(dataset.report.num_train) == len(dataset)
    small = [p.class_name for p in dataset.report.problems if p.kind == 'small class']
    assert small == ['dog', 'guinea_pig']


def test_table_says_what_is_left_out(root):
    rows = list(csv.DictReader(problems_to_csv(read(root).report.problems).decode().splitlines()))
    used = {row['problem']: row['used'] for row in rows}
    assert used == {
        'hidden': '0',
        'not an image file': '0',
        'unreadable image': '0',
        'contradicting duplicate': '1',
        'small class': '1',
    }
    contradiction = next(row for row in rows if row['path'].endswith('also_a_cat.jpg'))
    assert contradiction['class'] == 'dog' and 'cat/003.jpg of class cat' in contradiction['detail']


def test_log_lists_a_few_of_each_kind_and_counts_the_rest(root):
    lines = read(root).report.to_lines(max_problems=1)
    assert any('3 x unreadable image' in line for line in lines)
    assert sum('- unreadable image: ' in line for line in lines) == 1
    assert '  - ... and 2 more' in lines
    assert any('validation labels' in line for line in lines)


def test_an_image_that_is_there_twice_is_never_held_out(tmp_path):
    images(tmp_path, *(f'{name}/{i}.png' for name in 'ab' for i in range(10)))
    for i in range(6):
        shutil.copy(tmp_path / f'a/{i}.png', tmp_path / f'a/copy of {i}.png')
    held_out = {path for path, _ in samples(read(tmp_path, 'val', val_ratio=0.9))}
    assert {path for path in held_out if path[0] == 'a'} == {f'a/{i}.png' for i in range(6, 10)}


@pytest.mark.parametrize('name', ['list.csv', 'list.jsonl'])
def test_a_list_gives_the_same_samples_as_the_folders(root, tmp_path, name):
    pairs = [(p, c) for split in ('train', 'val') for p, c in samples(read(root, split))]
    lines = ['path,label', *(f'{path},{label}' for path, label in pairs)]
    if name == 'list.jsonl':
        lines = [f'{{"path": "{path}", "label": "{label}"}}' for path, label in pairs]
    list_file = tmp_path / name
    list_file.write_text('\n'.join(lines))
    for split in ('train', 'val'):
        listed = read(root, split, train_path=str(list_file))
        assert sorted(samples(listed)) == sorted(samples(read(root, split)))


def test_a_list_as_root_has_paths_relative_to_its_folder(tmp_path):
    images(tmp_path, *(f'x/{i}.png' for i in range(20)))
    rows = [f'x/{i}.png,{"ab"[i % 2]}' for i in range(20)] + ['x/gone.png,a', 'list.csv,b']
    (tmp_path / 'list.csv').write_text('\n'.join(['path,label', *rows]))
    dataset = read(tmp_path / 'list.csv')
    assert len(dataset) == 18 and dataset.metainfo['classes'] == ('a', 'b')
    found = {('unreadable image', 'gone.png'), ('unreadable image', 'list.csv')}
    assert problems(dataset) == found


def test_all_images_of_a_list_can_be_trained_on(tmp_path):
    images(tmp_path, *(f'x/{i}.png' for i in range(8)))
    rows = ['path,label', *(f'x/{i}.png,{"ab"[i % 2]}' for i in range(4))]
    (tmp_path / 'list.csv').write_text('\n'.join(rows))
    parts = [samples(read(tmp_path / 'list.csv', part, val_path='.')) for part in ('train', 'val')]
    assert len(parts[0]) == 4 and parts[0] == parts[1]


def numbered_list(tmp_path, labels):
    images(tmp_path, *(f'{i}.png' for i in range(len(labels))))
    rows = [f'{i}.png,{label}' for i, label in enumerate(labels)]
    (tmp_path / 'list.csv').write_text('\n'.join(['path,label', *rows]))
    return tmp_path / 'list.csv'


def test_indices_are_named_by_classes(tmp_path):
    path = numbered_list(tmp_path, [2, 1, 0] * 5)
    dataset = read(path, classes=['zebra', 'ant', 'fox'])
    assert len(dataset) == 12
    for path, name in samples(dataset):
        assert name == ('fox', 'ant', 'zebra')[int(path.removesuffix('.png')) % 3]


def test_numbers_without_names_are_in_order_of_size_and_get_a_note(tmp_path):
    dataset = read(numbered_list(tmp_path, [10, 9] * 5))
    assert dataset.metainfo['classes'] == ('9', '10')
    assert any("such as '9' say nothing" in line for line in dataset.report.to_lines())


@pytest.mark.parametrize('label', ['{}', '{}.0', '+{}', 'c{}', 'class {}', 'v1.{}'])
def test_numbers_in_labels_get_the_names_in_their_order(tmp_path, label):
    names = [f'name {i}' for i in range(12)]
    images(tmp_path, *(f'{i}_{n}.png' for i in range(12) for n in range(3)))
    rows = [f'{i}_{n}.png,{label.format(i)}' for n in range(3) for i in reversed(range(12))]
    (tmp_path / 'list.csv').write_text('\n'.join(['path,label', *rows]))
    dataset = read(tmp_path, train_path='list.csv', val_path='list.csv', classes=names)
    assert all(name == f'name {path.partition("_")[0]}' for path, name in samples(dataset))
    table = dataset.report.to_lines()[3:16]
    assert table[0].split() == ['label', 'name', 'CLIP', 'reads', 'images']
    found = label.format(10).lstrip('+').removesuffix('.0')
    assert table[11].split() == [*found.split(), *['name', '10'] * 2, '3']


def test_the_table_of_classes_has_no_second_name_where_there_is_none(root):
    table = read(root).report.to_lines()[3:7]
    assert [line.split() for line in table[::3]] == [
        ['label', 'CLIP', 'reads', 'images'],
        ['guinea_pig', 'guinea', 'pig', '5'],
    ]


def test_classes_of_their_own_in_folders_named_by_numbers_are_in_their_order(tmp_path):
    images(tmp_path, *(f'class_{i}/{n}.png' for i in range(1, 13) for n in range(3)))
    assert read(tmp_path, val_path='.').metainfo['classes'] == tuple(
        f'class_{i}' for i in range(1, 13)
    )


def test_folders_get_other_names_from_classes(root):
    names = ['cat', 'dog', 'guinea pig, a rodent']
    dataset = read(root, classes=names)
    assert dataset.metainfo['classes'] == tuple(names)
    found = read(root).data_list
    assert [i['gt_label'] for i in dataset.data_list] == [i['gt_label'] for i in found]


def test_parts_of_their_own_are_taken_as_they_are(tmp_path):
    images(tmp_path, *(f'train/{n}/{i}.png' for n in 'ab' for i in range(5)), 'val/b/0.png')
    options = dict(train_path='train', val_path='val')
    assert len(read(tmp_path, **options)) == 10
    assert samples(read(tmp_path, 'val', **options)) == [('val/b/0.png', 'b')]
    assert samples(read(tmp_path, 'val', **options, classes=['x', 'y'])) == [('val/b/0.png', 'y')]
    assert read(tmp_path, **options).report.notes == []


def test_all_images_can_be_trained_on(root):
    assert len(read(root, val_path='.')) == len(read(root, 'val', val_path='.')) == 26


def test_without_the_check_unreadable_images_stay(root):
    assert len(read(root, check_images=False)) + len(read(root, 'val', check_images=False)) == 29


ABC = [f'{name}/{i}.png' for name in 'abc' for i in range(4)]


@pytest.mark.parametrize(
    ('names', 'options', 'error', 'match'),
    [
        (ABC, dict(data_root=None), ValueError, 'data_root is not set: .*data_root=/path'),
        (ABC, dict(data_root='nowhere'), FileNotFoundError, "data_root 'nowhere' does not exist"),
        (ABC, dict(train_path='d'), FileNotFoundError, "/d' does not exist"),
        (ABC, dict(split='test'), ValueError, "found 'test'"),
        (ABC, dict(val_ratio=0), ValueError, 'val_ratio is 0: .* val_path'),
        (ABC, dict(val_ratio=0.01), ValueError, 'is left for validation .*larger val_ratio'),
        (['1.png'], {}, FileNotFoundError, 'no image in .*expected <class>/<image>'),
        (ABC[:4], {}, ValueError, "has the classes 'a': .* two or more"),
        (['train/a/1.png', 'val/a/1.png'], {}, ValueError, r"'train', 'val' are parts .*val_path"),
        (
            ['train/a/1.png', 'Test/a/1.png', 'docs/1.png'],
            {},
            ValueError,
            r"are 'Test', 'docs', 'train': 'Test', 'train' are parts of a data set",
        ),
        (ABC, dict(classes=['a', 'b']), ValueError, '`classes` has 2 names, but .* 3 classes'),
        (ABC, dict(classes=['a', 'c', 'b']), ValueError, "has 'c' where 'b' of"),
        (ABC, dict(classes=['x', 'x', 'c']), ValueError, 'each with a name of its own'),
        (['0/a.png', '3/a.png'], dict(classes=['x', 'y']), ValueError, 'has the label 3'),
        (ABC, dict(train_path='a', val_path='.'), FileNotFoundError, 'no image in .*/a'),
        (
            [*(f'train/{n}' for n in ABC), 'val/d/1.png'],
            dict(train_path='train', val_path='val', split='val'),
            ValueError,
            "/val' has classes that the training images do not have: 'd'",
        ),
    ],
)
def test_mistake_gets_one_clear_error(tmp_path, names, options, error, match):
    images(tmp_path, *names)
    with pytest.raises(error, match=match):
        read(**{'root': tmp_path, **_as_root(options)})


def _as_root(options: dict) -> dict:
    if 'data_root' not in options:
        return options
    return dict(root=options['data_root'] or '')


def test_class_without_a_readable_image_is_an_error_that_says_why(tmp_path):
    images(tmp_path, *ABC)
    for i in range(4):
        (tmp_path / f'b/{i}.png').write_bytes(b'')
    (tmp_path / 'empty_one').mkdir()
    with pytest.raises(ValueError, match="No image of 'b', 'empty_one'") as error:
        read(tmp_path)
    assert '/b/0.png (ValueError: it is empty)' in str(error.value)
