"""Which class of a detector a class of the data is."""

import pytest

from deft_mm.selection import ClassMatching, prompt_names

DETECTOR = ('computer_keyboard', 'T-shirt', 'crane', 'crane', 'oak tree')


def labels(data_classes, class_map=None, detector_classes=DETECTOR):
    return ClassMatching.by_name(data_classes, detector_classes, class_map).detector_label.tolist()


@pytest.mark.parametrize(
    'name', ['computer_keyboard', 'Computer Keyboard', 'computer-keyboard', ' computer__keyboard ']
)
def test_spelling_makes_no_difference(name):
    assert labels(['oak_tree', name]) == [4, 0]


def test_similar_names_and_parts_of_names_do_not_match():
    matching = ClassMatching.by_name(['keyboard', 'oak', 'oaktree', 't shirt'], DETECTOR)
    assert matching.detector_label.tolist() == [-1, -1, -1, 1]
    assert matching.unmatched_names == ['keyboard', 'oak', 'oaktree']
    assert matching.matched.tolist() == [3]
    assert matching.other_labels.tolist() == [0, 2, 3, 4]


def test_a_name_that_the_detector_has_twice_is_matched_with_neither():
    assert labels(['crane', 'oak_tree']) == [-1, 4]


def test_the_same_names_in_the_same_order_are_the_same_classes():
    assert labels(DETECTOR) == [0, 1, 2, 3, 4]


def test_of_two_spellings_the_equal_one_matches():
    assert labels(['t_shirt', 'T-shirt'], detector_classes=['T-shirt', 't_shirt']) == [1, 0]


def test_the_map_adds_to_the_names_and_wins_over_them():
    assert labels(['Keyboard', 'shirt'], {'keyboard': 'Computer Keyboard'}) == [0, -1]
    swapped = {'oak_tree': 't shirt', 'T-shirt': 'oak tree'}
    assert labels(['oak_tree', 'T-shirt'], swapped) == [1, 4]
    assert labels(['oak tree', 't shirt'], {'oak tree': ''}) == [-1, 1]


@pytest.mark.parametrize(
    ('data_classes', 'class_map', 'match'),
    [
        (['oak tree', 'oak_tree'], {}, "'oak tree' and 'oak_tree', are both 'oak tree'"),
        (['oak tree', 'palm'], {'palm': 'oak tree'}, "'oak tree' and 'palm', are both 'oak tree'"),
        (['oak tree'], {'oat tree': 'T-shirt'}, "data_class 'oat tree'.*Similar ones: 'oak tree'"),
        (['palm'], {'palm': 'oat tree'}, "detector_class 'oat tree'.*Similar ones: 'oak tree'"),
        (['palm'], {'palm': 'crane'}, "detector_class 'crane', which is not the name of exactly"),
        (['palm', 'pine'], {}, "None of the classes of the data \\('palm', 'pine'\\)"),
    ],
)
def test_what_cannot_be_matched_is_an_error_that_names_it(data_classes, class_map, match):
    with pytest.raises(ValueError, match=match):
        ClassMatching.by_name(data_classes, DETECTOR, class_map)


def test_prompts_take_the_names_of_the_map():
    assert prompt_names(['n01', 'oak_tree'], {'n01': 'goldfish'}) == ['goldfish', 'oak_tree']
    with pytest.raises(ValueError, match="data_class 'n02'"):
        prompt_names(['n01', 'oak_tree'], {'n02': 'goldfish'})
