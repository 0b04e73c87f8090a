from pathlib import Path

import pytest

from deft_mm.datasets import Animal10N, given_labels_of, img_paths_of
from miniatures import animal10n


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp('data')
    animal10n.make(root)
    return root


def test_file_names_give_labels_and_order(root):
    dataset = Animal10N(str(root))
    names = [Path(path).name for path in img_paths_of(dataset)]
    assert names == sorted(names) and len(names) == 10
    assert given_labels_of(dataset).tolist() == [0, 0, 0, 3, 3, 5, 5, 9, 9, 9]
    test = Animal10N(str(root), split='test')
    assert [Path(path).name for path in img_paths_of(test)] == [
        '0_11.jpg',
        '0_3.jpg',
        '5_2.jpg',
        '9_1.jpg',
    ]
    assert all(Path(path).is_file() for path in img_paths_of(dataset) + img_paths_of(test))


def test_class_names_are_in_the_order_of_the_labels(root):
    # the numbers of https://dm.kaist.ac.kr/datasets/animal-10n
    classes = Animal10N(str(root)).metainfo['classes']
    assert classes[:5] == ('cat', 'lynx', 'wolf', 'coyote', 'cheetah')
    assert classes[5:] == ('jaguar', 'chimpanzee', 'orangutan', 'hamster', 'guinea pig')


def test_a_folder_without_such_images_is_missing_them(tmp_path):
    (tmp_path / 'training').mkdir()
    (tmp_path / 'training' / 'cat.jpg').write_bytes(b'')
    with pytest.raises(FileNotFoundError, match='training/0_'):
        Animal10N(str(tmp_path))


def test_unknown_split_is_refused(root):
    with pytest.raises(ValueError, match='val'):
        Animal10N(str(root), split='val')
