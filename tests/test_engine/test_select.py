"""What a model says of a data set whose classes are not all its own, and what is kept then."""

import copy

import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS

from deft_mm.datasets import NoisyLabelDataset, sample_table_of
from deft_mm.engine import scoring_pass
from deft_mm.engine.select import select
from deft_mm.progress import Progress
from deft_mm.selection import (
    ClassMatching,
    DualPromptSelector,
    GMMSelector,
    LabelMatchSelector,
    SelectionLimits,
    Selector,
    SmallLossSelector,
    ThresholdSelector,
)
from runner_utils import MadeUpImages, tiny

PIPELINE = [dict(type='PackInputs')]
NAMES = [f'class {i}' for i in range(10)]
# The detector's classes 3, 0 and 7 under the data's labels 0, 2 and 3.
DATA_CLASSES = ['Class 3', 'zebra', 'class_0', 'class-7']
MATCHED = {0: 3, 2: 0, 3: 7}
THRESHOLD = ThresholdSelector(threshold=0.0)
THRESHOLD.threshold = -0.22  # random weights make every cosine negative
SELECTORS = [
    DualPromptSelector(),
    LabelMatchSelector(),
    SmallLossSelector(noise_ratio=0.5),
    GMMSelector(),
    THRESHOLD,
]


@pytest.fixture(autouse=True)
def scope():
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        yield


def build_detector(recipe: str = 'synthetic', names: list[str] = NAMES):
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        cfg = tiny('deft/deft_digits_sym40.py', 'unused').model.detector
        cfg.head.recipe = recipe
        cfg.head.num_classes = len(names)
        detector = MODELS.build(cfg)
    detector.head.set_class_names(names)
    return detector.eval()


@pytest.fixture(scope='module')
def detector():
    return build_detector()


@pytest.fixture
def dataset():
    images = MadeUpImages(4, 40, metainfo=dict(classes=DATA_CLASSES), pipeline=PIPELINE)
    return NoisyLabelDataset(images, noise=dict(type='SymmetricNoise', ratio=0.5, seed=0))


def scores_of(detector, labels) -> dict:
    """Clean probability of the detector's `labels` of the same images, and all logits."""
    images = MadeUpImages(4, 40, metainfo=dict(classes=NAMES), pipeline=PIPELINE)
    inputs = torch.stack([images[i]['inputs'] for i in range(40)]).float()
    with torch.no_grad():
        pos_BC, neg_BC = detector.head.dual_logits(detector.extract_feat(inputs))
    clean_BC = torch.sigmoid(pos_BC - neg_BC)
    return dict(clean=clean_BC[range(40), labels].numpy(), pos=pos_BC)


def run(detector, dataset, selector=None, limits=None, **options):
    options.setdefault('matching', ClassMatching.by_name(DATA_CLASSES, NAMES))
    options = dict(pipeline=PIPELINE, batch_size=7) | options
    return select(detector, dataset, selector or DualPromptSelector(), limits, **options)


def test_each_sample_is_scored_with_the_detectors_class_of_its_label(detector, dataset):
    table = run(detector, dataset, config='deft.py')
    given = dataset.given_labels
    scored = given != 1
    expected = scores_of(detector, [MATCHED.get(label, 0) for label in given.tolist()])
    np.testing.assert_array_equal(table.scored, scored)
    assert table.readable.all()
    clean_prob = np.where(scored, expected['clean'], np.nan)
    np.testing.assert_allclose(table.clean_prob, clean_prob, rtol=1e-5)
    np.testing.assert_array_equal(table.score, table.clean_prob)
    best = expected['pos'][:, list(MATCHED.values())].softmax(1).max(1)
    pred = np.array(list(MATCHED))[best.indices.numpy()]
    np.testing.assert_array_equal(table.pred_label, np.where(scored, pred, -1))
    np.testing.assert_allclose(
        table.pred_prob, np.where(scored, best.values.numpy(), np.nan), rtol=1e-5
    )
    np.testing.assert_array_equal(table.kept, np.where(scored, expected['clean'] > 0.5, True))
    assert (table.method, table.config) == ('DualPromptSelector', 'deft.py')


