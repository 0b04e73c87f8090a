"""Scores and cuts, and the published pairs of them."""

import builtins

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from deft_mm.selection import (
    ConfidentLearningSelector,
    GMMSelector,
    KNNSelector,
    LabelMatchSelector,
    ScoreSelector,
    build_selector,
    class_probs,
    cuts,
)
from tests.test_selection.selection_utils import clustered

PROBS = np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4], [0.5, 0.5, 0.0], [0.1, 0.1, 0.8]])
LABELS = np.array([0, 1, 1, 0])


def kept_by(cut: str, **options) -> list[bool]:
    kept, score = cuts.CUTS[cut](PROBS, LABELS, **options)
    np.testing.assert_array_equal(score, [0.7, 0.3, 0.5, 0.1])
    return kept.tolist()


def test_cuts_keep_what_they_say():
    assert kept_by('fixed') == [True, False, False, False]
    assert kept_by('fixed', threshold=0.2) == [True, True, True, False]
    # The given label has the right where another is as probable.
    assert kept_by('argmax') == [True, False, True, False]
    assert kept_by('share', noise_ratio=0.5) == [True, False, True, False]
    assert kept_by('share', noise_ratio=0.0) == [True] * 4


def test_share_counts_as_small_loss_does_and_takes_the_lower_index_of_equals():
    probs = np.full((5, 2), 0.5)
    kept, _ = cuts.share(probs, np.zeros(5, dtype=int), noise_ratio=0.8)
    assert kept.tolist() == [True, False, False, False, False]


def test_a_mixture_on_the_zero_shot_loss_is_gmm():
    table = clustered(300, num_classes=3, wrong=0.3)
    for cut, per_class in (('mixture', False), ('mixture_per_class', True)):
        kept, score = ScoreSelector('zero_shot', cut)(table)
        expected, posterior = GMMSelector(per_class=per_class)(table)
        np.testing.assert_array_equal(kept, expected)
        np.testing.assert_allclose(score, posterior, rtol=1e-3, atol=1e-6)


def test_argmax_of_zero_shot_is_label_match():
    table = clustered(100, num_classes=3, wrong=0.3)
    kept, score = ScoreSelector('zero_shot', 'argmax')(table)
    expected, probability = LabelMatchSelector()(table)
    np.testing.assert_array_equal(kept, expected)
    np.testing.assert_allclose(score, probability, rtol=1e-5)


@pytest.mark.parametrize('rule', ['prune_by_noise_rate', 'confident_learning', 'both'])
@pytest.mark.parametrize('probs', ['zero_shot', 'features', 'fused'])
def test_confident_learning_is_cleanlabs(probs, rule):
    filters = pytest.importorskip('cleanlab.filter')
    table = clustered(300, num_classes=3, wrong=0.3)
    kept, score = ConfidentLearningSelector(probs, rule)(table)
    columns = dict(probs=table.probs, feature=table.feature)
    found = class_probs.class_probs([probs], table.given_label, 3, columns, {})[probs]
    issues = filters.find_label_issues(table.given_label, found, filter_by=rule)
    np.testing.assert_array_equal(kept, ~issues)
    np.testing.assert_array_equal(score, found[np.arange(300), table.given_label])
    assert 0.5 < kept.mean() < 0.9


