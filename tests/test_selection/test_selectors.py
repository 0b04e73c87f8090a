import numpy as np
import pytest
from mmpretrain.registry import TASK_UTILS

from deft_mm.selection import DualPromptSelector, Selector, build_selector, check_selection
from tests.test_selection.selection_utils import table

AGREED = np.array([True, True, False, True, False])


def test_dual_prompt_keeps_what_is_above_one_half():
    kept, score = DualPromptSelector()(table(agreed=np.ones(5, bool)))
    assert kept.dtype == bool
    assert kept.tolist() == [True, False, True, False, False]
    np.testing.assert_array_equal(score, table().clean_prob)


def test_what_the_detectors_recipe_asks_besides_must_hold():
    kept, score = DualPromptSelector()(table(agreed=AGREED))
    assert kept.tolist() == [True, False, False, False, False]
    np.testing.assert_array_equal(score, table().clean_prob)


def test_threshold_moves_the_border():
    kept, _ = DualPromptSelector(threshold=0.05)(table(agreed=np.ones(5, bool)))
    assert kept.tolist() == [True, True, True, True, False]


def test_selecting_leaves_the_table_alone():
    samples = table(agreed=AGREED)
    DualPromptSelector()(samples)
    np.testing.assert_array_equal(samples.clean_prob, table().clean_prob)
    assert samples.agreed.tolist() == AGREED.tolist() and not samples.kept.any()


@pytest.mark.parametrize('threshold', [1.5, 1, -1])
def test_dual_prompt_mistakes_are_named(threshold):
    with pytest.raises(ValueError, match='threshold'):
        DualPromptSelector(threshold)


@pytest.mark.parametrize('recipe', ['synthetic', 'real_world'])
def test_recipe_of_a_selector_is_an_error_that_says_where_it_stands(recipe):
    with pytest.raises(ValueError, match=r'model\.detector\.head\.recipe.*leave `recipe` out'):
        build_selector(dict(type='DualPromptSelector', recipe=recipe))


def test_file_selector_is_an_error_that_names_the_argument_of_the_hook():
    with pytest.raises(ValueError, match=r"NoiseFilterHook', selection='runs/a\.csv'"):
        build_selector(dict(type='FileSelector', path='runs/a.csv'))


def test_unknown_selector_lists_the_known_ones():
    with pytest.raises(ValueError, match='Known selectors: .*DualPromptSelector.*GMMSelector'):
        build_selector(dict(type='DualPromtSelector'))
    with pytest.raises(ValueError, match='Known selectors'):
        build_selector(dict(threshold=0.5))
    with pytest.raises(TypeError, match='selector'):
        build_selector('DualPromptSelector')


@pytest.mark.parametrize('arguments', [dict(), dict(threshold=0.2, ratio=0.4)])
def test_arguments_that_are_missing_or_unknown_are_named(arguments):
    with pytest.raises(ValueError, match='ThresholdSelector.*(threshold|ratio).*Its arguments'):
        build_selector(dict(type='ThresholdSelector', **arguments))


def test_own_selector_can_be_registered_and_built():
    class KeepFirst(Selector):
        def __call__(self, table):
            return np.arange(len(table)) < 1, table.pred_prob

    TASK_UTILS.register_module(module=KeepFirst)
    try:
        built = build_selector(dict(type='KeepFirst'))
        assert built(table())[0].sum() == 1 and built.needs == () and built.gives_probability
        assert build_selector(built) is built
    finally:
        TASK_UTILS.module_dict.pop('KeepFirst')


def test_empty_selection_is_an_error_and_a_full_one_a_warning(monkeypatch):
    messages = []
    monkeypatch.setattr(
        'deft_mm.selection.selector.print_log', lambda text, **_: messages.append(text)
    )
    with pytest.raises(ValueError, match='keeps none of the 4.*class names.*learning rate'):
        check_selection(np.zeros(4, bool))
    check_selection(np.array([True, False]))
    assert not messages
    check_selection(np.ones(4, bool))
    assert len(messages) == 1 and 'ALL 4' in messages[0]


def test_who_has_warned_already_does_not_warn_again(monkeypatch):
    monkeypatch.setattr(
        'deft_mm.selection.selector.print_log', lambda text, **_: pytest.fail('warned')
    )
    check_selection(np.ones(4, bool), warn=False)
    with pytest.raises(ValueError, match='keeps none of the 4'):
        check_selection(np.zeros(4, bool), warn=False)
