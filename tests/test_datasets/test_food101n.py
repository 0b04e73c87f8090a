from pathlib import Path

import pytest
from mmpretrain.datasets import Food101

from deft_mm.datasets import Food101N, given_labels_of, img_paths_of
from miniatures import food101n


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp('data')
    food101n.make(root)
    return root


@pytest.mark.parametrize('split, count', [('train', 9), ('test', 4)])
def test_labels_are_the_places_of_the_class_folders_names(root, split, count):
    dataset = Food101N(str(root), split=split)
    classes = dataset.metainfo['classes']
    paths = [Path(path) for path in img_paths_of(dataset)]
    assert len(paths) == count and all(path.is_file() for path in paths)
    folders = [path.parent.name for path in paths]
    assert [classes[label] for label in given_labels_of(dataset)] == folders


def test_class_names_are_the_101_of_the_data_sets_own_list(root):
    for folder, header in (('Food-101N_release', 1), ('food-101', 0)):
        names = (root / folder / 'meta/classes.txt').read_text().splitlines()[header:]
        assert len(names) == 101 and set(names) == set(Food101N.METAINFO['classes'])


def test_test_part_is_mmpretrains_food101(root):
    ours = Food101N(str(root), split='test')
    theirs = Food101(str(root / 'food-101'), split='test')
    assert img_paths_of(ours) == img_paths_of(theirs)
    assert given_labels_of(ours).tolist() == given_labels_of(theirs).tolist()


def test_the_two_archives_are_asked_for_separately(tmp_path):
    food101n.make(tmp_path)
    (tmp_path / 'food-101/meta/test.txt').unlink()
    assert len(Food101N(str(tmp_path))) == 9
    with pytest.raises(FileNotFoundError, match='food-101/meta/test.txt'):
        Food101N(str(tmp_path), split='test')


def test_a_line_of_no_class_is_named(tmp_path):
    food101n.make(tmp_path)
    with (tmp_path / 'Food-101N_release/meta/imagelist.tsv').open('a') as file:
        file.write('stones/1.jpg\n')
    with pytest.raises(ValueError, match='imagelist.tsv.*stones/1.jpg'):
        Food101N(str(tmp_path))


def test_unknown_split_is_refused(root):
    with pytest.raises(ValueError, match='val'):
        Food101N(str(root), split='val')
