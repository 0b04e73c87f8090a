"""Probabilities of the classes, from features and from a model."""

import tracemalloc

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.preprocessing import StandardScaler

from deft_mm.selection import Fingerprint, SampleTable, ScoreSelector, class_probs
from tests.test_selection.selection_utils import clusters


def test_a_fit_on_features_is_scikit_learns_cross_validation():
    feature, labels, _ = clusters(120, num_classes=3, wrong=0.2)
    feature = 50 * feature + 7  # whatever their scale
    scaled = StandardScaler().fit_transform(feature.astype(np.float64))
    expected = cross_val_predict(
        LogisticRegression(C=0.1, max_iter=1000),
        scaled,
        labels,
        cv=StratifiedKFold(4, shuffle=True, random_state=7),
        method='predict_proba',
    )
    found = class_probs.features(labels, 3, feature, folds=4, C=0.1, random_state=7)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert found.dtype == np.float64
    np.testing.assert_array_equal(found, class_probs.features(labels, 3, feature, 4, 0.1, 7))


def test_half_precision_is_what_it_is_in_single():
    feature, labels, probs = clusters(300, num_classes=3, wrong=0.2)
    half = feature.astype(np.float16)
    for score in (class_probs.features, class_probs.knn):
        single = score(labels, 3, half.astype(np.float32))
        np.testing.assert_array_equal(score(labels, 3, half), single)


def test_a_fit_holds_the_samples_of_one_fold_in_single_precision_and_no_more(monkeypatch):
    monkeypatch.setattr('deft_mm.selection.row_parts._ROWS', 512)
    num_samples, width = 20_000, 256
    feature = np.random.RandomState(0).randn(num_samples, width).astype(np.float16)
    labels = np.arange(num_samples) % 2
    table = SampleTable(
        fingerprint=Fingerprint.from_parts('ab', labels, map(str, range(num_samples))),
        class_names='ab',
        img_path=[''] * num_samples,
        given_label=labels,
        feature=feature,
    )
    selector = ScoreSelector('features', folds=4)
    tracemalloc.start()
    selector(table)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    fold = num_samples * 3 // 4 * width * 4
    assert fold < peak < 1.5 * fold


def test_a_sample_is_not_judged_by_its_own_label():
    feature, labels, _ = clusters(100, num_classes=2)
    changed = labels.copy()
    changed[3] = 1 - labels[3]
    for score in (class_probs.knn, class_probs.features):
        before, after = score(labels, 2, feature)[3], score(changed, 2, feature)[3]
        assert before.argmax() == after.argmax() == labels[3]


def test_classes_that_are_too_small_to_judge_are_taken_for_right_and_told(monkeypatch):
    messages = []
    monkeypatch.setattr(class_probs, 'print_log', lambda text, **_: messages.append(text))
    feature, labels, _ = clusters(60, num_classes=3)
    labels[labels == 2] = 0
    labels[:2] = 2
    found = class_probs.features(labels, 5, feature)
    assert (found[:2, 2] == 1).all() and np.allclose(found.sum(axis=1), 1)
    assert (found[:, 3:] == 0).all()
    assert len(messages) == 1 and '1 classes have fewer samples than the 5 folds' in messages[0]
    with pytest.raises(ValueError, match='two classes with folds=30 samples.* 5 classes 1 have'):
        class_probs.features(labels, 5, feature, folds=30)


def test_neighbours_votes_are_those_of_a_search_by_hand():
    feature, labels, _ = clusters(50, num_classes=4, wrong=0.3)
    feature[7] = feature[8]  # a duplicate is a neighbour, the sample itself is none
    unit = feature.astype(np.float64)
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    similarity = unit @ unit.T
    np.fill_diagonal(similarity, -np.inf)
    expected = np.zeros((50, 4))
    for row, others in enumerate(similarity):
        for other in np.argsort(-others)[:5]:
            expected[row, labels[other]] += max(others[other], 0)
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(class_probs.knn(labels, 4, feature, k=5), expected, atol=1e-9)


def test_all_others_are_neighbours_where_there_are_fewer():
    labels = np.array([0, 0, 1])
    found = class_probs.knn(labels, 2, np.ones((3, 2)), k=30)
    np.testing.assert_allclose(found, [[0.5, 0.5], [0.5, 0.5], [1, 0]], atol=1e-9)
    with pytest.raises(ValueError, match='single sample'):
        class_probs.knn(labels[:1], 2, np.ones((1, 2)))


def test_fused_probabilities_are_the_geometric_mean_in_which_none_has_a_veto():
    first, second = np.array([[0.9, 0.1, 0.0]]), np.array([[0.1, 0.1, 0.8]])
    mean = class_probs.fuse(first, second)
    assert mean.sum() == pytest.approx(1)
    assert mean[0, 0] / mean[0, 1] == pytest.approx(np.sqrt(0.09 / 0.01))
    assert 0 < mean[0, 2] < 1e-5


def test_fused_takes_the_fit_that_is_there():
    feature, labels, probs = clusters(80, num_classes=3)
    columns = dict(feature=feature, probs=probs)
    names, options = ('fused', 'zero_shot', 'knn', 'features'), dict(k=3, folds=4)
    found = class_probs.class_probs(names, labels, 3, columns, options)
    assert tuple(found) == names
    alone = class_probs.class_probs(['fused'], labels, 3, columns, options)
    np.testing.assert_array_equal(found['fused'], alone['fused'])
    np.testing.assert_array_equal(found['knn'], class_probs.knn(labels, 3, feature, k=3))
    np.testing.assert_array_equal(found['zero_shot'], probs.astype(np.float64))
