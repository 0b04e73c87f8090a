import gzip

import numpy as np
import pytest
from mmpretrain.datasets import MNIST

from deft_mm.datasets import MNISTDataset, given_labels_of
from miniatures import mnist


@pytest.fixture
def root(tmp_path):
    mnist.make(tmp_path)
    return tmp_path


@pytest.mark.parametrize('test_mode', [False, True])
def test_the_split_alone_chooses_the_files(root, test_mode):
    train, test = (
        MNISTDataset(str(root), split=split, test_mode=test_mode) for split in ('train', 'test')
    )
    assert given_labels_of(train).tolist() == list(mnist.TRAIN_LABELS)
    assert given_labels_of(test).tolist() == list(mnist.TEST_LABELS)
    assert train.test_mode == test.test_mode == test_mode


def test_images_have_three_channels_equal_to_the_stored_one(root):
    dataset = MNISTDataset(str(root))
    stored = np.frombuffer((root / 'train-images-idx3-ubyte').read_bytes()[16:], dtype=np.uint8)
    for idx, image in enumerate(stored.reshape(-1, 28, 28)):
        info = dataset.get_data_info(idx)
        assert info['img'].shape == (28, 28, 3) and info['img'].dtype == np.uint8
        assert (info['img'] == image[..., None]).all()


def test_class_names_are_words_in_the_order_of_the_digits():
    numbers = MNIST.METAINFO['classes']  # '0 - zero'
    names = MNISTDataset.METAINFO['classes']
    assert [f'{i} - {name}' for i, name in enumerate(names)] == list(numbers)


def test_packed_files_are_unpacked(root, monkeypatch):
    lists = {}
    for attribute in ('train_list', 'test_list'):
        lists[attribute] = []
        for name, _ in getattr(MNIST, attribute):
            unpacked = root / name.removesuffix('.gz')
            (root / name).write_bytes(gzip.compress(unpacked.read_bytes()))
            unpacked.unlink()
            lists[attribute].append([name, None])
        monkeypatch.setattr(MNISTDataset, attribute, lists[attribute])
    assert given_labels_of(MNISTDataset(str(root))).tolist() == list(mnist.TRAIN_LABELS)


def test_a_truncated_file_is_one_error(root):
    path = root / 'train-images-idx3-ubyte'
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(FileNotFoundError, match='train-images-idx3-ubyte.* is damaged'):
        MNISTDataset(str(root))
