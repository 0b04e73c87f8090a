"""InMemoryDataset: the samples of the data set that it wraps, decoded once."""

from __future__ import annotations

import shutil
from multiprocessing.reduction import ForkingPickler

import numpy as np
import pytest
import torch
from mmpretrain.registry import DATASETS
from PIL import Image
from torch.utils.data import DataLoader

from deft_mm.datasets import (
    CleanSubset,
    InMemoryDataset,
    NoisyLabelDataset,
    dataset_fingerprint,
    evaluation_view,
    scoring_collate,
)
from tests.test_datasets.dataset_utils import LOAD_AND_PACK, PACK, folder_dataset, image_folder

NOISE = dict(type='SymmetricNoise', ratio=0.5, seed=0)


@pytest.fixture
def root(tmp_path):
    return image_folder(tmp_path / 'data')


def same_samples(one, two) -> bool:
    return all(
        torch.equal(left['inputs'], right['inputs'])
        and left['data_samples'].to_dict().keys() == right['data_samples'].to_dict().keys()
        and left['data_samples'].gt_label == right['data_samples'].gt_label
        and left['data_samples'].metainfo == right['data_samples'].metainfo
        for left, right in zip(one, two, strict=True)
    )


def test_samples_are_those_of_the_data_set_though_its_files_are_gone(root):
    plain = folder_dataset(root)
    expected = [plain[i] for i in range(len(plain))]
    dataset = InMemoryDataset(folder_dataset(root, pipeline=PACK))
    shutil.rmtree(root)
    assert same_samples([dataset[i] for i in range(len(dataset))], expected)
    assert dataset.metainfo == plain.metainfo and dataset[-1]['data_samples'].gt_label == 2


def test_progress_of_decoding_is_logged(root, progress_lines):
    InMemoryDataset(folder_dataset(root))
    assert len(progress_lines) == 11
    assert progress_lines[0].startswith('Decoded 1 of 12 images')


def test_noise_scoring_and_subsets_do_not_see_the_difference(root):
    plain = NoisyLabelDataset(folder_dataset(root), NOISE)
    cfg = dict(
        type='InMemoryDataset',
        dataset=dict(type='CustomDataset', data_prefix=str(root), pipeline=PACK),
    )
    dataset = DATASETS.build(dict(type='NoisyLabelDataset', dataset=cfg, noise=NOISE))
    assert dataset_fingerprint(dataset) == dataset_fingerprint(plain)
    assert np.array_equal(dataset.clean_labels, plain.clean_labels)
    mask = [True, False] * 6
    for one, two in (
        (dataset, plain),
        (CleanSubset(dataset, mask), CleanSubset(plain, mask)),
        (evaluation_view(dataset, PACK), evaluation_view(plain, LOAD_AND_PACK)),
    ):
        assert same_samples([one[i] for i in range(len(one))], [two[i] for i in range(len(two))])


def test_transforms_that_write_into_the_image_do_not_change_what_is_kept(root):
    def blacken(results):
        results['img'][...] = 0
        return results

    dataset = InMemoryDataset(folder_dataset(root, pipeline=[blacken, *PACK]))
    before = dataset.get_data_info(11)['img'].copy()
    assert before.any() and not dataset[11]['inputs'].any()
    assert np.array_equal(dataset.get_data_info(11)['img'], before)


def test_what_does_not_fit_is_decoded_each_time_and_logged(root, capsys):
    size = 12 * 6 * 5 * 3
    dataset = InMemoryDataset(folder_dataset(root, pipeline=PACK), max_bytes=size - 1)
    plain = folder_dataset(root)
    assert same_samples([dataset[i] for i in range(12)], [plain[i] for i in range(12)])
    assert 'max_bytes=1079 of InMemoryDataset' in capsys.readouterr().out
    shutil.rmtree(root)
    with pytest.raises(ValueError, match=r'class_0/2\.png.*sample 2.*cannot be read'):
        dataset[2]


def test_images_that_just_fit_are_kept(root):
    dataset = InMemoryDataset(folder_dataset(root, pipeline=PACK), max_bytes=12 * 6 * 5 * 3)
    shutil.rmtree(root)
    assert dataset[2]['inputs'].shape == (3, 6, 5)


def test_resized_images_can_be_kept(root):
    Image.fromarray(np.zeros((9, 9, 3), dtype=np.uint8)).save(root / 'class_1' / '1.png')
    transforms = [dict(type='LoadImageFromFile'), dict(type='Resize', scale=(4, 3))]
    dataset = InMemoryDataset(folder_dataset(root, pipeline=PACK), transforms)
    assert {tuple(dataset[i]['inputs'].shape) for i in range(12)} == {(3, 3, 4)}


def test_images_of_several_sizes_are_an_error_that_says_what_to_do(root):
    Image.fromarray(np.zeros((9, 9, 3), dtype=np.uint8)).save(root / 'class_1' / '1.png')
    with pytest.raises(ValueError, match=r'class_1/1\.png.*sample 5.*\(9, 9, 3\).*add a Resize'):
        InMemoryDataset(folder_dataset(root, pipeline=PACK))


@pytest.mark.parametrize('ignore_empty', [False, True])
def test_unreadable_image_is_named(root, ignore_empty):
    (root / 'class_1' / '1.png').write_bytes(b'no image')
    load = [dict(type='LoadImageFromFile', ignore_empty=ignore_empty)]
    with pytest.raises(ValueError, match=r'class_1/1\.png.*sample 5'):
        InMemoryDataset(folder_dataset(root, pipeline=PACK), load)


def test_transforms_that_give_no_bytes_are_named(root):
    load = [dict(type='LoadImageFromFile', to_float32=True)]
    with pytest.raises(ValueError, match='must turn .* into a uint8 array .*found float32'):
        InMemoryDataset(folder_dataset(root, pipeline=PACK), load)


def test_lazy_init_decodes_on_first_use(root):
    dataset = InMemoryDataset(folder_dataset(root, pipeline=PACK, lazy_init=True), lazy_init=True)
    assert not hasattr(dataset, '_images')
    assert len(dataset) == 12 and dataset[0]['inputs'].shape == (3, 6, 5)


def test_workers_get_the_same_samples_and_no_copy_of_the_images(root):
    for i in range(12):
        pixels = np.random.RandomState(i).randint(0, 256, (200, 200, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(root / f'class_{i // 4}' / f'{i % 4}.png')
    dataset = InMemoryDataset(folder_dataset(root, pipeline=PACK))
    loader = DataLoader(dataset, 5, num_workers=1, collate_fn=scoring_collate)
    inputs = [image for batch in loader for image in batch['inputs']]
    assert all(torch.equal(inputs[i], dataset[i]['inputs']) for i in range(12))
    # what a spawned worker is sent; 12 images are 1.4 MB
    assert len(ForkingPickler.dumps(dataset)) < 20000