@pytest.mark.parametrize('score', class_probs.SCORES)
@pytest.mark.parametrize('cut', cuts.CUTS)
def test_any_score_goes_with_any_cut_and_knows_nothing_of_what_has_no_score(score, cut):
    if cut == 'confident_learning':
        pytest.importorskip('cleanlab')
    options = dict(noise_ratio=0.3) if cut == 'share' else {}
    whole = clustered(200, num_classes=3, wrong=0.3)
    kept, values = ScoreSelector(score, cut, **options)(whole)
    assert kept.dtype == bool and values.dtype == np.float64 and 0 < kept.sum() < 200
    right = whole.given_label == np.arange(200) % 3
    assert roc_auc_score(right, values) > 0.85
    assert (values >= 0).all() and (values <= 1).all()

    # Unread images, in between: all others are judged as without them.
    lost = np.zeros(250, dtype=bool)
    lost[::5] = True
    wider = clustered(250, num_classes=3)
    labels = wider.given_label.copy()
    labels[~lost] = whole.given_label
    columns = {}
    for name in ('probs', 'feature'):
        values_of = np.full((250, getattr(whole, name).shape[1]), np.nan)
        values_of[~lost] = getattr(whole, name)
        columns[name] = values_of
    table = type(whole)(
        fingerprint=type(whole.fingerprint).from_parts(whole.class_names, labels, [''] * 250),
        class_names=whole.class_names,
        img_path=[''] * 250,
        given_label=labels,
        **columns,
    )
    with_lost, score_of = ScoreSelector(score, cut, **options)(table)
    np.testing.assert_array_equal(with_lost[~lost], kept)
    np.testing.assert_array_equal(score_of[~lost], values)
    assert not with_lost[lost].any() and np.isnan(score_of[lost]).all()


def test_needs_are_those_of_the_score():
    assert KNNSelector().needs == ConfidentLearningSelector('features').needs == ('feature',)
    assert ScoreSelector('zero_shot').needs == ('probs',)
    assert ConfidentLearningSelector().needs == ('probs', 'feature')


def test_number_of_neighbours_reaches_the_vote():
    table = clustered(60, num_classes=3, wrong=0.3)
    expected = class_probs.knn(table.given_label, 3, table.feature, k=4)
    _, score = build_selector(dict(type='KNNSelector', k=4))(table)
    np.testing.assert_array_equal(score, expected[np.arange(60), table.given_label])


@pytest.mark.parametrize(
    ('options', 'match'),
    [
        (dict(score='loss'), "`score` is one of zero_shot, .* found 'loss'"),
        (dict(cut='best'), "`cut` is one of fixed, .* found 'best'"),
        (dict(score='zero_shot', k=3), "'zero_shot' with 'argmax' has no k; its options: none"),
        (dict(score='knn', folds=3), 'has no folds; its options: k'),
        (dict(cut='fixed', noise_ratio=0.3), 'has no noise_ratio; .* threshold'),
        (dict(cut='share'), "'share' needs `noise_ratio`"),
        (dict(cut='share', noise_ratio=1), r'`noise_ratio` is a share in \[0, 1\), found 1'),
        (dict(cut='fixed', threshold=1.5), '`threshold` is a probability'),
        (dict(score='knn', k=0), '`k` is a number of neighbours, 1 or more, found 0'),
        (dict(score='knn', k='many'), "`k` is .* found 'many'"),
        (dict(folds=1), '`folds` is a number of folds'),
        (dict(folds=2.5), '`folds` is a number of folds, 2 or more, found 2.5'),
        (dict(C=0), '`C` is a number above 0'),
        (dict(random_state=-1), '`random_state` is a seed'),
    ],
)
def test_mistakes_are_named(options, match):
    with pytest.raises(ValueError, match=f'ScoreSelector.*{match}'):
        build_selector(dict(type='ScoreSelector', **options))


def test_mistakes_of_confident_learning_are_named():
    pytest.importorskip('cleanlab')
    with pytest.raises(ValueError, match="`probs` is one of zero_shot.*found 'knn'"):
        ConfidentLearningSelector('knn')
    with pytest.raises(ValueError, match='`rule` is one of prune_by_noise_rate'):
        ConfidentLearningSelector(rule='prune')


def test_cleanlab_that_is_missing_is_told_before_anything_is_scored(monkeypatch):
    real = builtins.__import__

    def without_cleanlab(name, *args, **kwargs):
        if name.startswith('cleanlab'):
            raise ModuleNotFoundError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, '__import__', without_cleanlab)
    ScoreSelector('fused', 'argmax')
    with pytest.raises(ImportError, match="needs cleanlab.*pip install 'cleanlab>=2.8'"):
        ConfidentLearningSelector()
