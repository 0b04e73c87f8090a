import csv
import os
import pickle
from dataclasses import fields

import numpy as np
import pytest
import torch

from deft_mm.selection import Selection, read_selection, write_selection
from tests.test_selection.selection_utils import GIVEN, fingerprint, scores, selection


@pytest.fixture
def path(tmp_path):
    write_selection(tmp_path / 'selection.csv', selection())
    return tmp_path / 'selection.csv'


def edit(path, old, new, count=1):
    text = path.read_text(encoding='utf-8')
    assert old in text
    path.write_text(text.replace(old, new, count), encoding='utf-8')


def test_reads_back_what_was_written_to_the_last_bit(path):
    written, read = selection(), read_selection(path)
    for field in fields(Selection):
        one, two = getattr(written, field.name), getattr(read, field.name)
        if field.name == 'created':
            assert two[:4].isdigit()
        elif isinstance(one, np.ndarray):
            assert one.dtype == two.dtype
            np.testing.assert_array_equal(one, two)
        else:
            assert one == two, field.name
    assert read.num_kept == 2 and len(read) == 5


def test_probabilities_survive_exactly(tmp_path):
    n = 20_000
    prob = np.random.RandomState(0).rand(n).astype(np.float32) ** 8
    given = np.zeros(n, int)
    wide = Selection(
        fingerprint=fingerprint(given_labels=given),
        class_names=selection().class_names,
        img_path=[''] * n,
        given_label=given,
        clean_prob=prob,
        pred_label=given,
        pred_prob=prob,
        kept=prob > 0.5,
    )
    write_selection(tmp_path / 'wide.csv', wide)
    np.testing.assert_array_equal(read_selection(tmp_path / 'wide.csv').clean_prob, prob)


def test_people_can_read_it(path):
    lines = path.read_text(encoding='utf-8').splitlines()
    assert lines[0] == '# format: "deft_mm-selection"'
    assert '# method: "DualPromptSelector"' in lines
    assert '# config: "deft_digits_sym40.py"' in lines
    assert '# num_kept: 2' in lines
    table = [line for line in lines if not line.startswith('#')]
    assert table[0] == (
        'sample_idx,img_path,given_label,given_class,clean_prob,pred_label,pred_prob,kept'
    )
    assert table[1] == '0,"a/0.png",0,"cat",0.9,0,0.33333334,1'
    # Programs that cut comments off at a '#' spare those within quotes.
    assert all('#' not in line.split('"')[::2] for line in table)


def test_order_of_rows_and_further_columns_do_not_matter(path):
    lines = path.read_text(encoding='utf-8').splitlines()
    start = next(i for i, line in enumerate(lines) if not line.startswith('#'))
    rows = [f'{line},note' for line in lines[start + 1 :]]
    text = '\n'.join([*lines[:start], lines[start] + ',remark', *rows[::-1], ''])
    path.write_text(text, encoding='utf-8')
    read = read_selection(path)
    np.testing.assert_array_equal(read.given_label, GIVEN)
    assert list(read.img_path) == list(selection().img_path)


def test_file_saved_by_a_spreadsheet_reads_as_before(path):
    before = read_selection(path)
    with path.open(newline='') as file:
        rows = list(csv.reader(file))
    width = max(map(len, rows))
    with path.open('w', newline='', encoding='utf-8-sig') as file:
        csv.writer(file).writerows([row + [''] * (width - len(row)) for row in rows])
    assert '"# ' in path.read_text(encoding='utf-8')
    after = read_selection(path)
    assert after.fingerprint == before.fingerprint and after.class_names == before.class_names
    assert after.img_path == before.img_path and (after.kept == before.kept).all()


def test_file_names_that_are_not_unicode_survive(tmp_path):
    odd = os.fsdecode(b'\xff\xfe.png')
    paths = [odd, 'line\nbreak.png', '', '', '']
    write_selection(tmp_path / 'odd.csv', selection(img_path=paths))
    assert list(read_selection(tmp_path / 'odd.csv').img_path) == paths