@pytest.mark.parametrize('recipe', ['synthetic', 'real_world'])
@pytest.mark.parametrize('selector', SELECTORS, ids=lambda one: type(one).__name__)
def test_scores_equal_those_of_a_detector_that_has_only_these_classes(selector, recipe, dataset):
    whole = build_detector(recipe)
    found = run(whole, dataset, selector)
    small = build_detector(recipe, [NAMES[label] for label in MATCHED.values()])
    trained, own = dict(whole.named_parameters()), dict(small.named_parameters())
    assert all(torch.equal(value, trained[name]) for name, value in own.items())
    kept = np.flatnonzero(dataset.given_labels != 1)
    subset = MadeUpImages(
        4,
        40,
        labels=[max(0, label - 1) for label in dataset.given_labels.tolist()],
        metainfo=dict(classes=NAMES[:3]),
        indices=kept.tolist(),
        pipeline=PIPELINE,
    )
    alone = run(small, subset, selector, matching=None)
    assert 0 < alone.num_kept < len(alone)
    np.testing.assert_array_equal(found.kept[kept], alone.kept)
    np.testing.assert_array_equal(found.pred_label[kept], np.array(list(MATCHED))[alone.pred_label])
    for name in ('score', 'clean_prob', 'pred_prob'):
        # In single precision, as the losses are: their last digit moves what is next to nothing.
        one, two = (
            np.float32(values) for values in (getattr(found, name)[kept], getattr(alone, name))
        )
        np.testing.assert_allclose(one, two, rtol=1e-4, err_msg=name)
        assert np.isnan(np.delete(getattr(found, name), kept)).all()
    assert found.kept[~found.scored].all() and found.method == type(selector).__name__


def test_all_classes_of_the_detector_compete_where_asked_for(detector, dataset):
    table = run(detector, dataset, among_all=True)
    best = scores_of(detector, [0] * 40)['pos'].argmax(1).tolist()
    back = {theirs: ours for ours, theirs in MATCHED.items()}
    expected = np.array([back.get(label, -1) for label in best])
    scored = dataset.given_labels != 1
    np.testing.assert_array_equal(table.pred_label[scored], expected[scored])
    assert -1 in table.pred_label[scored] and table.has_scores.tolist() == scored.tolist()
    # The clean probability is a matter of one class.
    np.testing.assert_array_equal(table.clean_prob, run(detector, dataset).clean_prob)


def test_unscored_samples_are_rejected_where_asked_for(detector, dataset):
    kept = run(detector, dataset, keep_unmatched=False).kept
    assert not kept[dataset.given_labels == 1].any() and kept.any()
    np.testing.assert_array_equal(kept, run(detector, dataset).kept & (dataset.given_labels != 1))


def test_limits_are_shares_of_the_scored_samples(detector, dataset):
    scored = dataset.given_labels != 1
    for share in (0.25, 0.75):
        limits = SelectionLimits(max_rejected=share, min_rejected=share)
        table = run(detector, dataset, limits=limits)
        assert (~table.kept[scored]).sum() == int(share * scored.sum())
        assert table.kept[~scored].all()


def test_threshold_selects_by_the_cosine_and_leaves_the_clean_probability(detector, dataset):
    table = run(detector, dataset, THRESHOLD)
    own = run(detector, dataset)
    np.testing.assert_array_equal(table.clean_prob, own.clean_prob)
    np.testing.assert_array_equal(table.score, table.similarity)
    assert not np.array_equal(table.score, own.score, equal_nan=True)


@pytest.mark.parametrize('selector', SELECTORS, ids=lambda one: type(one).__name__)
def test_unreadable_rows_are_rejected_and_others_are_as_without_them(selector, detector, dataset):
    whole = run(detector, dataset, selector)
    broken = np.flatnonzero(whole.scored)[[0, 3]]

    def refuse(results):
        if results['sample_idx'] in broken:
            results['img'] = None
            raise OSError('broken')
        return results

    pipeline = [refuse, *PIPELINE]
    table = run(detector, dataset, selector, pipeline=pipeline, skip_unreadable=True)
    assert np.flatnonzero(~table.readable).tolist() == broken.tolist()
    assert not table.kept[broken].any() and (table.pred_label[broken] == -1).all()
    for name in ('score', 'clean_prob', 'pred_prob'):
        assert np.isnan(getattr(table, name)[broken]).all(), name
    rest = np.setdiff1d(np.arange(40), broken)
    np.testing.assert_allclose(table.pred_prob[rest], whole.pred_prob[rest], rtol=1e-4)
    limits = SelectionLimits(max_rejected=0.0)
    kept = run(detector, dataset, selector, limits, pipeline=pipeline, skip_unreadable=True).kept
    assert np.flatnonzero(~kept).tolist() == broken.tolist()
    with pytest.raises(ValueError, match='broken'):
        run(detector, dataset, selector, pipeline=pipeline)


