"""Which selector is taken where nobody names one."""

import numpy as np
import pytest

from deft_mm.detection import default_selector, require_enough, selector_type
from deft_mm.selection import AuditSelector, Fingerprint, SampleTable, ScoreSelector, build_selector


def table_of(labels) -> SampleTable:
    labels = np.array(labels)
    names = [f'class {i}' for i in range(labels.max() + 1)]
    paths = [f'{i}.png' for i in range(len(labels))]
    return SampleTable(Fingerprint.from_parts(names, labels, paths), names, paths, labels)


@pytest.mark.parametrize(
    ('counts', 'type_', 'folds'),
    [
        ((125, 125), AuditSelector, 5),
        ((246, 4), AuditSelector, 4),
        ((125, 124), ScoreSelector, 5),
        ((30, 3, 1), ScoreSelector, 3),
    ],
)
def test_the_data_decide_and_it_is_said_why(counts, type_, folds):
    labels = np.repeat(np.arange(len(counts)), counts)
    selector, why = default_selector(labels)
    assert type(selector) is type_
    assert (selector.options if type_ is AuditSelector else selector.score_options)[
        'folds'
    ] == folds
    assert ('too few for an audit' in why) == (type_ is ScoreSelector)
    require_enough(selector, table_of(labels))


def test_classes_of_one_image_leave_zero_shot_clip_alone():
    selector, why = default_selector(np.arange(300))
    assert selector.score == 'zero_shot' and 'zero-shot CLIP alone decides' in why
    require_enough(selector, table_of(np.arange(300)))


def test_what_needs_more_samples_is_refused():
    few = table_of(np.arange(249) % 3)
    with pytest.raises(ValueError, match='AuditSelector needs 250 images, and there are 249'):
        require_enough(AuditSelector(), few)
    scattered = table_of(np.arange(300) % 100)
    for cfg in (dict(type='AuditSelector'), dict(type='ScoreSelector', score='features')):
        with pytest.raises(ValueError, match='5 folds, and no two .* set --detector-.* folds=3'):
            require_enough(build_selector(cfg), scattered)
        require_enough(build_selector(cfg | dict(folds=3)), scattered)
    for cfg in (dict(type='KNNSelector'), dict(type='AuditSelector', detectors=['zero_shot'])):
        require_enough(build_selector(cfg), scattered)


@pytest.mark.parametrize('name', ['knn', 'KNN', 'KNNSelector', 'small_loss', 'small-loss'])
def test_a_selector_is_found_by_any_spelling(name):
    expected = 'KNNSelector' if 'knn' in name.lower() else 'SmallLossSelector'
    assert selector_type(name, '--detector') == expected


def test_an_unknown_selector_is_answered_with_the_known_words():
    with pytest.raises(
        ValueError, match="--detector is 'nn', .*: audit, .*, knn, .*, label_match, "
    ):
        selector_type('nn', '--detector')