def test_kept_edited_by_hand_counts_with_a_warning(path, monkeypatch):
    messages = []
    monkeypatch.setattr(
        'deft_mm.selection.selection_file.print_log', lambda text, **_: messages.append(text)
    )
    assert read_selection(path).num_kept == 2 and not messages
    edit(path, '0.33333334,1', '0.33333334,FALSE')
    assert read_selection(path).kept.tolist() == [False, False, True, False, False]
    assert len(messages) == 1 and 'edited' in messages[0]


@pytest.mark.parametrize(
    'old, new, message',
    [
        ('clean_prob,', 'probability,', r"column \['clean_prob'\] is missing"),
        ('format_version: 1', 'format_version: 99', 'format version is 99'),
        ('format: "deft_mm-selection"', 'format: "other"', "format is 'other'"),
        ('# format: ', '# Format: ', 'starts with'),
        ('# method: "', '# method: ', 'method.*JSON'),
        ('# method: ', '# way: ', r"lacks \['method'\]"),
        ('\n1,"b', '\n0,"b', 'sample_idx 0 has more than one row'),
        ('\n1,"b', '\n7,"b', r'no row \(first: \[1\]\).*unknown sample_idx \(first: \[7\]\)'),
        ('0.33333334,1', '0.33333334,yes', "`kept` holds 'yes'"),
        ('0.33333334,1', '0.33333334,1,1', 'column'),
        ('"cat",0.9', '"cat",high', 'high'),
        ('"cat",0.9', '"cat",1.9', 'clean_prob of sample 0.*not a probability'),
        ('"cat",0.9,0', '"cat",0.9,3', 'pred_label of sample 0 is 3.*3 classes'),
        ('0,"a/0.png",0', '0,"a/0.png",1', 'given labels are not those of the fingerprint'),
        ('["cat"', '["tiger"', 'class names are not those of the fingerprint'),
        ('"num_samples": 5', '"num_samples": "5"', 'num_samples'),
    ],
)
def test_damaged_file_is_refused_with_what_was_found(path, old, new, message):
    edit(path, old, new)
    with pytest.raises(ValueError, match=message) as error:
        read_selection(path)
    assert str(path) in str(error.value) and 'stage 1' in str(error.value)


def test_truncated_file_is_refused(path):
    lines = path.read_text(encoding='utf-8').splitlines(keepends=True)
    path.write_text(''.join(lines[:-1]), encoding='utf-8')
    with pytest.raises(ValueError, match='5 samples; 1 of them have no row'):
        read_selection(path)
    header = [line for line in lines if line.startswith('#')]
    path.write_text(''.join(header), encoding='utf-8')
    with pytest.raises(ValueError, match='no table'):
        read_selection(path)
    path.write_bytes(b'')
    with pytest.raises(ValueError, match='starts with'):
        read_selection(path)


class Bomb:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize(
    'save', [lambda obj, path: path.write_bytes(pickle.dumps(obj)), torch.save]
)
def test_hostile_pickle_is_refused_and_not_run(tmp_path, save):
    mark, path = tmp_path / 'mark', tmp_path / 'selection.csv'
    save(Bomb(mark), path)
    with pytest.raises(ValueError, match='never loaded'):
        read_selection(path)
    assert not mark.exists()


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match='nowhere.csv'):
        read_selection(tmp_path / 'nowhere.csv')


def test_failed_write_leaves_the_old_file_and_nothing_else(path, monkeypatch):
    before = path.read_bytes()

    def fail(*args):
        raise OSError('disk full')

    monkeypatch.setattr(os, 'replace', fail)
    with pytest.raises(OSError, match='disk full'):
        write_selection(path, selection(method='another'))
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_arrays_that_do_not_fit_the_fingerprint_are_refused():
    with pytest.raises(ValueError, match='5 samples'):
        Selection.from_scores(
            scores(), np.ones(4, bool), [''] * 5, selection().class_names, fingerprint()
        )
    with pytest.raises(ValueError, match='class names'):
        Selection.from_scores(scores(), np.ones(5, bool), [''] * 5, list('abc'), fingerprint())
