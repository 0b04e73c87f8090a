import pickle
from pathlib import Path

import numpy as np
import pytest
from mmpretrain.datasets import CIFAR10

from deft_mm.datasets import CIFAR10Dataset, HumanNoise, NoisyLabelDataset, given_labels_of
from miniatures import cifar10, cifar10n


@pytest.fixture
def root(tmp_path):
    cifar10n.make(tmp_path)
    yield tmp_path
    cifar10n.undo()


def test_batches_are_read_in_the_order_of_the_files(root):
    train, test = CIFAR10Dataset(str(root)), CIFAR10Dataset(str(root), split='test')
    assert given_labels_of(train).tolist() == list(cifar10.TRAIN_LABELS)
    assert given_labels_of(test).tolist() == list(cifar10.TEST_LABELS)
    assert train.metainfo['classes'] == tuple(cifar10.NAMES.split())
    with open(root / 'cifar-10-batches-py/data_batch_2', 'rb') as file:
        stored = pickle.load(file)['data'][1].reshape(3, 32, 32)
    np.testing.assert_array_equal(train.get_data_info(3)['img'].transpose(2, 0, 1), stored)


@pytest.mark.parametrize('key', ['worse_label', 'aggre_label', 'random_label3'])
def test_human_labels_are_given_and_the_true_ones_kept_for_metrics(root, key):
    noise = HumanNoise(root / 'CIFAR-10_human.pt', key)
    dataset = NoisyLabelDataset(CIFAR10Dataset(str(root)), noise)
    assert dataset.clean_labels.tolist() == list(cifar10.TRAIN_LABELS)
    wrong = np.mean(dataset.given_labels != dataset.clean_labels)
    assert wrong == (0.4 if key == 'worse_label' else 0.1)
    if key == 'worse_label':
        assert dataset.given_labels.tolist() == list(cifar10n.WORSE_LABELS)


def test_files_with_other_checksums_are_never_unpickled(root):
    flag = root / 'code has run'
    batch = root / 'cifar-10-batches-py/test_batch'
    batch.write_bytes(pickle.dumps(Execute(flag)))
    with pytest.raises(FileNotFoundError, match=f"'{batch}' is not the published file.*MD5"):
        CIFAR10Dataset(str(root), download=False)
    assert not flag.exists()
    pickle.loads(batch.read_bytes())  # as it would have been
    assert flag.exists()


class Execute:
    """Unpickling it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


def test_the_miniature_leaves_the_published_checksums_behind(root):
    assert CIFAR10Dataset.train_list != CIFAR10.train_list
    cifar10.undo()
    assert CIFAR10Dataset.train_list is CIFAR10.train_list
    assert CIFAR10Dataset.test_list is CIFAR10.test_list
    with pytest.raises(FileNotFoundError, match='data_batch_1.* is not the published file'):
        CIFAR10Dataset(str(root), download=False)
