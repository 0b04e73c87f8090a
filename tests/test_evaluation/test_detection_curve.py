import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from deft_mm.evaluation import DetectionCurve, detection_metrics
from property_utils import SETTINGS, damaged, refuses_or_reads

SCORE = np.array([0.9, 0.8, 0.8, 0.4, 0.1])
GIVEN = np.array([0, 1, 2, 3, 4])
CLEAN = np.array([0, 1, 0, 3, 0])  # the third and the last label are wrong


def curve() -> DetectionCurve:
    return DetectionCurve.from_scores(SCORE, GIVEN, CLEAN)


def test_counts_are_those_of_scores_at_or_above_each_threshold():
    found = curve()
    assert found.threshold.tolist() == [0.9, 0.8, 0.4, 0.1]
    assert found.kept_clean.tolist() == [1, 2, 3, 3] and found.kept_wrong.tolist() == [0, 1, 1, 2]
    assert (found.num_samples, found.num_clean) == (5, 3)


def test_auroc_counts_ties_half():
    # of the six pairs of a right and a wrong label, 4 are in order and one is tied
    assert curve().auroc == pytest.approx(100 * 4.5 / 6)


def test_average_precision_is_the_mean_precision_at_each_right_label():
    assert curve().average_precision == pytest.approx(100 * (1 + 2 / 3 + 3 / 4) / 3)


def test_precision_and_recall_are_those_of_the_detection_metrics():
    precision, recall = curve().precision_recall()
    for i, threshold in enumerate(curve().threshold):
        metrics = detection_metrics(threshold <= SCORE, GIVEN, CLEAN)
        assert precision[i] == pytest.approx(metrics['precision'])
        assert recall[i] == pytest.approx(metrics['recall'])


def test_many_scores_are_thinned_and_auroc_stays_exact():
    draw = np.random.RandomState(0)
    is_clean = draw.rand(5000) < 0.6
    score = 0.3 * is_clean + 0.7 * draw.rand(5000)
    found = DetectionCurve.from_scores(score, is_clean.astype(int), np.ones(5000))
    assert len(found.threshold) == 1001
    assert found.threshold[0] == score.max() and found.num_samples == 5000
    assert found.auroc == pytest.approx(100 * roc_auc_score(is_clean, score))


def test_histogram_is_split_by_truth():
    edges, clean, wrong = curve().histogram(bins=2)
    assert edges.tolist() == [0.0, 0.5, 1.0]
    assert clean.tolist() == [1, 2] and wrong.tolist() == [1, 1]


def test_unreadable_samples_count_as_the_lowest():
    score = np.array([0.9, np.nan, 0.2])
    found = DetectionCurve.from_scores(score, np.zeros(3), np.array([0, 0, 1]))
    assert found.kept_clean.tolist() == [1, 1, 2] and found.kept_wrong.tolist() == [0, 1, 1]


@pytest.mark.parametrize('clean', [GIVEN, GIVEN + 1])
def test_with_labels_of_one_kind_there_is_no_auroc(clean, tmp_path):
    found = DetectionCurve.from_scores(SCORE, GIVEN, clean)
    assert np.isnan(found.auroc)
    found.write(tmp_path / 'curve.csv')
    assert np.isnan(DetectionCurve.read(tmp_path / 'curve.csv').auroc)


def test_a_file_reads_as_what_was_written(tmp_path):
    curve().write(tmp_path / 'curve.csv')
    read = DetectionCurve.read(tmp_path / 'curve.csv')
    for name in ('threshold', 'kept_clean', 'kept_wrong', 'auroc', 'average_precision'):
        np.testing.assert_array_equal(getattr(read, name), getattr(curve(), name))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='nowhere.csv'):
        DetectionCurve.read(tmp_path / 'nowhere.csv')


@pytest.mark.parametrize(
    'damage',
    [
        lambda text: text.replace('deft_mm-detection-curve', 'something else'),
        lambda text: '\n'.join(text.splitlines()[:-1]),
        lambda text: text.replace('threshold,', 'limit,'),
        lambda text: text.replace('# num_clean', '# num_right'),
        lambda text: text.replace(',3,1', ',3'),
        lambda text: text.replace(',3,1', ',3,x'),
        lambda text: text.replace('# auroc: 75.0', '# auroc: [75.0]'),
        lambda text: '',
    ],
)
def test_a_damaged_file_is_refused(tmp_path, damage):
    path = tmp_path / 'curve.csv'
    curve().write(path)
    damaged = damage(path.read_text())
    assert damaged != path.read_text()
    path.write_text(damaged)
    with pytest.raises(ValueError, match='curve.csv.* is not a usable detection curve'):
        DetectionCurve.read(path)


def test_arrays_of_other_lengths_are_refused():
    for given, clean in ((GIVEN[:3], CLEAN[:3]), (GIVEN, CLEAN[:3]), (GIVEN, CLEAN[:1])):
        with pytest.raises(ValueError, match='one entry a sample'):
            DetectionCurve.from_scores(SCORE, given, clean)


@SETTINGS
@hypothesis.given(data=st.data())
def test_a_damaged_curve_is_refused_in_a_sentence(tmp_path, data):
    curve().write(tmp_path / 'whole.csv')
    path = tmp_path / 'detection_curve.csv'
    whole = (tmp_path / 'whole.csv').read_bytes()
    path.write_bytes(data.draw(damaged(whole) | st.binary(max_size=200)))
    refuses_or_reads(DetectionCurve.read, path)


@pytest.mark.parametrize('content', [b'# format: ' + b'[' * 100_000, b'x' * 200_000])
def test_a_hostile_curve_is_refused_in_a_sentence(tmp_path, content):
    path = tmp_path / 'detection_curve.csv'
    path.write_bytes(content)
    with pytest.raises(ValueError, match='is not a usable detection curve'):
        DetectionCurve.read(path)
