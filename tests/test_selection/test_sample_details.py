"""The details beside a selection: what they say, and of which selection they are."""

import numpy as np
import pytest

from deft_mm.selection import EXCLUDED, Fingerprint, SampleTable, read_selection, write_selection
from deft_mm.selection.audit_selector import AuditSelector
from deft_mm.selection.sample_details import SampleDetails, details_file

NAMES = ['a', 'b', 'c', 'd', 'e', 'f', 'g']
N = 300


@pytest.fixture
def table():
    """Features that say what is what, a tenth of the labels wrong, one image unreadable."""
    draw = np.random.RandomState(0)
    true = np.arange(N) % len(NAMES)
    given = np.where(np.arange(N) < N // 10, (true + 1) % len(NAMES), true)
    feature = np.eye(len(NAMES), 16)[true] + 0.05 * draw.randn(N, 16)
    probs = 0.9 * np.eye(len(NAMES))[true] + 0.1 / len(NAMES)
    feature[-1], probs[-1] = np.nan, np.nan
    return SampleTable(
        Fingerprint.from_parts(NAMES, given, map(str, range(N))),
        NAMES,
        [f'{i}.png' for i in range(N)],
        given,
        pred_label=np.where(np.arange(N) < N - 1, true, -1),
        pred_prob=probs.max(axis=1),
        similarity=draw.rand(N),
        negative_similarity=draw.rand(N),
        probs=probs,
        feature=feature,
    )


def test_details_say_what_the_detector_knows(table):
    selector = AuditSelector()
    selector(table)
    details = SampleDetails.of(table, selector, table.probs)
    assert details.top_label.shape == details.top_prob.shape == (N, 5)
    np.testing.assert_array_equal(details.top_label[:-1, 0], table.pred_label[:-1])
    assert (details.top_label[-1] == -1).all() and np.isnan(details.top_prob[-1]).all()
    assert (np.diff(details.top_prob[:-1], axis=1) <= 0).all()
    neighbours = details.look_alikes.neighbours
    true = np.arange(N) % len(NAMES)
    assert (true[neighbours[:-1]] == true[:-1, None]).all() and (neighbours[-1] == -1).all()
    assert N - 1 not in neighbours
    audit = details.audit
    assert audit['low'] <= 0.1 <= audit['high'] and audit['f1'] > 90
    assert audit['detector'] in selector.detectors


def test_a_file_is_read_as_it_was_written_whatever_people_decide_since(table, tmp_path):
    details = SampleDetails.of(table, None, table.probs)
    path = details_file(tmp_path / 'selection.parquet')
    assert path.name == 'selection_details.npz'
    details.write(path, table)
    corrected = np.full(N, -1)
    corrected[:3] = [2, EXCLUDED, 0]
    write_selection(tmp_path / 'selection.csv', table.with_columns(corrected_label=corrected))
    found = SampleDetails.read(path, read_selection(tmp_path / 'selection.csv'))
    for name in ('top_label', 'top_prob', 'similarity', 'negative_similarity', 'audit'):
        np.testing.assert_array_equal(getattr(found, name), getattr(details, name))
    for name, array in vars(details.look_alikes).items():
        np.testing.assert_array_equal(getattr(found.look_alikes, name), array)


def test_what_is_not_known_is_left_out(table, tmp_path):
    bare = table.with_columns(feature=None, probs=None, similarity=None, negative_similarity=None)
    SampleDetails.of(bare).write(tmp_path / 'x.npz', bare)
    assert SampleDetails.read(tmp_path / 'x.npz', bare) == SampleDetails()


def test_features_of_more_than_a_hundred_thousand_samples_are_not_compared(table, monkeypatch):
    monkeypatch.setattr('deft_mm.selection.sample_details.MOST_COMPARED', N - 1)
    assert SampleDetails.of(table).look_alikes is None


def test_other_selections_and_damaged_files_are_refused(table, tmp_path):
    path = tmp_path / 'x.npz'
    SampleDetails.of(table, None, table.probs).write(path, table)
    other = table.with_columns(pred_label=np.zeros(N))
    with pytest.raises(ValueError, match='is of another selection of the same samples'):
        SampleDetails.read(path, other)
    labels = np.zeros(N, dtype=int)
    others = SampleTable(
        Fingerprint.from_parts(NAMES, labels, map(str, range(N))), NAMES, [''] * N, labels
    )
    with pytest.raises(ValueError, match='belongs to another data set'):
        SampleDetails.read(path, others)
    content = path.read_bytes()
    for damaged in (b'', content[:100], content[: len(content) // 2], b'no zip'):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match='is damaged'):
            SampleDetails.read(path, table)
    with pytest.raises(FileNotFoundError):
        SampleDetails.read(tmp_path / 'gone.npz', table)


@pytest.mark.parametrize(
    'name, array',
    [
        ('top_label', np.full((N, 5), len(NAMES))),
        ('top_label', np.zeros((N - 1, 5))),
        ('neighbours', np.full((N, 5), N)),
        ('pairs', np.array([[0, -2]])),
        ('outliers', np.array([N])),
    ],
)
def test_values_that_would_lead_the_page_astray_are_refused(table, tmp_path, name, array):
    path = tmp_path / 'x.npz'
    SampleDetails.of(table, None, table.probs).write(path, table)
    with np.load(path) as file:
        arrays = dict(file)
    np.savez(path, **(arrays | {name: array}))
    with pytest.raises(ValueError, match='is damaged'):
        SampleDetails.read(path, table)
