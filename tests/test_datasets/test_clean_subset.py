import copy
import pickle
from pathlib import Path

import numpy as np
import pytest
from mmengine.config import ConfigDict
from mmengine.dataset import ConcatDataset
from mmengine.registry import DATASETS, init_default_scope

from deft_mm.datasets import (
    CleanSubset,
    DigitsDataset,
    NoisyLabelDataset,
    RelabelledSubset,
    clean_labels_of,
    given_labels_of,
)
from tests.test_datasets.dataset_utils import PACK, folder_dataset, image_folder
from tests.test_datasets.selection_wrapper_utils import KEPT, NOISE, digits, selection_of, write


def test_keeps_the_selected_samples_under_their_global_index():
    noisy = NoisyLabelDataset(digits(), NOISE)
    subset = CleanSubset(noisy, KEPT)
    assert len(subset) == KEPT.sum()
    np.testing.assert_array_equal(subset.indices, np.flatnonzero(KEPT))
    np.testing.assert_array_equal(subset.given_labels, noisy.given_labels[KEPT])
    np.testing.assert_array_equal(subset.clean_labels, noisy.clean_labels[KEPT])
    for position, idx in enumerate(subset.indices):
        item, whole = subset[position], noisy[int(idx)]
        assert item['data_samples'].sample_idx == idx
        assert item['data_samples'].to_dict() == whole['data_samples'].to_dict()
        assert (item['inputs'] == whole['inputs']).all()
        assert subset.get_cat_ids(position) == [noisy.given_labels[idx]]


def test_keeps_the_global_index_around_a_stock_wrapper_and_inside_another_subset():
    concat = ConcatDataset([digits(), digits()])
    outer = CleanSubset(CleanSubset(concat, np.arange(80) >= 38), np.arange(42) % 2 == 0)
    indices = [outer[position]['data_samples'].sample_idx for position in range(len(outer))]
    assert indices == list(range(38, 80, 2))
    np.testing.assert_array_equal(outer.given_labels, given_labels_of(concat)[38::2])


def test_rejected_samples_are_the_others():
    rejected = CleanSubset(digits(), KEPT, keep='rejected')
    np.testing.assert_array_equal(rejected.indices, np.flatnonzero(~KEPT))
    with pytest.raises(ValueError, match='all'):
        CleanSubset(digits(), KEPT, keep='all')


def test_filters_a_stock_config_by_a_selection_file(tmp_path):
    """As in a config of MMPretrain, which builds through the root registry."""
    init_default_scope('mmpretrain')
    root = image_folder(tmp_path / 'data')
    base = dict(type='CustomDataset', data_prefix=str(root), pipeline=PACK)
    kept = np.arange(12) % 4 < 2
    path = write(tmp_path / 'selection.csv', folder_dataset(root), kept)
    cfg = ConfigDict(type='CleanSubset', dataset=base, selection=path)
    subset = DATASETS.build(cfg)
    assert [subset[i]['data_samples'].sample_idx for i in range(6)] == [0, 1, 4, 5, 8, 9]
    assert subset.clean_labels is None
    # And inside a stock wrapper.
    concat = DATASETS.build(dict(type='ConcatDataset', datasets=[cfg, base]))
    assert len(concat) == 18
    assert clean_labels_of(concat) is None


def test_selection_of_a_moved_data_set_still_fits(tmp_path):
    root = image_folder(tmp_path / 'data')
    path = write(tmp_path / 'selection.csv', folder_dataset(root), np.arange(12) < 5)
    root.rename(tmp_path / 'elsewhere')
    assert len(CleanSubset(folder_dataset(tmp_path / 'elsewhere'), path)) == 5


def test_selection_of_another_data_set_is_refused_and_the_difference_named(tmp_path):
    noisy = NoisyLabelDataset(digits(), NOISE)
    path = write(tmp_path / 'selection.csv', noisy, KEPT)
    assert len(CleanSubset(noisy, path)) == KEPT.sum()

    others = {
        'number of samples': DigitsDataset(indices=39),
        'given labels': NoisyLabelDataset(digits(), dict(NOISE, seed=2)),
        'class names': NoisyLabelDataset(
            digits(metainfo=dict(classes=[f'digit {i}' for i in range(10)])), NOISE
        ),
        'images': NoisyLabelDataset(
            DigitsDataset(split='test', indices=40),
            lambda labels, n, dataset: noisy.given_labels,
        ),
    }
    for part, dataset in others.items():
        with pytest.raises(ValueError, match=f'selection.csv.*the {part} differ'):
            CleanSubset(dataset, path)


def test_a_part_of_the_files_takes_its_rows_of_the_selection_of_all(tmp_path):
    root = image_folder(tmp_path / 'data')
    kept = np.arange(12) % 3 > 0
    path = write(tmp_path / 'selection.csv', folder_dataset(root), kept)
    root = root.rename(tmp_path / 'elsewhere')
    part = folder_dataset(root)
    left = np.array([0, 1, 4, 6, 7, 11])
    subset = CleanSubset(part.get_subset(left.tolist()), path)
    names = [Path(subset.get_data_info(i)['img_path']) for i in range(len(subset))]
    everything = [Path(part.get_data_info(i)['img_path']) for i in range(12)]
    assert names == [everything[i] for i in left if kept[i]]
    assert [subset.get_data_info(i)['sample_idx'] for i in range(3)] == [1, 2, 4]
    # Another label, another file, another order of the classes: other data.
    (root / 'class_0/0.png').rename(root / 'class_1/9.png')
    with pytest.raises(ValueError, match='number of samples differ'):
        CleanSubset(folder_dataset(root).get_subset([0, 3, 7]), path)


