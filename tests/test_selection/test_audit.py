"""Planted errors: what they tell of real ones, on data whose errors are known."""

import numpy as np
import pytest

from deft_mm.evaluation import detection_metrics
from deft_mm.selection import AuditSelector, build_selector, class_probs
from deft_mm.selection.audit import audit, confident_joint
from deft_mm.selection.neighbours import nearest_neighbours
from tests.test_selection.selection_utils import clustered, clusters

NAMES = ('zero_shot', 'features', 'fused')


def run(num_samples=1500, num_classes=4, wrong=0.3, labels=None, seed=0, names=NAMES, **options):
    feature, given, probs = clusters(num_samples, num_classes, wrong, seed)
    labels = given if labels is None else labels
    seen = []

    def detectors(changed):
        seen.append(changed)
        columns = dict(feature=feature, probs=probs)
        return class_probs.class_probs(names, changed, num_classes, columns, {})

    found = audit(detectors, labels, num_classes, **options)
    return found, labels, seen


@pytest.mark.parametrize('wrong', [0.05, 0.2, 0.4, 0.6])
def test_share_of_wrong_labels_and_what_is_found_of_them_are_told(wrong):
    found, labels, _ = run(wrong=wrong)
    clean = np.arange(1500) % 4
    share = (labels != clean).mean()
    assert found.interval[0] <= share <= found.interval[1]
    assert share - 0.03 < found.wrong_share < share + 0.03
    assert found.interval[0] <= found.wrong_share <= found.interval[1]
    assert found.systematic == ()
    feature, _, probs = clusters(1500, 4, wrong)
    own = class_probs.class_probs(NAMES, labels, 4, dict(feature=feature, probs=probs), {})
    true = [
        [
            detection_metrics(p[np.arange(1500), labels] >= threshold, labels, clean)
            for threshold in found.thresholds
        ]
        for p in own.values()
    ]
    f1 = np.array([[one['f1'] for one in row] for row in true])
    # At 60% wrong labels of four classes a fifth of the planted ones is right by chance.
    assert -4 < (found.f1 - f1).mean() < 2
    assert np.corrcoef(found.f1.ravel(), f1.ravel())[0, 1] > 0.75
    assert detection_metrics(found.kept, labels, clean)['f1'] > f1.max() - 3


def test_planted_labels_are_gone_and_every_sample_is_scored_with_its_own():
    found, labels, seen = run(wrong=0.2)
    before = labels.copy()
    np.testing.assert_array_equal(seen[0], before)
    assert len(seen) == 7  # four by transitions, one of each bound
    for changed in seen[1:]:
        assert (changed != before).sum() == found.num_planted == 100
    feature, _, probs = clusters(1500, 4, 0.2)
    columns = dict(feature=feature, probs=probs)
    own = class_probs.class_probs([found.detector], before, 4, columns, {})[found.detector]
    np.testing.assert_array_equal(found.score, own[np.arange(1500), before])
    np.testing.assert_array_equal(labels, before)


def test_an_audit_is_the_same_again_and_another_with_another_seed():
    first, second, other = run(wrong=0.2)[0], run(wrong=0.2)[0], run(wrong=0.2, random_state=1)[0]
    assert first.wrong_share == second.wrong_share != other.wrong_share
    np.testing.assert_array_equal(first.f1, second.f1)


def test_systematic_errors_are_told_with_the_classes_and_not_left_to_what_learned_them():
    clean = np.arange(1500) % 4
    labels = clean.copy()
    # More than half of class 2 is called 3: what is fitted to the labels finds that right.
    labels[(clean == 2) & (np.arange(1500) % 5 < 3)] = 3
    found, _, _ = run(labels=labels)
    assert found.systematic[0] == (3, 2)
    assert found.detector in ('zero_shot', 'fused')
    share = (labels != clean).mean()
    assert found.interval[0] <= share <= found.interval[1]
    assert detection_metrics(found.kept, labels, clean)['f1'] > 90
    text = found.to_lines(['a', 'b', 'c', 'd'])[-1]
    assert text.startswith('WARNING: the errors seem to be systematic') and "'d' for 'c'" in text

    blind, _, _ = run(labels=labels, names=('knn', 'features'))
    assert blind.systematic == () and blind.wrong_share < share / 2


