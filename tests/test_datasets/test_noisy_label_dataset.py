import copy
import pickle

import numpy as np
import pytest
import torch
from mmengine.dataset import ClassBalancedDataset, ConcatDataset, RepeatDataset, default_collate
from mmengine.registry import init_default_scope
from mmpretrain.datasets import CustomDataset, KFoldDataset
from torch.utils.data import DataLoader

from deft_mm.datasets import (
    DigitsDataset,
    NoisyLabelDataset,
    SymmetricNoise,
    clean_labels_of,
    given_labels_of,
)
from tests.test_datasets.dataset_utils import PACK, folder_dataset, image_folder, memory_dataset

NOISE = dict(type='SymmetricNoise', ratio=0.5, seed=1)


class Rotate:
    """A noise model whose every label is wrong."""

    def __call__(self, labels, num_classes, dataset=None):
        return (labels + 1) % num_classes


class Spy:
    """Keeps all that a pipeline is given."""

    def __init__(self):
        self.seen = []

    def __call__(self, results):
        self.seen.append(copy.deepcopy(results))
        return results


def wrapped(kind, dataset):
    if kind == 'plain':
        return dataset, list(range(len(dataset)))
    if kind == 'concat':
        return ConcatDataset([dataset, dataset]), [*range(len(dataset))] * 2
    if kind == 'repeat':
        return RepeatDataset(dataset, 2), [*range(len(dataset))] * 2
    if kind == 'balanced':
        balanced = ClassBalancedDataset(dataset, 0.9)
        return balanced, balanced.repeat_indices
    cfg = dict(type=type(dataset).__name__, data_prefix=dataset.img_prefix, pipeline=PACK)
    fold = KFoldDataset(cfg, fold=1, num_splits=3, seed=0)
    return fold, fold._ori_indices


KINDS = ['plain', 'concat', 'repeat', 'balanced', 'kfold']


@pytest.mark.parametrize('kind', KINDS)
def test_any_wrapper_gives_the_noisy_label_and_the_global_index_with_the_right_image(
    kind, tmp_path
):
    base = folder_dataset(image_folder(tmp_path / 'data'), pipeline=PACK)
    inner, order = wrapped(kind, base)
    dataset = NoisyLabelDataset(inner, Rotate())
    assert len(dataset) == len(inner) == len(order)
    clean = base.get_gt_labels()[order]
    np.testing.assert_array_equal(dataset.clean_labels, clean)
    np.testing.assert_array_equal(dataset.given_labels, (clean + 1) % 3)
    np.testing.assert_array_equal(dataset.get_gt_labels(), dataset.given_labels)
    for idx in range(len(dataset)):
        sample = dataset[idx]['data_samples']
        assert sample.sample_idx == idx
        assert sample.img_path == base.get_data_info(order[idx])['img_path']
        assert int(sample.gt_label) == dataset.given_labels[idx]
        assert dataset.get_cat_ids(idx) == [dataset.given_labels[idx]]
        info = dataset.get_data_info(idx)
        assert info['gt_label'] == dataset.given_labels[idx] and info['sample_idx'] == idx


def test_pipeline_never_sees_the_clean_label(tmp_path):
    # Label noise may not depend on what the pipeline could find out: everything it is given is
    # the same, whatever the true labels are.
    given = np.arange(12) % 3
    seen = []
    for shift in (1, 2):
        truth = (given - shift) % 3
        spy = Spy()
        base = memory_dataset(tmp_path, truth, 'abc', pipeline=[spy, *PACK])
        dataset = NoisyLabelDataset(base, lambda labels, n, dataset: given)
        np.testing.assert_array_equal(dataset.clean_labels, truth)
        items = [dataset[idx]['data_samples'] for idx in range(12)]
        seen.append((spy.seen, [item.to_dict() for item in items]))
    assert seen[0] == seen[1]
    assert [info['gt_label'] for info in seen[0][0]] == given.tolist()


def test_soft_labels_of_the_wrapped_data_set_do_not_reach_the_pipeline(tmp_path):
    base = memory_dataset(tmp_path, [0, 1, 2], 'abc')
    for info in base.data_list:
        info['gt_score'] = np.eye(3)[info['gt_label']]
    assert 'gt_score' not in NoisyLabelDataset(base, Rotate())[0]['data_samples']


