"""Nearest neighbours, near duplicates and outliers, of features whose geometry is known."""

import numpy as np
import pytest
from sklearn.neighbors import NearestNeighbors

from deft_mm.selection.neighbours import look_alikes, nearest_neighbours


@pytest.fixture
def feature():
    return np.random.RandomState(0).randn(400, 16)


@pytest.mark.parametrize('dtype', [np.float16, np.float32, np.float64])
@pytest.mark.parametrize('scale', [1e-3, 1.0, 100.0])
def test_neighbours_are_those_of_scikit_learns_cosine(feature, dtype, scale):
    feature = (feature * scale).astype(dtype)
    distance, index = nearest_neighbours(feature, 7)
    search = NearestNeighbors(metric='cosine', algorithm='brute').fit(feature.astype(np.float64))
    expected, neighbours = search.kneighbors(n_neighbors=7)
    np.testing.assert_allclose(distance, expected, atol=1e-6)
    np.testing.assert_array_equal(index, neighbours)
    assert index.dtype == np.int64 and distance.dtype == np.float64


def test_features_are_left_as_they_are_and_all_others_are_neighbours_of_few(feature):
    few = feature[:3].astype(np.float32)
    few[0] = 0  # without a direction
    before = few.copy()
    distance, index = nearest_neighbours(few, 30)
    np.testing.assert_array_equal(few, before)
    assert np.isfinite(distance).all()
    assert [sorted(row) for row in index.tolist()] == [[1, 2], [0, 2], [0, 1]]


def test_near_duplicates_with_different_labels_are_found_the_most_alike_first(feature):
    labels = np.arange(400) % 4
    noise = np.random.RandomState(1).randn(3, 16)
    feature[[101, 202, 304]] = feature[[0, 1, 0]] + noise * [[0.02], [0.01], [0.03]]
    feature[303] = feature[2]  # a copy
    assert labels[304] == labels[0] and labels[303] != labels[2]
    found = look_alikes(feature, labels)
    pairs = found.pairs.tolist()
    assert pairs[:2] == [[1, 202], [0, 101]] and [0, 304] not in pairs and [2, 303] not in pairs
    assert sorted(found.pair_distance) == found.pair_distance.tolist()
    assert found.pair_distance.max() <= 0.2 and (found.pairs[:, 0] < found.pairs[:, 1]).all()


def test_scale_of_a_data_set_makes_no_difference():
    draw = np.random.RandomState(2)
    labels = np.arange(300) % 3
    for spread in (0.01, 0.3):
        feature = 1 + spread * draw.randn(300, 8)
        feature[7] = feature[3] + 0.02 * spread
        feature[9] = -1  # the other way
        found = look_alikes(feature, labels)
        assert [3, 7] in found.pairs.tolist() and len(found.pairs) < 5
        assert found.outliers[0] == 9 and found.outlier_distance[0] > 2.5


def test_nothing_is_found_where_there_is_nothing(feature):
    found = look_alikes(feature, np.zeros(400, dtype=np.int64))
    assert found.pairs.shape == (0, 2) and found.pair_distance.shape == (0,)
    for number in (0, 1):
        found = look_alikes(feature[:number], np.zeros(number, dtype=np.int64))
        assert found.pairs.shape == (0, 2) and len(found.outliers) == 0
    same = look_alikes(np.ones((5, 3)), np.arange(5))  # copies all
    assert len(same.pairs) == 0 and len(same.outliers) == 0
