import numpy as np
import pytest
from mmpretrain.registry import TASK_UTILS

from deft_mm.selection import (
    DualPromptSelector,
    FileSelector,
    Selector,
    build_selector,
    check_selection,
    write_selection,
)
from tests.test_selection.selection_utils import GIVEN, fingerprint, scores, selection


def test_dual_prompt_keeps_what_is_above_one_half():
    kept = DualPromptSelector().select(scores(), fingerprint())
    assert kept.dtype == bool
    assert kept.tolist() == [True, False, True, False, False]


def test_real_world_recipe_also_asks_for_the_highest_clean_probability():
    kept = DualPromptSelector(recipe='real_world').select(scores(), fingerprint())
    assert kept.tolist() == [True, False, False, False, False]


def test_cautious_recipe_selects_as_the_synthetic_one():
    kept = DualPromptSelector(recipe='cautious').select(scores(), fingerprint())
    assert kept.tolist() == [True, False, True, False, False]


def test_threshold_moves_the_border():
    kept = DualPromptSelector(threshold=0.05).select(scores(), fingerprint())
    assert kept.tolist() == [True, True, True, True, False]


def test_unreadable_sample_is_never_kept():
    sure = scores(clean_prob=np.ones(5))
    assert DualPromptSelector().select(sure, fingerprint()).tolist() == [True] * 4 + [False]


def test_selecting_leaves_the_scores_alone():
    table = scores()
    DualPromptSelector(recipe='real_world').select(table, fingerprint())
    assert table.readable.tolist() == [True] * 4 + [False]


@pytest.mark.parametrize('options', [dict(threshold=1.5), dict(threshold=-1), dict(recipe='real')])
def test_dual_prompt_mistakes_are_named(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        DualPromptSelector(**options)


def test_dual_prompt_without_scores_is_refused():
    with pytest.raises(ValueError, match='scoring pass'):
        DualPromptSelector().select(None, fingerprint())


def test_file_selector_repeats_a_selection_without_scores(tmp_path):
    write_selection(tmp_path / 'selection.csv', selection())
    selector = build_selector(dict(type='FileSelector', path=tmp_path / 'selection.csv'))
    assert not selector.needs_scores and DualPromptSelector.needs_scores
    np.testing.assert_array_equal(selector.select(None, fingerprint()), selection().kept)


def test_file_of_another_data_set_is_refused(tmp_path):
    write_selection(tmp_path / 'selection.csv', selection())
    other = fingerprint(given_labels=GIVEN[::-1])
    with pytest.raises(ValueError, match='selection.csv.*given labels differ'):
        FileSelector(tmp_path / 'selection.csv').select(None, other)


def test_unknown_selector_lists_the_known_ones():
    with pytest.raises(ValueError, match='Known selectors: .*DualPromptSelector.*FileSelector'):
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
        needs_scores = False

        def select(self, scores, fingerprint):
            return np.arange(fingerprint.num_samples) < 1

    TASK_UTILS.register_module(module=KeepFirst)
    try:
        built = build_selector(dict(type='KeepFirst'))
        assert built.select(None, fingerprint()).sum() == 1
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
