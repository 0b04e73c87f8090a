import pytest
from mmengine.dataset import Compose, ConcatDataset, RepeatDataset
from mmpretrain.registry import TRANSFORMS
from torch.utils.data import DataLoader

from deft_mm.datasets import (
    CleanSubset,
    DigitsDataset,
    NoisyLabelDataset,
    evaluation_view,
    scoring_collate,
)
from tests.test_datasets.dataset_utils import LOAD_AND_PACK, PACK, folder_dataset, image_folder

NOISE = dict(type='SymmetricNoise', ratio=0.5)


def broken_folder(tmp_path, how):
    root = image_folder(tmp_path / 'data')
    dataset = folder_dataset(root)
    path = root / 'class_1' / '0.png'
    path.unlink() if how == 'missing' else path.write_bytes(path.read_bytes()[:20])
    return dataset


def chains(tmp_path):
    base = folder_dataset(image_folder(tmp_path / 'data'))
    noisy = NoisyLabelDataset(base, NOISE)
    yield base, 12
    yield noisy, 12
    yield ConcatDataset([base, base]), 24
    yield RepeatDataset(base, 3), 36
    yield CleanSubset(noisy, [True, False] * 6), 6


def test_every_position_has_its_own_index_whatever_the_wrapper(tmp_path):
    for dataset, size in chains(tmp_path):
        view = evaluation_view(dataset, LOAD_AND_PACK)
        assert len(view) == size
        samples = [view[idx]['data_samples'] for idx in range(size)]
        assert [sample.sample_idx for sample in samples] == list(range(size))
        labels = [int(sample.gt_label) for sample in samples]
        assert labels == [dataset.get_data_info(idx)['gt_label'] for idx in range(size)]


def test_the_data_set_is_shared_and_left_as_it_is(tmp_path):
    base = DigitsDataset(indices=20, pipeline=PACK)
    dataset = NoisyLabelDataset(base, NOISE)
    view = evaluation_view(dataset, [dict(type='Resize', scale=16), *PACK])
    assert view[0]['inputs'].shape == (3, 16, 16)
    assert dataset[0]['inputs'].shape == (3, 8, 8)
    assert view.dataset is dataset and not base.test_mode


@pytest.mark.parametrize('built', [False, True])
def test_pipelines_are_taken_as_configs_or_built(built):
    pipeline = [dict(type='Resize', scale=16), dict(type='PackInputs')]
    if built:
        pipeline = Compose([TRANSFORMS.build(cfg) for cfg in pipeline])
    assert evaluation_view(DigitsDataset(), pipeline)[3]['inputs'].shape == (3, 16, 16)


@pytest.mark.parametrize('how', ['missing', 'truncated'])
@pytest.mark.parametrize('ignore_empty', [False, True])
def test_unreadable_image_is_an_error_with_path_and_index(tmp_path, how, ignore_empty):
    dataset = NoisyLabelDataset(broken_folder(tmp_path, how), NOISE)
    load = [dict(type='LoadImageFromFile', ignore_empty=ignore_empty), *PACK]
    view = evaluation_view(dataset, load)
    assert view[3] is not None
    with pytest.raises(ValueError, match=r'class_1.0\.png.*sample 4.*skip_unreadable'):
        view[4]


@pytest.mark.parametrize('workers', [0, 1])
def test_skipped_samples_are_missing_from_the_batches_and_never_replaced(tmp_path, workers):
    dataset = broken_folder(tmp_path, 'missing')
    view = evaluation_view(dataset, LOAD_AND_PACK, skip_unreadable=True)
    assert view[4] is None
    loader = DataLoader(view, 4, num_workers=workers, collate_fn=scoring_collate)
    indices = [[sample.sample_idx for sample in batch['data_samples']] for batch in loader]
    assert indices == [[0, 1, 2, 3], [5, 6, 7], [8, 9, 10, 11]]
    single = list(DataLoader(view, 1, collate_fn=scoring_collate))
    assert single[4] is None and len(single) == 12


def test_mistake_in_the_pipeline_is_not_taken_for_an_unreadable_image(tmp_path):
    def mistaken(results):
        raise KeyError('no such key')

    view = evaluation_view(
        folder_dataset(image_folder(tmp_path / 'data')),
        [LOAD_AND_PACK[0], mistaken],
        skip_unreadable=True,
    )
    with pytest.raises(KeyError, match='no such key'):
        view[0]


def test_index_beyond_the_end_ends_an_iteration():
    assert len(list(iter(evaluation_view(DigitsDataset(indices=5), PACK)))) == 5
