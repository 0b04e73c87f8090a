import numpy as np
import pytest

from deft_mm.selection import ON_DEMAND, RESULTS, SampleTable
from tests.test_selection.selection_utils import (
    GIVEN,
    NAMES,
    PATHS,
    fingerprint,
    selection,
    table,
)


def bare() -> SampleTable:
    """As a data set gives it."""
    return SampleTable(fingerprint(), NAMES, PATHS, GIVEN)


def test_before_anything_is_known_columns_say_so():
    samples = bare()
    assert len(samples) == 5 and samples.num_kept == 0
    for name in ('clean_prob', 'score', 'pred_prob'):
        assert np.isnan(getattr(samples, name)).all(), name
    assert (samples.pred_label == -1).all()
    assert samples.readable.all() and samples.scored.all() and not samples.has_scores.any()
    assert all(getattr(samples, name) is None for name in ON_DEMAND)
    assert samples.method == samples.config == '' and samples.created[:4].isdigit()


def test_columns_are_brought_to_their_types():
    samples = table(
        clean_prob=[0.5] * 5,
        score=[1] * 5,
        pred_label=[0.0] * 5,
        kept=[1, 0, 0, 0, 1],
        scored=[1] * 5,
        readable=[1, 1, 1, 1, 0],
        given_label=GIVEN.astype(np.int16),
        loss=np.arange(5),
        similarity=np.arange(5),
        agreed=[1, 0, 1, 1, 0],
        probs=np.zeros((5, 3)),
        feature=np.zeros((5, 7)),
    )
    for name, (dtype, _) in RESULTS.items():
        assert getattr(samples, name).dtype == dtype, name
    for name in ('loss', 'similarity', 'probs', 'feature'):
        assert getattr(samples, name).dtype == np.float32, name
    assert samples.agreed.dtype == bool and samples.given_label.dtype == np.int64
    assert samples.num_kept == 2 and samples.feature.shape == (5, 7)


def test_score_is_the_clean_probability_unless_it_is_told():
    np.testing.assert_array_equal(table().score, table().clean_prob)
    told = table(score=[-2, 3, 0, 1, np.nan])
    assert told.score[:4].tolist() == [-2, 3, 0, 1]
    np.testing.assert_array_equal(told.clean_prob, table().clean_prob)


def test_samples_have_scores_where_a_detector_has_seen_them():
    # A prediction may be a class that the data don't have: its label is -1 then.
    samples = table(pred_label=[0, -1, 2, 1, -1])
    assert samples.has_scores.tolist() == [True, True, True, True, False]


def test_new_columns_make_a_new_table_and_leave_the_old_one():
    old = selection(created='2020-01-01T00:00:00+00:00')
    new = old.with_columns(kept=np.ones(5, bool), method='GMMSelector')
    assert new.num_kept == 5 and old.num_kept == 2
    assert new.method == 'GMMSelector' and old.method == 'DualPromptSelector'
    assert new.created > old.created and new.pred_prob is old.pred_prob
    with pytest.raises(ValueError, match=r"5 samples.*'kept': \(4,\)"):
        old.with_columns(kept=np.ones(4, bool))


def test_results_carry_what_a_data_set_does_not_give():
    made = selection(score=[-2, 3, 0, 1, np.nan], scored=[1, 1, 1, 1, 0])
    back = bare().with_results(made.results(), method=made.method)
    for name in RESULTS:
        one, two = getattr(made, name), getattr(back, name)
        np.testing.assert_array_equal(one, two, err_msg=name)
        assert one.dtype == two.dtype
    assert back.method == 'DualPromptSelector'


def test_results_that_do_not_say_what_was_read_are_of_what_has_a_prediction_or_is_kept():
    columns = {name: getattr(selection(), name) for name in ('clean_prob', 'pred_prob', 'kept')}
    assert bare().with_results(columns).readable.tolist() == [True] * 4 + [False]
    np.testing.assert_array_equal(bare().with_results(columns).score, columns['clean_prob'])
    columns['kept'] = np.ones(5, bool)
    assert bare().with_results(columns).readable.all()


def test_pandas_has_the_rows_of_the_file():
    pytest.importorskip('pandas')
    frame = selection().to_pandas()
    assert frame.index.name == 'sample_idx' and frame.index.tolist() == list(range(5))
    assert frame.img_path.tolist() == PATHS
    assert frame.given_class.tolist() == [NAMES[label] for label in GIVEN]
    assert frame.kept.tolist() == selection().kept.tolist()
    np.testing.assert_array_equal(frame.clean_prob, selection().clean_prob)


@pytest.mark.parametrize(
    'name', ['img_path', 'given_label', *RESULTS, *(n for n, dims in ON_DEMAND.items() if dims < 2)]
)
def test_columns_of_another_length_are_refused(name):
    with pytest.raises(ValueError, match=rf"5 samples.*'{name}': \(4,\)"):
        table(**{name: np.zeros(4)})


@pytest.mark.parametrize('name', ['probs', 'feature'])
@pytest.mark.parametrize('shape', [(4, 3), (5,), (5, 3, 1)])
def test_wide_columns_of_another_shape_are_refused(name, shape):
    with pytest.raises(ValueError, match=f"5 samples.*'{name}'"):
        table(**{name: np.zeros(shape)})


@pytest.mark.parametrize(
    ('changes', 'match'),
    [
        (dict(given_label=[0, 1, 3, 0, 1]), 'given_label of sample 2 is 3.*3 classes'),
        (dict(given_label=[0, -1, 2, 0, 1]), 'given_label of sample 1 is -1'),
        (dict(pred_label=[0, 1, 2, -2, -1]), 'pred_label of sample 3 is -2'),
        (dict(clean_prob=[0, 1, 1.5, 0, 0]), r'clean_prob of sample 2 is 1\.5, not a probability'),
        (dict(pred_prob=[-0.5, 1, 1, 0, 0]), r'pred_prob of sample 0 is -0\.5'),
        (dict(given_label=GIVEN[::-1]), 'given labels are not those of the fingerprint'),
        (dict(class_names=list('abc')), 'class names are not those of the fingerprint'),
    ],
)
def test_values_that_cannot_be_are_named(changes, match):
    with pytest.raises(ValueError, match=match):
        table(**changes)