@pytest.mark.parametrize('matching', [None, ClassMatching.by_name(DATA_CLASSES, NAMES)])
@pytest.mark.parametrize('selector', SELECTORS, ids=lambda one: type(one).__name__)
def test_where_no_image_can_be_read_the_error_says_so(selector, matching, detector):
    def refuse(results):
        results['img'] = None
        raise OSError('broken')

    images = MadeUpImages(4, 8, metainfo=dict(classes=DATA_CLASSES), pipeline=PIPELINE)
    options = dict(pipeline=[refuse, *PIPELINE], skip_unreadable=True, matching=matching)
    with pytest.raises(ValueError, match=r'[Nn]one of the (6|8) images can be read'):
        run(detector, images, selector, **options)


def test_where_no_sample_can_be_scored_the_error_names_the_classes(detector):
    dataset = MadeUpImages(4, 8, [1] * 8, metainfo=dict(classes=DATA_CLASSES), pipeline=PIPELINE)
    with pytest.raises(ValueError, match='None of the 8 samples .*Class 3, class_0, class-7'):
        run(detector, dataset)


def test_model_is_left_as_it_was_and_a_table_that_was_listed_is_used(detector, dataset):
    head, state = detector.head, copy.deepcopy(detector.state_dict())
    samples = sample_table_of(dataset)
    table = run(detector, dataset, table=samples)
    assert detector.head is head and not detector.training
    assert all(torch.equal(value, state[name]) for name, value in detector.state_dict().items())
    assert table.given_label is samples.given_label and not samples.has_scores.any()


def test_progress_counts_the_samples_that_are_scored(detector, dataset, monkeypatch):
    made, counts = [], []

    class Noted(Progress):
        def __init__(self, *args):
            made.append(args)
            super().__init__(*args)

        def advance(self, count=1):
            counts.append(count)

    monkeypatch.setattr(scoring_pass, 'Progress', Noted)
    scored = int(run(detector, dataset).scored.sum())
    assert made == [('Scored', scored, 'samples')]
    assert sum(counts) == scored and max(counts) == 7


def test_selector_of_ones_own_sees_the_whole_table(detector, dataset):
    class ByFeature(Selector):
        needs = ('feature', 'probs')
        gives_probability = False

        def __call__(self, table):
            assert table.feature.shape[0] == 40 and table.probs.shape == (40, 4)
            assert (table.probs[table.scored, 1] == 0).all()  # the class that it does not have
            np.testing.assert_allclose(table.probs[table.scored].sum(1), 1, rtol=1e-5)
            assert np.isnan(table.feature[~table.scored]).all()
            return np.ones(40, bool), np.arange(40)

    table = run(detector, dataset, ByFeature(), keep_unmatched=False)
    np.testing.assert_array_equal(table.kept, table.scored)
    assert table.score.tolist() == list(range(40)) and table.score.dtype == np.float64


class Returns(Selector):
    """Answers what it is given."""

    def __init__(self, answer) -> None:
        self.answer = answer

    def __call__(self, table):
        return self.answer


KEPT, SCORE = np.arange(40) % 2 == 0, np.linspace(0, 1, 40)


@pytest.mark.parametrize(
    ('answer', 'found'),
    [
        (None, 'NoneType'),
        (KEPT, 'ndarray'),
        ((KEPT[:1], SCORE), r'bool of shape \(1,\) and float64 of shape \(40,\)'),
        ((KEPT, 0.5), r'bool of shape \(40,\) and float64 of shape \(\)'),
        ((KEPT.astype(int), SCORE), 'int64 of shape .* and'),
        ((KEPT, SCORE, SCORE), 'bool .* and float64 .* and float64'),
    ],
)
def test_a_selector_that_does_not_return_two_arrays_is_told_so(detector, dataset, answer, found):
    with pytest.raises(ValueError, match=rf'Returns returned {found}.*shape \(40,\), bool'):
        run(detector, dataset, Returns(answer), SelectionLimits(max_rejected=0.5))


@pytest.mark.parametrize('value', [np.inf, -np.inf, 1e39])
def test_an_infinite_score_is_told_before_a_curve_is_made_of_it(detector, dataset, value):
    answer = KEPT, np.where(np.arange(40) >= 38, value, SCORE)
    with pytest.raises(ValueError, match=r'Returns returned an infinite score for 2 .*first: 38'):
        run(detector, dataset, Returns(answer))


def test_a_selector_may_return_lists_and_tensors(detector, dataset):
    expected = run(detector, dataset, Returns((KEPT, SCORE)))
    for kind in (np.ndarray.tolist, torch.from_numpy):
        table = run(detector, dataset, Returns((kind(KEPT), kind(SCORE))))
        np.testing.assert_array_equal(table.kept, expected.kept)
        np.testing.assert_array_equal(table.score, expected.score)
