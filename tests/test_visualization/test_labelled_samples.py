"""Which samples are shown, in which order, and what is said of them."""

import numpy as np
import pytest

from deft_mm.datasets import DigitsDataset
from deft_mm.selection import Fingerprint, SampleTable
from deft_mm.visualization import LabelledSamples

NAMES = ['cat', 'dog', 'guinea pig', 'a/b: c_d' * 9]
GIVEN = np.array([0, 1, 2, 0, 1, 3])
TRUE = np.array([0, 0, 2, -1, 2, 3])
CLEAN_PROB = np.array([0.9, 0.04, 0.6, np.nan, 0.5, 0.04])
PRED = np.array([0, 0, 1, -1, 1, 3])
KEPT = np.array([True, False, True, False, False, False])


def samples(with_selection: bool = True) -> LabelledSamples:
    selection = SampleTable(
        fingerprint=Fingerprint.from_parts(NAMES, GIVEN, 'abcdef'),
        class_names=NAMES,
        img_path=[''] * 6,
        given_label=GIVEN,
        clean_prob=CLEAN_PROB,
        pred_label=PRED,
        pred_prob=np.where(PRED < 0, np.nan, 0.75),
        kept=KEPT,
    )
    return LabelledSamples(NAMES, GIVEN, TRUE, selection if with_selection else None)


@pytest.mark.parametrize(
    ('options', 'expected'),
    [
        ({}, [0, 1, 2, 3, 4, 5]),
        (dict(keep='kept'), [0, 2]),
        (dict(keep='rejected'), [1, 3, 4, 5]),
        (dict(class_names=['dog', 'guinea pig']), [1, 2, 4]),
        (dict(indices=[5, 0, 5]), [0, 5]),
        (dict(only_wrong=True), [1, 4]),
        (dict(keep='rejected', class_names=['dog'], indices=[1, 2], only_wrong=True), [1]),
        (dict(sort='clean_prob'), [3, 1, 5, 4, 2, 0]),
        (dict(sort='clean_prob', keep='rejected'), [3, 1, 5, 4]),
    ],
)
def test_samples_are_chosen_by_every_criterion_and_sorted(options, expected):
    assert samples().choose(**options).tolist() == expected


def test_random_order_has_each_chosen_sample_once_and_follows_the_seed():
    orders = {tuple(samples().choose(sort='random', seed=seed)) for seed in range(5)}
    assert len(orders) > 1
    assert {tuple(sorted(order)) for order in orders} == {(0, 1, 2, 3, 4, 5)}
    assert tuple(samples().choose(sort='random', seed=1)) in orders
    again = [samples().choose(sort='random', seed=1).tolist() for _ in range(2)]
    assert again[0] == again[1]


@pytest.mark.parametrize(
    ('options', 'match'),
    [
        (dict(class_names=['cats']), "none of the 4 classes is called 'cats'. Similar ones: cat"),
        (dict(class_names=['xyz']), 'They are: cat, dog, guinea pig'),
        (dict(indices=[0, 6]), 'no sample 6; .* 6 samples 0 to 5'),
        (dict(indices=[-1]), 'no sample -1'),
        (dict(keep='dropped'), "'dropped'"),
        (dict(sort='name'), "'name'"),
        (dict(keep='kept', indices=[1]), 'none of the 6 samples.*--filter=kept.*--indices=.1.'),
    ],
)
def test_unknown_or_empty_choices_are_refused(options, match):
    with pytest.raises(ValueError, match=match):
        samples().choose(**options)


@pytest.mark.parametrize('options', [dict(keep='kept'), dict(sort='clean_prob')])
def test_what_needs_a_selection_asks_for_it(options):
    with pytest.raises(ValueError, match='add --selection'):
        samples(with_selection=False).choose(**options)


def test_wrong_labels_cannot_be_shown_where_no_true_label_is_known():
    unknown = LabelledSamples.of(DigitsDataset(split='test'))
    assert not unknown.is_wrong.any()
    with pytest.raises(ValueError, match='needs true labels'):
        unknown.choose(only_wrong=True)


def test_caption_says_all_that_is_known_and_no_more():
    told = samples()
    assert told.caption(0) == '#0 given: cat\nclean_prob 0.900, kept'
    assert told.caption(1).splitlines() == [
        '#1 given: dog',
        '≠ true: cat',
        'clean_prob 0.040, rejected',
        'detector: cat (0.75)',
    ]
    # right, but the detector says otherwise
    assert told.caption(2).splitlines()[1:] == ['clean_prob 0.600, kept', 'detector: dog (0.75)']
    # an image that could not be read
    assert told.caption(3).splitlines() == ['#3 given: cat', 'clean_prob nan, rejected']
    assert samples(with_selection=False).caption(1) == '#1 given: dog\n≠ true: cat'
    assert samples(with_selection=False).caption(3) == '#3 given: cat'


def test_file_name_tells_the_same_and_is_one():
    told = samples()
    assert told.file_stem(1) == '1_given-dog_true-cat_prob-0.040_rejected'
    assert told.file_stem(4) == '4_given-dog_true-guinea-pig_prob-0.500_rejected'
    assert samples(with_selection=False).file_stem(0) == '0_given-cat'
    assert told.file_stem(5) == '5_given-a-b-c-da-b-c-da-b-c-da-b_prob-0.040_rejected'
