import numpy as np
import pytest
from mmengine.dataset import ConcatDataset, RepeatDataset

from deft_mm.datasets import DigitsDataset, NoisyLabelDataset, dataset_fingerprint
from tests.test_datasets.dataset_utils import PACK, folder_dataset, image_folder, memory_dataset

NOISE = dict(type='SymmetricNoise', ratio=0.5, seed=1)


def test_wrapping_without_noise_changes_nothing(tmp_path):
    for base in (DigitsDataset(), folder_dataset(image_folder(tmp_path / 'data'))):
        assert dataset_fingerprint(NoisyLabelDataset(base)) == dataset_fingerprint(base)


def test_noise_changes_the_given_labels_only():
    clean = dataset_fingerprint(DigitsDataset())
    noisy = dataset_fingerprint(NoisyLabelDataset(DigitsDataset(), NOISE))
    other = dataset_fingerprint(NoisyLabelDataset(DigitsDataset(), dict(NOISE, seed=2)))
    assert clean.differing_parts(noisy) == ['given_labels']
    assert other.differing_parts(noisy) == ['given_labels']
    assert noisy == dataset_fingerprint(NoisyLabelDataset(DigitsDataset(), NOISE))


def test_place_and_way_of_naming_it_do_not_matter(tmp_path, monkeypatch):
    root = image_folder(tmp_path / 'some' / 'data')
    expected = dataset_fingerprint(folder_dataset(root))
    root.rename(tmp_path / 'data')
    monkeypatch.chdir(tmp_path)
    for root in ('data', './data', tmp_path / 'data', f'{tmp_path}/data/'):
        assert dataset_fingerprint(folder_dataset(root)) == expected


def test_path_separator_does_not_matter(tmp_path):
    unix = memory_dataset(tmp_path, [0, 1, 0, 1], 'ab')
    windows = memory_dataset(tmp_path, [0, 1, 0, 1], 'ab')
    for info in windows.data_list:
        info['img_path'] = 'D:\\images\\' + info['img_path'].replace('/', '\\')
    assert dataset_fingerprint(unix) == dataset_fingerprint(windows)


def test_every_part_is_told_apart(tmp_path):
    def taken(labels=(0, 1, 0, 1), classes='ab', **options):
        return dataset_fingerprint(memory_dataset(tmp_path, labels, classes, **options))

    assert taken().differing_parts(taken()) == []
    assert taken().differing_parts(taken(classes='ba')) == ['class_names']
    assert taken().differing_parts(taken(labels=(0, 1, 1, 1))) == ['given_labels']
    assert 'num_samples' in taken().differing_parts(taken(labels=(0, 1, 0)))
    assert 'images' in taken().differing_parts(taken(indices=[1, 0, 2, 3]))


def test_images_in_memory_are_told_apart_by_their_pixels():
    train = dataset_fingerprint(DigitsDataset(indices=100))
    base = DigitsDataset(indices=100, serialize_data=False)
    assert dataset_fingerprint(base) == train
    base.data_list[50]['img'] = base.data_list[50]['img'].copy()
    base.data_list[50]['img'][0, 0, 0] ^= 1
    assert train.differing_parts(dataset_fingerprint(base)) == ['images']


def test_wrappers_that_repeat_are_other_data_sets(tmp_path):
    base = folder_dataset(image_folder(tmp_path / 'data'), pipeline=PACK)
    twice = dataset_fingerprint(RepeatDataset(base, 2))
    assert twice.num_samples == 24
    assert twice == dataset_fingerprint(ConcatDataset([base, base]))


def test_class_names_are_needed(tmp_path):
    with pytest.raises(ValueError, match='class names'):
        dataset_fingerprint(memory_dataset(tmp_path, [0], []))


def test_label_type_does_not_matter(tmp_path):
    plain = memory_dataset(tmp_path, [0, 1], 'ab')
    expected = dataset_fingerprint(plain)
    for type_ in (np.int32, np.uint8, np.array):
        for info in plain.data_list:
            info['gt_label'] = type_(info['gt_label'])
        assert dataset_fingerprint(plain) == expected
