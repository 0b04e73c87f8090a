import pytest
from mmpretrain.datasets import CIFAR100

from deft_mm.datasets import CIFAR100Dataset, HumanNoise, NoisyLabelDataset, given_labels_of
from miniatures import cifar100, cifar100n


@pytest.fixture
def root(tmp_path):
    cifar100n.make(tmp_path)
    yield tmp_path
    cifar100n.undo()


def test_labels_are_the_fine_ones(root):
    train, test = CIFAR100Dataset(str(root)), CIFAR100Dataset(str(root), split='test')
    assert given_labels_of(train).tolist() == list(cifar100.TRAIN_LABELS)
    assert given_labels_of(test).tolist() == list(cifar100.TEST_LABELS)


def test_one_class_name_differs_from_mmpretrains():
    pairs = zip(CIFAR100Dataset.METAINFO['classes'], CIFAR100.METAINFO['classes'], strict=True)
    assert [pair for pair in pairs if pair[0] != pair[1]] == [('computer_keyboard', 'keyboard')]


def test_human_labels_are_given_and_the_true_ones_kept_for_metrics(root):
    noise = HumanNoise(root / 'CIFAR-100_human.pt', 'noisy_label')
    dataset = NoisyLabelDataset(CIFAR100Dataset(str(root)), noise)
    assert dataset.given_labels.tolist() == list(cifar100n.NOISY_LABELS)
    assert dataset.clean_labels.tolist() == list(cifar100.TRAIN_LABELS)


def test_a_missing_file_is_named(root):
    (root / 'cifar-100-python/test').unlink()
    with pytest.raises(FileNotFoundError, match="'.*/cifar-100-python/test' is missing"):
        CIFAR100Dataset(str(root), download=False)
