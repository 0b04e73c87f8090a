"""The call for people with features of their own."""

import inspect
import textwrap

import numpy as np
import pytest
import torch

import deft_mm
from deft_mm import find_wrong_labels
from deft_mm.evaluation import detection_metrics
from deft_mm.selection import AuditSelector, Selector, read_selection, write_selection
from tests.test_selection.selection_utils import clusters

FEATURES, LABELS, PROBS = clusters(600, 3, wrong=0.2)
CLEAN = np.arange(600) % 3
TEXT = 2 * np.eye(3, 6)


def test_example_of_the_docstring_runs():
    text = inspect.getdoc(deft_mm.find_wrong_labels).split('.. code:: python')[1]
    names: dict = {}
    exec(textwrap.dedent(text), names)
    table = names['table']
    assert set(names['worst_first'][:60]) >= set(range(50))
    assert 0.85 < table.kept.mean() < 0.95 and not table.kept[:60].any()


@pytest.mark.parametrize('kind', [np.asarray, torch.tensor, np.ndarray.tolist])
def test_arrays_tensors_and_lists_give_the_same(kind):
    expected = find_wrong_labels(FEATURES, LABELS, text_features=TEXT)
    found = find_wrong_labels(kind(FEATURES), kind(LABELS), text_features=kind(TEXT))
    np.testing.assert_array_equal(found.kept, expected.kept)
    np.testing.assert_array_equal(found.score, expected.score)
    assert detection_metrics(found.kept, LABELS, CLEAN)['f1'] > 93


class Recording(Selector):
    """Keeps all, and the table."""

    needs = ('feature', 'probs')

    def __call__(self, table):
        self.table = table
        return np.ones(len(table), dtype=bool), np.ones(len(table))


def test_half_precision_stays_in_half_the_room_and_is_close(monkeypatch):
    monkeypatch.setattr('deft_mm.selection.row_parts._ROWS', 100)
    half, selector = FEATURES.astype(np.float16), Recording()
    find_wrong_labels(half, LABELS, text_features=TEXT, selector=selector)
    assert selector.table.feature is half
    monkeypatch.undo()
    double = Recording()
    find_wrong_labels(half.astype(np.float64), LABELS, text_features=TEXT, selector=double)
    np.testing.assert_allclose(selector.table.probs, double.table.probs, atol=1e-6)


def test_text_features_are_zero_shot_probabilities():
    found = find_wrong_labels(FEATURES, LABELS, text_features=TEXT, temperature=0.1)
    cosine = (FEATURES / np.linalg.norm(FEATURES, axis=1, keepdims=True))[:, :3]
    probs = torch.softmax(torch.from_numpy(cosine) / 0.1, dim=1).numpy()
    np.testing.assert_array_equal(found.pred_label, probs.argmax(axis=1))
    np.testing.assert_allclose(found.pred_prob, probs.max(axis=1), rtol=1e-4)
    other = find_wrong_labels(FEATURES, LABELS, probs=probs / probs.sum(axis=1, keepdims=True))
    np.testing.assert_array_equal(found.kept, other.kept)


def test_features_alone_will_do():
    found = find_wrong_labels(FEATURES, LABELS)
    assert (found.pred_label == -1).all() and found.method == 'AuditSelector'
    assert detection_metrics(found.kept, LABELS, CLEAN)['f1'] > 93


def test_any_selector_that_has_what_it_needs_will_do_and_the_table_is_written(tmp_path):
    found = find_wrong_labels(
        FEATURES,
        LABELS,
        probs=PROBS,
        class_names=['x', 'y', 'z'],
        selector=dict(type='KNNSelector', k=5),
    )
    assert found.method == 'KNNSelector' and found.class_names == ['x', 'y', 'z']
    write_selection(tmp_path / 'selection.csv', found)
    read = read_selection(tmp_path / 'selection.csv')
    np.testing.assert_array_equal(read.kept, found.kept)
    np.testing.assert_array_equal(read.score, found.score)
    gmm = find_wrong_labels(FEATURES, LABELS, probs=PROBS, selector=dict(type='GMMSelector'))
    assert 0 < gmm.num_kept < 600
    own = AuditSelector()
    find_wrong_labels(FEATURES, LABELS, probs=PROBS, selector=own)
    assert own.audit.interval[0] < (LABELS != CLEAN).mean() < own.audit.interval[1]


def changed(array, at, value):
    array = np.array(array, dtype=np.float64)
    array[at] = value
    return array


@pytest.mark.parametrize(
    ('arguments', 'match'),
    [
        (dict(features=FEATURES[0]), r'`features` has the shape \(6,\)'),
        (dict(features=FEATURES[:0]), r'`features` has the shape \(0, 6\)'),
        (dict(features=changed(FEATURES, 4, np.nan)), 'row 4 of `features` .*not finite'),
        (dict(labels=LABELS[:9]), '9 `labels` and 600 rows'),
        (dict(labels=changed(LABELS, 0, -1)), '`labels` has -1.0'),
        (dict(labels=changed(LABELS, 0, 0.5)), '`labels` has 0.5'),
        (
            dict(labels=changed(LABELS, 0, 3), probs=PROBS),
            '`labels` has 3, and there are 3 classes',
        ),
        (dict(text_features=np.eye(3)), '`text_features` have the width 3 and `features` 6'),
        (dict(text_features=TEXT, probs=PROBS), 'give one of them'),
        (dict(probs=PROBS[:9]), r'`probs` has the shape \(9, 3\)'),
        (dict(probs=2 * PROBS), 'rows that sum to 2 to 2.*softmax'),
        (dict(class_names=['a'], probs=PROBS), '1 `class_names`, and 3 classes'),
        (dict(temperature=0), '`temperature` is 0'),
        (dict(selector=dict(type='GMMSelector')), "GMMSelector needs 'loss', which follows from"),
        (dict(selector=dict(type='AuditSelector')), "AuditSelector needs 'probs'"),
        (dict(selector=dict(type='DualPromptSelector')), "needs 'agreed', which only the scoring"),
        (dict(selector=dict(type='Audit')), 'Known selectors'),
    ],
)
def test_mistakes_are_named(arguments, match):
    with pytest.raises(ValueError, match=match):
        find_wrong_labels(**{**dict(features=FEATURES, labels=LABELS), **arguments})


def test_what_is_no_array_is_told():
    with pytest.raises(TypeError, match='`labels` is list, of which no array of numbers'):
        find_wrong_labels(FEATURES, ['cat'] * 600)
    with pytest.raises(TypeError, match="`class_names` is 'cats'"):
        find_wrong_labels(FEATURES, LABELS, class_names='cats')
