import numpy as np
import pytest

from tests.test_selection.selection_utils import scores


def test_arrays_are_brought_to_their_types():
    table = scores(clean_prob=[0.5] * 5, readable=[1, 1, 1, 1, 0])
    assert table.clean_prob.dtype == np.float32 and table.readable.dtype == bool
    assert table.given_label.dtype == np.int64 and len(table) == 5


@pytest.mark.parametrize('name', ['clean_prob', 'readable', 'given_label'])
def test_arrays_of_another_length_are_refused(name):
    with pytest.raises(ValueError, match=f'{name}.*\\(4,\\)'):
        scores(**{name: np.zeros(4)})


def test_loss_and_feature_are_optional_and_float32():
    assert scores().loss is None and scores().feature is None
    table = scores(loss=np.arange(5), feature=np.zeros((5, 3)))
    assert table.loss.dtype == table.feature.dtype == np.float32


@pytest.mark.parametrize('feature', [np.zeros((4, 3)), np.zeros(5), np.zeros((5, 3, 1))])
def test_features_of_another_shape_are_refused(feature):
    with pytest.raises(ValueError, match='feature'):
        scores(feature=feature)
