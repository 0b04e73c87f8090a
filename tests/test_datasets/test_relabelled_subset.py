import numpy as np
import pytest

from deft_mm.datasets import (
    CleanSubset,
    NoisyLabelDataset,
    RelabelledSubset,
    clean_labels_of,
    dataset_fingerprint,
    evaluation_view,
    given_labels_of,
    img_paths_of,
)
from tests.test_datasets.dataset_utils import PACK, folder_dataset, image_folder
from tests.test_datasets.selection_wrapper_utils import KEPT, NOISE, digits, selection_of, write

PRED_LABEL = np.arange(40) % 7
# Of the rejected ones, 0 and 6 are above 0.9, 2 is exactly there, 3 can't be read.
PRED_PROB = np.full(40, 0.5)
PRED_PROB[[0, 1, 6]] = 0.95
PRED_PROB[2] = 0.9
PRED_PROB[3] = np.nan
RELABELLED = [0, 6]
SCORES = dict(pred_label=np.where(np.isnan(PRED_PROB), -1, PRED_LABEL), pred_prob=PRED_PROB)


def noisy():
    return NoisyLabelDataset(digits(), NOISE)


def test_confident_rejects_come_with_the_predicted_label():
    whole = noisy()
    subset = RelabelledSubset(whole, selection_of(whole, **SCORES), threshold=0.9)
    expected = np.union1d(np.flatnonzero(KEPT), RELABELLED)
    np.testing.assert_array_equal(subset.indices, expected)
    labels = whole.given_labels.copy()
    labels[RELABELLED] = PRED_LABEL[RELABELLED]
    assert (labels != whole.given_labels).any()
    for position, idx in enumerate(expected):
        sample = subset[position]['data_samples']
        assert sample.sample_idx == idx and sample.gt_label == labels[idx]
        assert subset.get_cat_ids(position) == [labels[idx]]
    # As everything that walks through data sets sees it.
    np.testing.assert_array_equal(given_labels_of(subset), labels[expected])
    np.testing.assert_array_equal(clean_labels_of(subset), whole.clean_labels[expected])
    view = evaluation_view(subset, PACK)
    assert [int(view[i]['data_samples'].gt_label) for i in range(len(view))] == [*labels[expected]]


def test_a_kept_sample_keeps_its_label_however_sure_the_model_is_of_another():
    whole = noisy()
    subset = RelabelledSubset(whole, selection_of(whole, **SCORES))
    assert KEPT[1] and PRED_PROB[1] > 0.9 and PRED_LABEL[1] != whole.given_labels[1]
    assert subset[1]['data_samples'].sample_idx == 1
    assert subset[1]['data_samples'].gt_label == whole.given_labels[1]


def test_threshold_of_one_leaves_the_clean_subset():
    whole = noisy()
    selection = selection_of(whole)  # every pred_prob is 1
    subset = RelabelledSubset(whole, selection, threshold=1.0)
    np.testing.assert_array_equal(subset.indices, CleanSubset(whole, selection).indices)
    assert len(RelabelledSubset(whole, selection, threshold=0.99)) == 40


def test_repeated_samples_keep_their_new_labels():
    whole = noisy()
    subset = RelabelledSubset(whole, selection_of(whole, **SCORES), num_samples=37)
    assert len(subset) == 37
    labels = {
        (s.sample_idx, int(s.gt_label)) for s in (subset[i]['data_samples'] for i in range(37))
    }
    assert len(labels) == KEPT.sum() + 2
    assert set(zip(subset.indices.tolist(), subset.given_labels.tolist(), strict=True)) == labels


def test_takes_a_selection_file_of_this_data_set_only(tmp_path):
    path = write(tmp_path / 'selection.csv', noisy(), **SCORES)
    assert len(RelabelledSubset(noisy(), path)) == KEPT.sum() + 2
    with pytest.raises(ValueError, match='selection.csv.*the given labels differ'):
        RelabelledSubset(digits(), path)
    lazy = RelabelledSubset(noisy(), str(tmp_path / 'none.csv'), lazy_init=True)
    with pytest.raises(FileNotFoundError, match='none.csv'):
        lazy.full_init()


def test_files_and_fingerprint_are_those_of_the_samples_left(tmp_path):
    base = folder_dataset(image_folder(tmp_path / 'data'))
    kept = np.arange(12) < 8
    certain = np.where(np.arange(12) == 11, 0.99, 0.2)
    subset = RelabelledSubset(base, selection_of(base, kept, pred_prob=certain))
    assert img_paths_of(subset) == [img_paths_of(base)[i] for i in (*range(8), 11)]
    assert subset.given_labels[-1] == 0 and given_labels_of(base)[11] == 2
    assert clean_labels_of(subset) is None
    fingerprint = dataset_fingerprint(subset)
    plain = dataset_fingerprint(CleanSubset(base, [*kept[:11], True]))
    assert fingerprint.differing_parts(plain) == ['given_labels']


def test_nothing_kept_and_wrong_arguments_are_errors():
    with pytest.raises(ValueError, match='keeps none of the 40 samples'):
        RelabelledSubset(digits(), selection_of(digits(), np.zeros(40, bool)))
    with pytest.raises(ValueError, match='`threshold`.*90'):
        RelabelledSubset(digits(), selection_of(digits()), threshold=90)
    with pytest.raises(TypeError, match='RelabelledSubset: `selection`.*ndarray'):
        RelabelledSubset(digits(), KEPT)
