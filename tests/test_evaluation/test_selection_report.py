"""The figures of a selection, as text and as files."""

import numpy as np
import pytest

from deft_mm.evaluation import DetectionCurve, SelectionReport
from deft_mm.selection import Fingerprint, SampleTable, read_selection

NAMES = ['cat', 'dog', 'zebra']
# The detector does not have the zebra, and can't read the last image.
GIVEN = np.array([0, 0, 0, 0, 1, 1, 1, 2, 2, 1])
CLEAN = np.array([0, 0, 1, 2, 1, 0, 1, 2, 0, 1])
KEPT = np.array([1, 1, 0, 1, 1, 0, 0, 1, 1, 0], dtype=bool)
SCORE = np.array([0.9, 0.8, 0.2, 0.6, 0.7, 0.1, 0.3, np.nan, np.nan, np.nan])


def table(**changes) -> SampleTable:
    columns = dict(
        fingerprint=Fingerprint.from_parts(NAMES, GIVEN, [''] * 10),
        class_names=NAMES,
        img_path=[''] * 10,
        given_label=GIVEN,
        clean_prob=SCORE,
        pred_label=np.where(np.isnan(SCORE), -1, 0),
        pred_prob=np.where(np.isnan(SCORE), np.nan, 0.5),
        kept=KEPT,
        readable=np.arange(10) != 9,
        scored=GIVEN != 2,
    )
    return SampleTable(**{**columns, **changes})


def test_figures_are_those_of_the_scored_samples():
    report = SelectionReport(table(), CLEAN, seconds=2.5)
    # Of 4 kept and scored ones 3 are right; of 5 right and scored ones 3 are kept.
    assert report.figures == dict(
        kept=6,
        total=10,
        seconds=2.5,
        precision=pytest.approx(75.0),
        recall=pytest.approx(60.0),
        f1=pytest.approx(2 * 75 * 60 / 135),
        auroc=report.curve.auroc,
        average_precision=report.curve.average_precision,
    )
    assert report.curve.num_samples == 8


def test_without_true_labels_there_are_only_numbers(tmp_path):
    report = SelectionReport(table(), seconds=2.5)
    assert report.figures == dict(kept=6, total=10, seconds=2.5) and report.curve is None
    assert report.to_line() == 'Kept 6 of 10 samples (2.5 s)'
    assert not any('precision' in line for line in report.to_lines())
    assert [path.name for path in report.write(tmp_path / 'selection.csv')] == ['selection.csv']
    assert [path.name for path in tmp_path.iterdir()] == ['selection.csv']


def test_curve_is_of_the_score_that_selected_be_it_a_probability_or_not():
    cosine = np.array([0.3, 0.1, -0.9, 0.2, -0.2, -0.1, 0.15, np.nan, np.nan, -0.5])
    report = SelectionReport(table(score=cosine), CLEAN)
    scored = GIVEN != 2
    expected = DetectionCurve.from_scores(cosine[scored], GIVEN[scored], CLEAN[scored])
    assert report.curve.auroc == expected.auroc
    assert report.curve.auroc != SelectionReport(table(), CLEAN).curve.auroc


def test_line_has_the_figures():
    report = SelectionReport(table(), CLEAN, 2.5)
    assert report.to_line() == (
        'Kept 6 of 10 samples (2.5 s): detection precision 75.00, recall 60.00, F1 66.67, AUROC '
        f'of the scores {report.curve.auroc:.2f}'
    )


def test_lines_tell_what_was_not_scored_or_read_and_the_worst_classes_first():
    lines = SelectionReport(table(), CLEAN, 2.5).to_lines()
    assert lines[:3] == [
        'Kept 6 of 10 samples: 4 of 8 scored ones (2.5 s)',
        '2 samples of classes that the detector does not have: kept',
        '1 images cannot be read: rejected',
    ]
    assert lines[3].startswith('Detection among the scored samples: precision 75.00, recall 60.00')
    assert lines[4:] == [
        'Classes of which most is rejected:',
        '  dog   75.0%  3 of 4',
        '  cat   25.0%  1 of 4',
    ]
    rejected = SelectionReport(table(kept=KEPT & (GIVEN != 2))).to_lines()
    assert rejected[1] == '2 samples of classes that the detector does not have: rejected'


def test_nothing_is_said_of_what_is_not_there():
    whole = table(kept=np.ones(10, bool), readable=None, scored=None)
    assert SelectionReport(whole).to_lines() == [
        'Kept 10 of 10 samples: 10 of 10 scored ones (0.0 s)'
    ]


def test_of_many_classes_the_ten_worst_are_listed():
    names, given = [f'class {i}' for i in range(14)], np.arange(14)
    many = SampleTable(Fingerprint.from_parts(names, given, [''] * 14), names, [''] * 14, given)
    lines = SelectionReport(many).to_lines()
    assert len(lines) == 12 and lines[2].split()[:2] == ['class', '0']


@pytest.mark.parametrize(
    ('name', 'curve'),
    [
        ('selection.csv', 'detection_curve.csv'),
        ('selection.parquet', 'detection_curve.csv'),
        ('out.csv', 'out_detection_curve.csv'),
        ('out.parquet', 'out_detection_curve.csv'),
    ],
)
def test_files_are_the_selection_and_the_curve_beside_it(name, curve, tmp_path):
    report = SelectionReport(table(), CLEAN)
    files = report.write(str(tmp_path / 'runs' / name))
    assert files == [tmp_path / 'runs' / name, tmp_path / 'runs' / curve]
    np.testing.assert_array_equal(read_selection(files[0]).kept, KEPT)
    report.curve.write(tmp_path / 'expected.csv')
    assert files[1].read_bytes() == (tmp_path / 'expected.csv').read_bytes()