def test_what_people_have_put_right_is_taken_off_and_learned_from():
    table = clustered(1500, 4, wrong=0.3)
    clean = np.arange(1500) % 4
    selector = AuditSelector()
    kept, score = selector(table)
    before = selector.audit
    worst = np.argsort(score)[:300]
    corrected = np.full(1500, -1)
    corrected[worst] = clean[worst]
    corrected[worst[0]] = -2
    reviewed = table.with_columns(corrected_label=corrected)
    kept, score = selector(reviewed)
    found, fixed = selector.audit, (reviewed.label != table.given_label).sum() / 1499
    assert np.isnan(score[worst[0]]) and not kept[worst[0]]
    left = (reviewed.label != clean)[np.arange(1500) != worst[0]].mean()
    assert abs(found.wrong_share - (before.wrong_share - fixed)) < 0.03
    assert found.interval[0] <= left <= found.interval[1]
    # Of a label that has been put right the detector is sure, which has learned from it.
    assert score[worst[1:]].mean() > 0.8 > 0.2 > before.score[worst[1:]].mean()


def test_neighbours_are_searched_for_once_whatever_is_planted(monkeypatch):
    table, searched = clustered(1500, 4, wrong=0.2), []

    def search(feature, k):
        searched.append(k)
        return nearest_neighbours(feature, k)

    for module in ('audit_selector', 'class_probs'):
        monkeypatch.setattr(f'deft_mm.selection.{module}.nearest_neighbours', search)
    kept, score = AuditSelector(('zero_shot', 'knn'), k=7)(table)
    assert searched == [7]
    columns = dict(feature=table.feature, probs=table.probs)
    names = ('zero_shot', 'knn')
    expected = audit(
        lambda labels: class_probs.class_probs(names, labels, 4, columns, dict(k=7)),
        table.given_label,
        4,
    )
    np.testing.assert_array_equal(kept, expected.kept)
    np.testing.assert_array_equal(score, expected.score)
    assert len(searched) == 8


def test_classes_that_there_are_not_are_not_planted():
    feature, labels, probs = clusters(1200, 3, wrong=0.2)
    labels, probs = 2 * labels, np.repeat(probs / 2, 2, axis=1)  # three of six classes
    columns, seen = dict(feature=feature, probs=probs), []

    def detectors(changed):
        seen.append(changed)
        return class_probs.class_probs(NAMES, changed, 6, columns, {})

    audit(detectors, labels, 6)
    assert all(set(changed) == {0, 2, 4} for changed in seen)


def test_confident_joint_is_cleanlabs():
    count = pytest.importorskip('cleanlab.count')
    _, labels, probs = clusters(500, 4, wrong=0.3)
    found = confident_joint(probs.astype(np.float64), labels)
    np.testing.assert_array_equal(
        found, count.compute_confident_joint(labels, probs.astype(np.float64), calibrate=False)
    )


def test_selector_tells_what_the_audit_found(monkeypatch):
    messages = []
    monkeypatch.setattr(
        'deft_mm.selection.audit_selector.print_log',
        lambda text, logger, level: messages.append(text),
    )
    table = clustered(1500, 4, wrong=0.2)
    selector = build_selector(dict(type='AuditSelector'))
    kept, score = selector(table)
    expected, _, _ = run(wrong=0.2)
    np.testing.assert_array_equal(kept, expected.kept)
    np.testing.assert_array_equal(score, expected.score)
    assert selector.needs == ('probs', 'feature')
    assert messages == ['\n'.join(expected.to_lines(table.class_names))]
    assert f'{expected.wrong_share:.1%} of the labels are wrong' in messages[0]


@pytest.mark.parametrize(
    ('options', 'match'),
    [
        (dict(detectors=['loss']), '`detectors` are some of zero_shot, features, knn, fused'),
        (dict(detectors=[]), '`detectors` are some of'),
        (dict(planted=0.5), r'`planted` is a share in \(0, 0.2\], found 0.5'),
        (dict(k=3), 'these detectors have no k; their options: C, folds'),
        (dict(folds=1), '`folds` is a number of folds'),
    ],
)
def test_mistakes_are_named(options, match):
    with pytest.raises(ValueError, match=f'AuditSelector.*{match}'):
        build_selector(dict(type='AuditSelector', **options))


def test_too_few_samples_and_a_single_class_are_told():
    with pytest.raises(ValueError, match='needs 250 samples, and there are 249'):
        AuditSelector()(clustered(249, 3))
    AuditSelector()(clustered(250, 3))
    with pytest.raises(ValueError, match='labels of two classes'):
        run(labels=np.zeros(1500, dtype=int))