def test_without_noise_the_truth_is_unknown_and_the_labels_stay(tmp_path):
    base = memory_dataset(tmp_path, [0, 2, 1], 'abc')
    dataset = NoisyLabelDataset(base)
    assert dataset.clean_labels is None
    assert dataset.given_labels.dtype == np.int64
    assert dataset.given_labels.tolist() == [0, 2, 1]
    assert clean_labels_of(base) is None


def test_truth_is_known_through_stock_wrappers_and_a_second_wrapper_of_ours(tmp_path):
    init_default_scope('mmpretrain')
    digits = dict(type='DigitsDataset', indices=20, pipeline=PACK)
    noisy = dict(type='NoisyLabelDataset', dataset=digits, noise=NOISE)
    concat = ConcatDataset([noisy, noisy])
    one = NoisyLabelDataset(noisy)
    np.testing.assert_array_equal(one.clean_labels, DigitsDataset(indices=20).get_gt_labels())
    assert (one.clean_labels != one.given_labels).any()
    np.testing.assert_array_equal(clean_labels_of(concat), np.tile(one.clean_labels, 2))
    np.testing.assert_array_equal(given_labels_of(concat), np.tile(one.given_labels, 2))
    # Known of one half only: not known.
    assert clean_labels_of(ConcatDataset([noisy, digits])) is None


def test_noise_upon_noise_keeps_the_first_truth(tmp_path):
    base = memory_dataset(tmp_path, [0, 1, 2], 'abc')
    twice = NoisyLabelDataset(NoisyLabelDataset(base, Rotate()), Rotate())
    assert twice.given_labels.tolist() == [2, 0, 1]
    assert twice.clean_labels.tolist() == [0, 1, 2]


def test_works_inside_the_stock_class_balanced_wrapper_with_its_noisy_labels():
    init_default_scope('mmpretrain')
    cfg = dict(
        type='NoisyLabelDataset',
        dataset=dict(type='DigitsDataset', indices=50),
        noise=dict(type='SymmetricNoise', ratio=0.9),
    )
    balanced = ClassBalancedDataset(cfg, oversample_thr=0.1)
    counts = np.bincount(given_labels_of(balanced), minlength=10)
    noisy_counts = np.bincount(NoisyLabelDataset(cfg['dataset'], cfg['noise']).given_labels)
    rare = noisy_counts < 5
    np.testing.assert_array_equal(counts, np.where(rare, 2, 1) * noisy_counts)


def test_lazy_init_reads_nothing_until_full_init(tmp_path):
    root = image_folder(tmp_path / 'data')
    cfg = dict(type='CustomDataset', data_prefix=str(root), pipeline=PACK, lazy_init=True)
    dataset = NoisyLabelDataset(cfg, NOISE, lazy_init=True)
    assert not dataset._fully_initialized and not dataset.dataset._fully_initialized
    assert 'classes' not in dataset.metainfo
    dataset.full_init()
    assert dataset.metainfo['classes'] == ('class_0', 'class_1', 'class_2')
    assert dataset.metainfo['classes'] == dataset.CLASSES
    assert dataset.class_to_idx['class_2'] == 2
    labels = dataset.given_labels
    dataset.full_init()
    assert dataset.given_labels is labels
    # What needs the annotations asks for them itself.
    assert len(NoisyLabelDataset(cfg, NOISE, lazy_init=True)) == 12
    assert len(NoisyLabelDataset(cfg, NOISE, lazy_init=True).given_labels) == 12


def test_training_replaces_a_sample_whose_pipeline_returns_none(tmp_path):
    root = image_folder(tmp_path / 'data')
    (root / 'class_0' / '0.png').unlink()
    (root / 'class_0' / '1.png').write_text('')
    pipeline = [dict(type='LoadImageFromFile', ignore_empty=True), *PACK]
    ann = '\n'.join(f'class_{i // 4}/{i % 4}.png {i // 4}' for i in range(12))
    (tmp_path / 'ann.txt').write_text(ann)
    base = CustomDataset(
        data_prefix=str(root),
        ann_file=str(tmp_path / 'ann.txt'),
        metainfo=dict(classes=list('abc')),
        pipeline=pipeline,
    )
    dataset = NoisyLabelDataset(base, Rotate())
    found = {dataset[0]['data_samples'].sample_idx for _ in range(20)}
    assert 0 not in found and len(found) > 1
    replaced = dataset[0]['data_samples']
    assert int(replaced.gt_label) == dataset.given_labels[replaced.sample_idx]

    base.test_mode = True
    with pytest.raises(ValueError, match=r'sample 0 .*class_0.0\.png'):
        dataset[0]

    base.test_mode, base.max_refetch = False, 2
    base.pipeline = lambda results: None
    with pytest.raises(ValueError, match='3 attempts'):
        dataset[5]


