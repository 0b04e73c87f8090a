import hashlib

import numpy as np
import pytest
from mmpretrain.registry import DATASETS
from sklearn.datasets import load_digits

from deft_mm.datasets import DigitsDataset


def images_and_labels(split):
    dataset = DigitsDataset(split=split)
    infos = [dataset.get_data_info(idx) for idx in range(len(dataset))]
    return np.stack([info['img'] for info in infos]), np.array([info['gt_label'] for info in infos])


def test_the_two_parts_make_up_the_whole():
    train, test = images_and_labels('train')[0], images_and_labels('test')[0]
    assert (len(train), len(test)) == (1297, 500)
    both = np.concatenate([train, test]).reshape(1797, -1)
    whole = np.rint(load_digits().data * 255 / 16).astype(np.uint8)
    assert sorted(map(bytes, both[:, ::3].copy())) == sorted(map(bytes, whole))


def test_the_split_is_stratified():
    train, test = (np.bincount(images_and_labels(split)[1]) for split in ('train', 'test'))
    np.testing.assert_allclose(test, (train + test) * 500 / 1797, atol=1)


def test_the_split_never_changes():
    labels = np.concatenate([images_and_labels(split)[1] for split in ('train', 'test')])
    digest = hashlib.sha256(labels.astype('<i8').tobytes()).hexdigest()[:16]
    assert digest == 'ece198e34ec20135'


def test_images_are_as_those_of_cifar():
    images, labels = images_and_labels('train')
    assert images.shape == (1297, 8, 8, 3) and images.dtype == np.uint8
    assert images.min() == 0 and images.max() == 255
    assert (images[..., 0] == images[..., 1]).all() and (images[..., 0] == images[..., 2]).all()
    sample = DATASETS.build(dict(type='DigitsDataset', pipeline=[dict(type='PackInputs')]))[7]
    assert sample['inputs'].shape == (3, 8, 8)
    assert int(sample['data_samples'].gt_label) == labels[7]


def test_class_names_can_be_exchanged_and_stay_in_order():
    assert DigitsDataset().metainfo['classes'][3] == 'three'
    names = [str(i) for i in range(10)]
    assert DigitsDataset(metainfo=dict(classes=names), lazy_init=True).metainfo['classes'] == names


def test_unknown_split_is_refused():
    with pytest.raises(ValueError, match='val'):
        DigitsDataset(split='val')
