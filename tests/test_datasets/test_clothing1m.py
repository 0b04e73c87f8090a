import random
from pathlib import Path

import numpy as np
import pytest

from deft_mm.datasets import (
    Clothing1M,
    NoisyLabelDataset,
    clean_labels_of,
    given_labels_of,
    img_paths_of,
)
from deft_mm.datasets.clothing1m import balanced_subset
from miniatures import clothing1m


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp('data')
    clothing1m.make(root)
    return root


def test_class_names_are_those_of_the_papers_prompts_in_the_order_of_the_labels(root):
    names = (root / 'category_names_eng.txt').read_text().splitlines()
    assert list(Clothing1M.METAINFO['classes']) == names
    assert (names[0], names[8], names[13]) == ('T-Shirt', 'Downcoat', 'Underwear')


def test_full_training_set_has_the_noisy_labels_in_the_order_of_the_list(root):
    dataset = Clothing1M(str(root), subset='full')
    keys = (root / 'noisy_train_key_list.txt').read_text().split()
    assert img_paths_of(dataset) == [f'{root}/{key}' for key in keys]
    assert all(Path(path).is_file() for path in img_paths_of(dataset))
    assert given_labels_of(dataset).tolist() == [5] * 8 + [0] * 6 + [13] * 4 + [2] * 2
    assert clean_labels_of(dataset) is None


@pytest.mark.parametrize('split, labels', [('val', [13, 12, 11, 10]), ('test', [0, 1, 2, 3, 4])])
def test_other_parts_have_the_clean_labels(root, split, labels):
    # two of these images have another, noisy label
    assert given_labels_of(Clothing1M(str(root), split=split)).tolist() == labels


def test_verified_part_has_noisy_labels_and_knows_the_true_ones(root):
    dataset = NoisyLabelDataset(Clothing1M(str(root), subset='verified'))
    assert given_labels_of(dataset).tolist() == [1, 7, 2]
    assert clean_labels_of(dataset).tolist() == [1, 2, 2]
    part = Clothing1M(str(root), subset='verified', indices=[2, 1])
    assert clean_labels_of(part).tolist() == [2, 2]


def test_balanced_part_is_a_part_of_the_full_set_with_its_labels(root):
    full = Clothing1M(str(root), subset='full')
    labels = dict(zip(img_paths_of(full), given_labels_of(full), strict=True))
    dataset = Clothing1M(str(root), subset_size=28)
    paths = img_paths_of(dataset)
    assert len(set(paths)) == len(paths) == 8
    assert given_labels_of(dataset).tolist() == [labels[path] for path in paths]
    np.testing.assert_array_equal(np.bincount(given_labels_of(dataset))[[0, 2, 5, 13]], 2)
    assert len(Clothing1M(str(root))) == 20  # of 32,000 wanted


def test_balanced_part_depends_on_the_seed_alone(root):
    def paths(seed):
        return img_paths_of(Clothing1M(str(root), subset_size=28, seed=seed))

    random.seed(5)
    first = paths(0)
    random.random()
    assert paths(0) == first
    assert set(paths(1)) != set(first)


def test_balanced_subset_is_the_references():
    # what the paper's reference code takes of 600 samples, `random` seeded with 0, 50 wanted
    labels = [(i * i + i // 90) % 14 for i in range(600)]
    taken = balanced_subset(labels, num_classes=14, size=50, seed=0)
    # fmt: off
    assert taken == [
        284, 398, 534, 411, 277, 34, 563, 464, 224, 405, 562, 412, 598, 376, 157, 454, 443, 416,
        199, 380, 44, 594, 596, 428, 116, 129, 364, 541, 279, 431, 24, 71, 88, 286, 363, 151, 211,
        538, 536, 474, 268, 17, 515, 254, 272, 514, 242, 136, 167, 498,
    ]
    # fmt: on


def test_balanced_subset_fills_every_class_that_is_large_enough():
    labels = np.repeat(np.arange(14), [900] * 13 + [20])
    counts = np.bincount(labels[balanced_subset(labels.tolist(), 14, 700, seed=3)])
    assert counts.tolist() == [50] * 13 + [20]


@pytest.mark.parametrize(
    'options, match', [(dict(split='valid'), 'valid'), (dict(subset='all'), 'all')]
)
def test_unknown_arguments_are_refused(root, options, match):
    with pytest.raises(ValueError, match=match):
        Clothing1M(str(root), **options)


def test_a_key_without_label_is_named(tmp_path):
    clothing1m.make(tmp_path)
    with (tmp_path / 'noisy_train_key_list.txt').open('a') as file:
        file.write('images/0/00/lost.jpg\n')
    with pytest.raises(ValueError, match='lost.jpg.*noisy_label_kv.txt'):
        Clothing1M(str(tmp_path), subset='full')


def test_a_missing_list_is_named(tmp_path):
    clothing1m.make(tmp_path)
    (tmp_path / 'clean_val_key_list.txt').unlink()
    assert len(Clothing1M(str(tmp_path))) == 20
    with pytest.raises(FileNotFoundError, match='clean_val_key_list.txt'):
        Clothing1M(str(tmp_path), split='val')