def test_a_part_whose_labels_have_changed_is_other_data(tmp_path):
    root = image_folder(tmp_path / 'data')
    path = write(tmp_path / 'selection.csv', folder_dataset(root), np.ones(12, bool))
    part = folder_dataset(root).get_subset(range(8))
    flipped = NoisyLabelDataset(part, lambda labels, n, dataset: (labels + 1) % n)
    with pytest.raises(ValueError, match='number of samples differ'):
        CleanSubset(flipped, path)
    assert len(CleanSubset(NoisyLabelDataset(part), path)) == 8


def test_other_spelling_of_the_classes_is_admitted_on_request(tmp_path):
    path = write(tmp_path / 'selection.csv', digits(), KEPT)
    renamed = digits(metainfo=dict(classes=[f'digit {i}' for i in range(10)]))
    assert len(CleanSubset(renamed, path, check_class_names=False)) == KEPT.sum()
    with pytest.raises(ValueError, match='given labels'):
        CleanSubset(
            NoisyLabelDataset(renamed, NOISE),
            path,
            check_class_names=False,
        )


def test_empty_selection_is_an_error_with_the_likely_cause(tmp_path):
    path = write(tmp_path / 'selection.csv', digits(), np.zeros(40, bool))
    for selection in (path, np.zeros(40, bool)):
        with pytest.raises(ValueError, match='keeps none of the 40 samples.*Likely causes'):
            CleanSubset(digits(), selection)


def test_everything_selected_is_a_warning(monkeypatch):
    messages = []
    monkeypatch.setattr(
        'deft_mm.selection.selector.print_log', lambda text, **_: messages.append(text)
    )
    assert len(CleanSubset(digits(), np.ones(40, bool))) == 40
    assert len(messages) == 1 and 'ALL 40' in messages[0]


def test_repeating_to_a_length_takes_every_sample_as_often_as_others():
    subset = CleanSubset(digits(), KEPT, num_samples=30)
    assert len(subset) == len(subset.given_labels) == 30
    times = np.bincount(subset.indices, minlength=40)[KEPT]
    assert times.sum() == 30 and set(times) == {2, 3}
    assert [subset[i]['data_samples'].sample_idx for i in range(30)] == subset.indices.tolist()
    # Those that come once more are spread over the 13.
    assert np.diff(np.flatnonzero(times == 3)).min() > 1
    with pytest.raises(ValueError, match='num_samples=12'):
        CleanSubset(digits(), KEPT, num_samples=12)


def test_lazy_init_reads_the_selection_when_needed(tmp_path):
    lazy = CleanSubset(digits(), str(tmp_path / 'selection.csv'), lazy_init=True)
    assert lazy.metainfo['classes'][0] == 'zero'
    with pytest.raises(FileNotFoundError, match='selection.csv'):
        lazy.full_init()
    write(tmp_path / 'selection.csv', digits(), KEPT)
    assert len(lazy) == KEPT.sum()


@pytest.mark.parametrize('duplicate', [copy.deepcopy, lambda d: pickle.loads(pickle.dumps(d))])
def test_copies_are_equal(duplicate):
    subset = CleanSubset(NoisyLabelDataset(digits(), NOISE), KEPT)
    other = duplicate(subset)
    assert other[2]['data_samples'].to_dict() == subset[2]['data_samples'].to_dict()


def test_masks_of_a_wrong_shape_or_type_are_refused():
    with pytest.raises(ValueError, match='39 entries.*40 samples'):
        CleanSubset(digits(), KEPT[:39])
    # Indices in place of a mask would be taken for a mask otherwise.
    with pytest.raises(TypeError, match='bool'):
        CleanSubset(digits(), np.flatnonzero(KEPT))
    assert len(CleanSubset(digits(), KEPT.tolist())) == KEPT.sum()


def test_takes_a_selection_as_it_is():
    noisy = NoisyLabelDataset(digits(), NOISE)
    # of other labels, but of as many samples
    selection = selection_of(digits())
    np.testing.assert_array_equal(CleanSubset(noisy, selection).indices, np.flatnonzero(KEPT))
    rejected = CleanSubset(noisy, selection, keep='rejected')
    np.testing.assert_array_equal(rejected.given_labels, noisy.given_labels[~KEPT])
    with pytest.raises(ValueError, match='selection.*40 entries.*39 samples'):
        CleanSubset(digits(indices=39), selection)


def test_what_a_file_or_a_mask_keeps_is_logged_once(tmp_path, capsys):
    path = write(tmp_path / 'selection.csv', digits(), KEPT)
    CleanSubset(digits(), path).full_init()
    CleanSubset(digits(), KEPT, keep='rejected')
    relabelled = RelabelledSubset(digits(), path)
    n, kept = len(KEPT), int(KEPT.sum())
    lines = [line.split(' - ')[-1] for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        f"CleanSubset of '{path}'. Selected: {kept} of {n} (kept)",
        f'CleanSubset of a mask. Selected: {n - kept} of {n} (rejected)',
        f"RelabelledSubset of '{path}'. Selected: {len(relabelled)} of {n}, "
        f'Relabelled: {len(relabelled) - kept} above 0.9',
    ]


def test_a_selection_that_a_hook_has_told_of_is_not_told_again(capsys):
    CleanSubset(digits(), selection_of(digits(), KEPT))
    assert capsys.readouterr().out == ''
