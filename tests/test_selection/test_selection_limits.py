import numpy as np
import pytest

from deft_mm.selection import SelectionLimits, check_selection

SCORE = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2], dtype=np.float32)
LABEL = np.array([0, 0, 0, 0, 1, 1, 1, 1])
READABLE = np.ones(8, dtype=bool)


def kept(*indices) -> np.ndarray:
    return np.isin(np.arange(8), indices)


def apply(before, readable=READABLE, **limits) -> list[int]:
    return np.flatnonzero(SelectionLimits(**limits).apply(before, SCORE, LABEL, readable)).tolist()


def test_within_the_limits_nothing_changes():
    assert apply(kept(7, 2), max_rejected=0.75, min_rejected=0.5) == [2, 7]


def test_cap_takes_the_best_rejected_samples_back():
    assert apply(kept(7), max_rejected=0.5) == [0, 1, 2, 7]


def test_floor_rejects_the_worst_kept_samples():
    assert apply(kept(*range(8)), min_rejected=0.5) == [0, 1, 2, 3]


def test_class_limits_hold_in_each_given_class():
    assert apply(kept(0, 1, 2, 3), max_rejected_per_class=0.5) == [0, 1, 2, 3, 4, 5]
    assert apply(kept(*range(8)), min_rejected_per_class=0.5) == [0, 1, 4, 5]


def test_no_class_disappears_on_demand():
    assert apply(kept(0, 1), min_kept_per_class=1) == [0, 1, 4]


def test_unreadable_samples_are_never_taken_back():
    readable = READABLE.copy()
    readable[4] = False
    assert apply(kept(0), readable, min_kept_per_class=1) == [0, 5]
    assert apply(kept(), np.zeros(8, bool), max_rejected=0.0) == []


def test_whole_of_a_class_smaller_than_the_least_number_is_kept():
    assert apply(kept(), min_kept_per_class=5) == list(range(8))


def test_limits_of_all_samples_do_not_break_those_of_the_classes():
    # By score alone, the first class would get both places.
    assert apply(kept(*range(8)), min_rejected=0.75, min_kept_per_class=1) == [0, 4]
    assert apply(kept(), max_rejected=0.5, min_rejected_per_class=0.5) == [0, 1, 4, 5]


def test_samples_without_a_score_are_taken_back_last_and_rejected_first():
    score = SCORE.copy()
    score[[0, 5]] = np.nan
    found = SelectionLimits(min_rejected=0.25).apply(kept(*range(8)), score, LABEL, READABLE)
    assert np.flatnonzero(~found).tolist() == [0, 5]
    found = SelectionLimits(max_rejected=0.25).apply(kept(), score, LABEL, READABLE)
    assert np.flatnonzero(~found).tolist() == [0, 5]


def test_share_that_means_a_whole_number_of_samples_is_not_rounded_away():
    # 1 - 0.7 is a little more than 0.3 in floating point, and 1 - 0.8 a little less than 0.2.
    index, all_of_them = np.arange(10), np.ones(10, bool)
    arguments = (-index.astype(np.float32), index, all_of_them)
    assert SelectionLimits(max_rejected=0.7).apply(~all_of_them, *arguments).sum() == 3
    assert SelectionLimits(min_rejected=0.8).apply(all_of_them, *arguments).sum() == 2


@pytest.mark.parametrize('seed', range(20))
def test_limits_hold_for_any_selection(seed):
    draw = np.random.RandomState(seed)
    label, score = draw.randint(0, 5, 200), draw.rand(200)
    readable, before = draw.rand(200) < 0.95, draw.rand(200) < draw.rand(5)[label]
    limits = SelectionLimits(0.6, 0.5, 0.8, 0.2, min_kept_per_class=9)
    unchanged = before.copy()
    after = limits.apply(before, score, label, readable)
    np.testing.assert_array_equal(before, unchanged)
    assert 80 <= after.sum() <= 100 and not after[~readable].any()
    for value in range(5):
        members = label == value
        assert max(0.2 * members.sum(), 9) <= after[members].sum() <= 0.8 * members.sum()
    np.testing.assert_array_equal(limits.apply(after, score, label, readable), after)


def test_changes_are_logged(monkeypatch):
    messages = []
    monkeypatch.setattr(
        'deft_mm.selection.selection_limits.print_log', lambda text, **_: messages.append(text)
    )
    apply(kept(0, 1), max_rejected=0.75)
    assert not messages
    apply(kept(0, 1, 2, 3), min_kept_per_class=1, min_rejected=0.625)
    assert len(messages) == 1
    assert 'take back 1 rejected samples and reject 2 kept ones' in messages[0]
    assert 'of 8 samples 3 are kept' in messages[0]


@pytest.mark.parametrize(
    ('limits', 'match'),
    [
        (dict(max_rejected=1.5), r'limits\.max_rejected is a share in \[0, 1\], found 1\.5'),
        (dict(min_kept_per_class=-1), r'limits\.min_kept_per_class is -1'),
        (dict(max_rejected=0.2, min_rejected=0.5), 'min_rejected=0.5 is above .*max_rejected=0.2'),
        (
            dict(max_rejected_per_class=0.2, min_rejected_per_class=0.5),
            'no selection can hold both',
        ),
        (
            dict(max_rejected_per_class=0.2, min_rejected=0.5),
            'min_rejected=0.5 is above limits.max_rejected_per_class=0.2',
        ),
        (
            dict(max_rejected=0.2, min_rejected_per_class=0.5),
            'min_rejected_per_class=0.5 is above limits.max_rejected=0.2',
        ),
        (dict(min_rejected=1, min_kept_per_class=1), 'min_rejected=1 rejects every sample'),
        (dict(min_kept_per_class=0.5), r'min_kept_per_class is 0\.5'),
    ],
)
def test_limits_that_make_no_sense_are_refused(limits, match):
    with pytest.raises(ValueError, match=match):
        SelectionLimits(**limits)


def test_classes_of_which_nothing_is_kept_are_named(monkeypatch):
    messages = []
    monkeypatch.setattr(
        'deft_mm.selection.selector.print_log', lambda text, **_: messages.append(text)
    )
    check_selection(kept(0, 4), 'It', given_label=LABEL, class_names=['cat', 'dog'])
    assert not messages
    check_selection(kept(0), 'It', given_label=LABEL, class_names=['cat', 'dog'])
    assert len(messages) == 1
    assert messages[0].startswith('It keeps no sample of 1 of the 2 classes: dog.')


def test_of_many_lost_classes_ten_are_named(monkeypatch):
    messages = []
    monkeypatch.setattr(
        'deft_mm.selection.selector.print_log', lambda text, **_: messages.append(text)
    )
    names = [f'class {i}' for i in range(14)]
    check_selection(np.arange(14) < 1, 'It', given_label=np.arange(14), class_names=names)
    assert 'no sample of 13 of the 14 classes: class 1, ' in messages[0]
    assert 'class 10 and 3 more.' in messages[0]