@pytest.mark.parametrize('workers', [0, 2])
def test_dataloader_workers_get_the_same_samples(workers):
    dataset = NoisyLabelDataset(DigitsDataset(indices=30, pipeline=PACK), NOISE)
    loader = DataLoader(dataset, 8, num_workers=workers, collate_fn=default_collate)
    samples = [sample for batch in loader for sample in batch['data_samples']]
    assert [sample.sample_idx for sample in samples] == list(range(30))
    assert torch.cat([s.gt_label for s in samples]).tolist() == dataset.given_labels.tolist()


@pytest.mark.parametrize('duplicate', [copy.deepcopy, lambda d: pickle.loads(pickle.dumps(d))])
def test_copies_are_equal(duplicate):
    dataset = NoisyLabelDataset(DigitsDataset(indices=30, pipeline=PACK), NOISE)
    other = duplicate(dataset)
    np.testing.assert_array_equal(other.given_labels, dataset.given_labels)
    assert other[3]['data_samples'].to_dict() == dataset[3]['data_samples'].to_dict()


def test_indices_count_from_the_end_and_end_at_the_length():
    dataset = NoisyLabelDataset(DigitsDataset(indices=30, pipeline=PACK), NOISE)
    assert dataset[-1]['data_samples'].sample_idx == 29
    assert dataset.get_data_info(-30)['sample_idx'] == 0
    with pytest.raises(IndexError):
        dataset[30]
    with pytest.raises(IndexError):
        dataset.get_data_info(-31)


def test_repr_states_the_noise_and_the_realised_rate():
    dataset = NoisyLabelDataset(DigitsDataset(), NOISE)
    rate = np.mean(dataset.given_labels != dataset.clean_labels)
    assert 'ratio=0.5' in repr(dataset) and f'{rate:.2%}' in repr(dataset)


def test_data_set_mistakes_are_named(tmp_path):
    with pytest.raises(TypeError, match='found list'):
        NoisyLabelDataset([1, 2])
    with pytest.raises(ValueError, match='class names'):
        NoisyLabelDataset(memory_dataset(tmp_path, [0, 1], []), NOISE)
    with pytest.raises(ValueError, match='sample 2 the label 3.*3 class names'):
        NoisyLabelDataset(memory_dataset(tmp_path, [0, 1, 3], 'abc'), NOISE)
    multi_label = memory_dataset(tmp_path, [0, 1], 'ab')
    multi_label.data_list[1]['gt_label'] = [0, 1]
    with pytest.raises(ValueError, match='Sample 1 .*multi-label'):
        NoisyLabelDataset(multi_label)
    unlabelled = CustomDataset(
        data_prefix=str(image_folder(tmp_path / 'data')), with_label=False, pipeline=PACK
    )
    with pytest.raises(ValueError, match='Sample 0 .*None'):
        NoisyLabelDataset(unlabelled)
    with pytest.raises(TypeError, match='CustomDataset|indices'):
        NoisyLabelDataset(DigitsDataset(), NOISE).get_subset([0])


def test_noise_mistakes_are_named():
    digits = DigitsDataset(indices=10)
    with pytest.raises(ValueError, match='Unknown noise'):
        NoisyLabelDataset(digits, dict(type='NoNoise'))
    with pytest.raises(TypeError, match='noise'):
        NoisyLabelDataset(digits, 0.4)
    with pytest.raises(ValueError, match='shape'):
        NoisyLabelDataset(digits, lambda labels, n, dataset: labels[:5])
    with pytest.raises(ValueError, match='label 10'):
        NoisyLabelDataset(digits, lambda labels, n, dataset: np.full(10, 10))


def test_data_set_with_a_preparation_of_its_own_is_refused_by_name():
    class OwnWay(DigitsDataset):
        def prepare_data(self, idx):
            return self.get_data_info(0)

    with pytest.raises(TypeError, match='OwnWay'):
        NoisyLabelDataset(OwnWay())


def test_noise_model_instances_are_taken_as_they_are():
    digits = DigitsDataset(indices=100)
    one = NoisyLabelDataset(digits, SymmetricNoise(0.5, seed=1))
    two = NoisyLabelDataset(digits, NOISE)
    np.testing.assert_array_equal(one.given_labels, two.given_labels)
