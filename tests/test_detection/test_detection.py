"""What a detector says of a data set whose classes are not all its own."""

import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from mmpretrain.registry import DATASETS, MODELS

from deft_mm.datasets import NoisyLabelDataset
from deft_mm.detection import ClassMatching, detect, scoring_progress
from deft_mm.engine.scoring_pass import score_samples
from deft_mm.selection import build_selector, read_selection
from runner_utils import MadeUpImages, tiny

PIPELINE = [dict(type='PackInputs')]
NAMES = [f'class {i}' for i in range(10)]
# The detector's classes 3, 0 and 7 under the data's labels 0, 2 and 3.
DATA_CLASSES = ['Class 3', 'zebra', 'class_0', 'class-7']
MATCHED = {0: 3, 2: 0, 3: 7}


@pytest.fixture(autouse=True)
def scope():
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        yield


@pytest.fixture(scope='module')
def detector():
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        cfg = tiny('deft/deft_digits_sym40.py', 'unused').model.detector
        detector = MODELS.build(cfg)
    detector.head.set_class_names(NAMES)
    return detector.eval()


@pytest.fixture
def dataset():
    images = MadeUpImages(4, 40, metainfo=dict(classes=DATA_CLASSES), pipeline=PIPELINE)
    return NoisyLabelDataset(images, noise=dict(type='SymmetricNoise', ratio=0.5, seed=0))


def scores_of(detector, labels) -> dict:
    """Clean probability of the detector's `labels` of the same images, and all probabilities."""
    images = MadeUpImages(4, 40, metainfo=dict(classes=NAMES), pipeline=PIPELINE)
    inputs = torch.stack([images[i]['inputs'] for i in range(40)]).float()
    with torch.no_grad():
        pos_BC, neg_BC = detector.head.dual_logits(detector.extract_feat(inputs))
    clean_BC = torch.sigmoid(pos_BC - neg_BC)
    return dict(clean=clean_BC[range(40), labels].numpy(), pos=pos_BC)


def run(detector, dataset, selector=None, **options):
    matching = ClassMatching.by_name(DATA_CLASSES, NAMES)
    selector = build_selector(selector or dict(type='DualPromptSelector'))
    return detect(detector, dataset, matching, selector, PIPELINE, batch_size=7, **options)


def test_each_sample_is_scored_with_the_detectors_class_of_its_label(detector, dataset):
    found = run(detector, dataset)
    given = dataset.given_labels
    scored = given != 1
    labels = [MATCHED.get(label, 0) for label in given.tolist()]
    expected = scores_of(detector, labels)
    np.testing.assert_array_equal(found.scored, scored)
    selection = found.selection
    np.testing.assert_allclose(
        selection.clean_prob, np.where(scored, expected['clean'], np.nan), rtol=1e-5
    )
    best = expected['pos'][:, list(MATCHED.values())].softmax(1).max(1)
    pred = np.array(list(MATCHED))[best.indices.numpy()]
    np.testing.assert_array_equal(selection.pred_label, np.where(scored, pred, -1))
    np.testing.assert_allclose(
        selection.pred_prob, np.where(scored, best.values.numpy(), np.nan), rtol=1e-5
    )
    np.testing.assert_array_equal(selection.kept, np.where(scored, expected['clean'] > 0.5, True))


def test_all_classes_of_the_detector_compete_where_asked_for(detector, dataset):
    selection = run(detector, dataset, among_all=True).selection
    best = scores_of(detector, [0] * 40)['pos'].argmax(1).tolist()
    back = {theirs: ours for ours, theirs in MATCHED.items()}
    expected = [back.get(label, -1) for label in best]
    scored = dataset.given_labels != 1
    np.testing.assert_array_equal(selection.pred_label[scored], np.array(expected)[scored])
    assert -1 in selection.pred_label[scored]


def test_unscored_samples_are_rejected_where_asked_for(detector, dataset):
    kept = run(detector, dataset, keep_unmatched=False).selection.kept
    assert not kept[dataset.given_labels == 1].any() and kept.any()


@pytest.mark.parametrize(
    'selector',
    [
        dict(type='LabelMatchSelector'),
        dict(type='SmallLossSelector', noise_ratio=0.5),
        dict(type='GMMSelector'),
        dict(type='ThresholdSelector', threshold=0.1),
    ],
)
def test_every_selector_selects_among_the_scored_samples_alone(selector, detector, dataset):
    found = run(detector, dataset, selector)
    subset = DATASETS.build(
        dict(
            type='MadeUpImages',
            num_classes=4,
            num_samples=40,
            labels=[MATCHED.get(label, 0) for label in dataset.given_labels.tolist()],
            metainfo=dict(classes=NAMES),
            indices=np.flatnonzero(found.scored).tolist(),
            pipeline=PIPELINE,
        )
    )
    head = detector.head
    built = build_selector(selector)
    scores = score_samples(detector, subset, PIPELINE, batch_size=7, needs=built.needs)
    assert detector.head is head
    if selector['type'] == 'ThresholdSelector':  # the other scores depend on what competes
        np.testing.assert_array_equal(
            found.selection.kept[found.scored], built.select(scores, None)
        )
    if selector['type'] == 'SmallLossSelector':
        assert found.selection.kept[found.scored].sum() == len(subset) // 2
    assert np.isnan(found.selection.clean_prob).tolist() == (~found.scored).tolist()
    assert found.selection.method == selector['type']


def test_figures_are_those_of_the_scored_samples(detector, dataset, tmp_path):
    found = run(detector, dataset)
    scored, kept = found.scored, found.selection.kept
    right = dataset.given_labels == dataset.clean_labels
    precision = 100 * (kept & right & scored).sum() / (kept & scored).sum()
    text = '\n'.join(found.to_lines())
    assert f'precision {precision:.2f}' in text
    assert f'Kept {kept.sum()} of 40 samples: {kept[scored].sum()} of {scored.sum()}' in text
    assert f'{(~scored).sum()} samples of classes that the detector does not have: kept' in text
    assert found.curve().num_samples == scored.sum()
    label = max(MATCHED, key=lambda label: (~kept[dataset.given_labels == label]).mean())
    rejected = (~kept[dataset.given_labels == label]).sum()
    total = (dataset.given_labels == label).sum()
    first = text.split('most is rejected:\n')[1].splitlines()[0]
    assert DATA_CLASSES[label] in first and f'{rejected} of {total}' in first
    files = found.write(tmp_path / 'out.csv')
    assert [file.name for file in files] == ['out.csv', 'out_detection_curve.csv']
    assert [file.name for file in found.write(tmp_path / 'selection.csv')] == [
        'selection.csv',
        'detection_curve.csv',
    ]
    np.testing.assert_array_equal(read_selection(files[0]).kept, kept)


def test_where_no_sample_can_be_scored_the_error_names_the_classes(detector):
    dataset = MadeUpImages(4, 8, [1] * 8, metainfo=dict(classes=DATA_CLASSES), pipeline=PIPELINE)
    with pytest.raises(ValueError, match='None of the 8 samples .*Class 3, class_0, class-7'):
        run(detector, dataset)


def test_progress_is_logged_as_samples_pass(detector, dataset, monkeypatch):
    lines = []
    monkeypatch.setattr(scoring_progress, '_INTERVAL', 0.0)
    monkeypatch.setattr(scoring_progress, 'print_log', lambda text, logger: lines.append(text))
    scored = int(run(detector, dataset).scored.sum())
    assert len(lines) == -(-scored // 7) - 1
    assert lines[0].startswith(f'Scored 7 of {scored} samples ({7 / scored:.0%}) in ')
