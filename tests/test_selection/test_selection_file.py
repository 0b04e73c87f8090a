import csv
import os
import pickle
import sys
from dataclasses import fields

import numpy as np
import pyarrow
import pytest
import torch
from pyarrow import parquet

from deft_mm.csv_cells import from_cell
from deft_mm.selection import (
    SampleTable,
    is_edited,
    is_selection_file,
    read_selection,
    write_selection,
)
from tests.test_selection.selection_utils import GIVEN, fingerprint, selection

KINDS = ['selection.csv', 'selection.parquet']


@pytest.fixture
def path(tmp_path):
    write_selection(tmp_path / 'selection.csv', selection())
    return tmp_path / 'selection.csv'


def edit(path, old, new, count=1):
    text = path.read_text(encoding='utf-8')
    assert old in text
    path.write_text(text.replace(old, new, count), encoding='utf-8')


def read_back(path, written: SampleTable) -> SampleTable:
    write_selection(path, written)
    return read_selection(path)


def assert_same(one: SampleTable, two: SampleTable) -> None:
    """Equal to the last bit."""
    for field in fields(SampleTable):
        a, b = getattr(one, field.name), getattr(two, field.name)
        if isinstance(a, np.ndarray):
            assert a.dtype == b.dtype, field.name
            np.testing.assert_array_equal(a, b, err_msg=field.name)
        else:
            assert a == b, field.name


@pytest.mark.parametrize('name', KINDS)
def test_reads_back_what_was_written_to_the_last_bit(name, tmp_path):
    written = selection(created='2020-01-01T00:00:00+00:00', deft_mm_version='0.1')
    read = read_back(tmp_path / name, written)
    assert_same(written, read)
    assert read.num_kept == 2 and len(read) == 5


@pytest.mark.parametrize('name', KINDS)
def test_probabilities_and_scores_survive_exactly(name, tmp_path):
    n = 20_000
    draw = np.random.RandomState(0)
    prob, score = draw.rand(n).astype(np.float32) ** 8, draw.randn(n) ** 7
    given = np.zeros(n, int)
    wide = SampleTable(
        fingerprint=fingerprint(given_labels=given),
        class_names=selection().class_names,
        img_path=[''] * n,
        given_label=given,
        clean_prob=prob,
        score=score,
        pred_label=given,
        pred_prob=prob,
        kept=prob > 0.5,
    )
    assert_same(wide, read_back(tmp_path / name, wide))


@pytest.mark.parametrize('name', KINDS)
def test_score_has_a_column_of_its_own_only_where_it_is_no_probability(name, tmp_path):
    def columns(written):
        write_selection(tmp_path / name, written)
        if name.endswith('.csv'):
            lines = (tmp_path / name).read_text(encoding='utf-8').splitlines()
            return next(line for line in lines if not line.startswith('#')).split(',')
        return parquet.read_table(tmp_path / name).column_names

    own = [*columns(selection()), 'score']
    assert 'score' not in own[:-1]
    similarity = np.array([0.3, 0.25, -0.5, 1.25, np.nan], dtype=np.float32)
    written = selection(score=similarity, clean_prob=np.full(5, np.nan))
    assert columns(written) == own
    read = read_selection(tmp_path / name)
    np.testing.assert_array_equal(read.score, similarity)
    assert np.isnan(read.clean_prob).all()


def test_score_of_an_earlier_version_reads_which_wrote_single_precision(tmp_path):
    similarity = np.array([0.3, 0.25, -0.5, 1.25, np.nan], dtype=np.float32)
    path = tmp_path / 'selection.csv'
    write_selection(path, selection(score=similarity, clean_prob=np.full(5, np.nan)))
    text = path.read_text()
    assert text.count('0.30000001192092896') == 1
    path.write_text(text.replace('0.30000001192092896', '0.3'))
    np.testing.assert_array_equal(np.float32(read_selection(path).score), similarity)


def test_score_without_a_column_is_the_clean_probability(path):
    np.testing.assert_array_equal(read_selection(path).score, selection().clean_prob)


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


@pytest.mark.parametrize('name', KINDS)
def test_file_names_that_are_not_unicode_survive(name, tmp_path):
    odd = os.fsdecode(b'\xff\xfe.png')
    paths = [odd, 'line\nbreak.png', '', '', '']
    assert read_back(tmp_path / name, selection(img_path=paths)).img_path == paths


ODD_NAMES = ['=1+1', "'=1", 'tab\tcat']
ODD_PATHS = [os.fsdecode(b'a/\xff#.png'), '@b.png', '\r.png', 'bytes:c', "'-d.png"]


def odd_selection() -> SampleTable:
    names = fingerprint(class_names=ODD_NAMES)
    return selection(fingerprint=names, class_names=ODD_NAMES, img_path=ODD_PATHS)


def test_names_that_others_misread_are_escaped_and_come_back(tmp_path):
    path = tmp_path / 'selection.csv'
    written = odd_selection()
    assert_same(written, read_back(path, written))
    lines = path.read_bytes().decode('utf-8').split('\n')
    assert '# escaped: true' in lines
    assert lines[lines.index('# escaped: true') + 2].startswith(
        """0,"bytes:a/%FF%23.png",0,"'=1+1",0.9"""
    )


def test_pandas_reads_a_file_with_any_names(tmp_path):
    pandas = pytest.importorskip('pandas')
    write_selection(tmp_path / 'selection.csv', odd_selection())
    frame = pandas.read_csv(tmp_path / 'selection.csv', comment='#')
    assert [from_cell(path) for path in frame.img_path] == ODD_PATHS
    assert [from_cell(name) for name in frame.given_class] == [ODD_NAMES[i] for i in GIVEN]


def test_a_file_from_before_escapes_is_read_as_it_is(path):
    edit(path, '"a/0.png"', '"\'=a/0.png"')
    assert read_selection(path).img_path[0] == "'=a/0.png"


def test_class_names_made_of_commas_and_quotes_survive(tmp_path):
    names = [',', '",', '#3']
    written = selection(fingerprint=fingerprint(class_names=names), class_names=names)
    assert read_back(tmp_path / 'selection.csv', written).class_names == names


def test_kept_edited_by_hand_counts_with_a_warning(path, monkeypatch):
    messages = []
    monkeypatch.setattr(
        'deft_mm.selection.selection_file.print_log', lambda text, **_: messages.append(text)
    )
    assert read_selection(path).num_kept == 2 and not messages
    edit(path, '0.33333334,1', '0.33333334,FALSE')
    assert read_selection(path).kept.tolist() == [False, False, True, False, False]
    assert len(messages) == 1 and 'edited' in messages[0] and is_edited(path)


CORRECTED = np.array([2, -1, 2, -2, 1])  # of the table's labels 0, 1, 2, 0, 1


@pytest.mark.parametrize('name', KINDS)
def test_what_people_have_decided_is_kept_with_the_selection_and_goes_before_it(name, tmp_path):
    written = selection(corrected_label=CORRECTED)
    assert written.kept.tolist() == [True, False, True, False, False]  # the last can't be read
    assert written.label.tolist() == [2, 1, 2, 0, 1]
    assert written.rejected.tolist() == [False, True, False, False, True]
    read = read_back(tmp_path / name, written)
    np.testing.assert_array_equal(read.corrected_label, CORRECTED)
    assert is_edited(tmp_path / name)
    assert not is_edited(write_and_name(tmp_path / f'x{name}', selection()))
    with pytest.raises(ValueError, match='corrected_label of sample 0 is 3, but there are 3'):
        selection(corrected_label=np.array([3, -1, -1, -1, -1]))


def write_and_name(path, table):
    write_selection(path, table)
    return path


def test_a_file_without_decisions_is_of_the_first_version_and_with_some_of_the_second(tmp_path):
    for table, version in ((selection(), 1), (selection(corrected_label=CORRECTED), 2)):
        text = write_and_name(tmp_path / 'x.csv', table).read_text()
        assert f'# format_version: {version}\n' in text
        assert ('corrected_label' in text) == (version == 2)
    edit(tmp_path / 'x.csv', '# format_version: 2', '# format_version: 3')
    with pytest.raises(ValueError, match='its format version is 3, .* reads 1 and 2'):
        read_selection(tmp_path / 'x.csv')


@pytest.mark.parametrize(
    ('cells', 'expected'),
    [
        (['cat', '#3', '', 'exclude', ' cat '], [0, 2, -1, -2, 0]),
        (['1', '2.0', '', '', '0'], [1, 2, -1, -1, 0]),
        (['"dog, ""big"""', '', '', '', ''], [1, -1, -1, -1, -1]),
    ],
)
def test_a_column_that_a_person_adds_counts(path, cells, expected):
    add_column(path, cells)
    found = read_selection(path)
    assert found.corrected_label.tolist() == expected and is_edited(path)
    decided = np.array(expected) >= 0
    assert found.kept[decided].all() and found.readable[decided].all()


@pytest.mark.parametrize('name', KINDS)
@pytest.mark.parametrize('names', [['1', '2', '0'], ['exclude', '0', '#0'], ['2.0', ' ', '#3']])
def test_names_that_look_like_indices_are_names(name, names, tmp_path):
    table = selection(
        fingerprint=fingerprint(class_names=names),
        class_names=names,
        corrected_label=np.array([0, 1, 2, -2, -1]),
    )
    read = read_back(tmp_path / name, table)
    np.testing.assert_array_equal(read.corrected_label, table.corrected_label)


def test_a_person_who_writes_the_name_of_a_class_means_that_class(tmp_path):
    names = ['1', '2', '3']
    path = tmp_path / 'selection.csv'
    write_selection(path, selection(fingerprint=fingerprint(class_names=names), class_names=names))
    add_column(path, ['1', '3', '2.0', '', '0'])
    assert read_selection(path).corrected_label.tolist() == [0, 2, 1, -1, 0]


def add_column(path, cells):
    lines = path.read_text().splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith('sample_idx'))
    lines[start] += ',corrected_label'
    for i, cell in enumerate(cells, start=start + 1):
        lines[i] += f',{cell}'
    path.write_text('\n'.join(lines) + '\n')


@pytest.mark.parametrize('cell', ['dgo', '3', '-1', '1.5'])
def test_a_correction_that_is_no_class_is_told(path, cell):
    add_column(path, [cell, '', '', '', ''])
    with pytest.raises(ValueError, match=f"corrected_label. holds '{cell}', which is none of the"):
        read_selection(path)


@pytest.mark.parametrize(
    ('old', 'new', 'warnings'),
    [
        ('"cat",0.9,0', '"cat",0.8,0', 1),
        ('"cat",0.9,0,0.33', '"cat",0.9,0,0.32', 1),
        ('"cat",0.9,0', '"cat",0.9,1', 1),
        ('"cat",0.9,0', '"cat",0.90,0', 0),
        ('# checksum: "', '# checksum: "0', 1),
        ('# checksum: "', '# former: "', 0),  # a file of an earlier version
    ],
)
def test_values_that_are_not_those_written_are_told(path, monkeypatch, old, new, warnings):
    messages = []
    monkeypatch.setattr(
        'deft_mm.selection.selection_file.print_log', lambda text, **_: messages.append(text)
    )
    assert not is_edited(path)
    edit(path, old, new)
    read_selection(path)
    assert len(messages) == warnings and is_edited(path) == bool(warnings)
    assert all(str(path) in text and 'is damaged' in text for text in messages)


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


@pytest.mark.parametrize('name', KINDS)
def test_selection_files_are_told_from_others(name, tmp_path):
    write_selection(tmp_path / name, selection())
    assert is_selection_file(tmp_path / name)
    foreign = tmp_path / f'list_{name}'
    if name.endswith('.csv'):
        foreign.write_text('path,label\na.png,0\n')
    else:
        parquet.write_table(pyarrow.table(dict(path=['a.png'], label=[0])), foreign)
    assert not is_selection_file(foreign)
    foreign.write_bytes(b'')
    assert not is_selection_file(foreign)


def test_columns_of_parquet_have_the_types_that_programs_expect(tmp_path):
    write_selection(tmp_path / 'selection.parquet', selection())
    content = parquet.read_table(tmp_path / 'selection.parquet')
    types = {name: str(content.schema.field(name).type) for name in content.column_names}
    assert types == dict(
        sample_idx='int64',
        img_path='binary',
        given_label='int64',
        given_class='string',
        clean_prob='float',
        pred_label='int64',
        pred_prob='float',
        kept='bool',
    )


@pytest.mark.parametrize('act', [read_selection, lambda path: write_selection(path, selection())])
def test_parquet_without_pyarrow_is_an_error_that_says_what_to_install(act, tmp_path, monkeypatch):
    path = tmp_path / 'selection.parquet'
    write_selection(path, selection())
    before = path.read_bytes()
    monkeypatch.setitem(sys.modules, 'pyarrow', None)
    with pytest.raises(ImportError, match=r'selection\.parquet.*pip install pyarrow.*\.csv'):
        act(path)
    assert path.read_bytes() == before
    write_selection(tmp_path / 'selection.csv', selection())
    assert read_selection(tmp_path / 'selection.csv').num_kept == 2


def rewrite(path, change) -> None:
    """Change the content of a Parquet file, as another program would."""
    parquet.write_table(change(parquet.read_table(path)), path)


def as_texts(content, kept):
    for name, values in dict(
        kept=pyarrow.array(kept), img_path=content['img_path'].cast('string')
    ).items():
        position = content.column_names.index(name)
        content = content.set_column(position, name, values)
    return content


def blank(content, name):
    """Empty a column's first cell."""
    values = [None, *content[name].to_pylist()[1:]]
    column = pyarrow.array(values, content[name].type)
    return content.set_column(content.column_names.index(name), name, column)


def test_score_that_parquet_lacks_is_none(tmp_path):
    path = tmp_path / 'selection.parquet'
    write_selection(path, selection())
    rewrite(path, lambda content: blank(blank(content, 'clean_prob'), 'pred_prob'))
    table = read_selection(path)
    assert np.isnan(table.clean_prob[0]) and np.isnan(table.pred_prob[0])


def test_parquet_whose_columns_became_texts_still_reads(tmp_path):
    path = tmp_path / 'selection.parquet'
    write_selection(path, selection())
    before = read_selection(path)
    words = ['true', 'false', 'true', 'false', 'false']
    rewrite(path, lambda content: as_texts(content, words))
    assert_same(before, read_selection(path))
    rewrite(path, lambda content: as_texts(content, ['yes', *words[1:]]))
    with pytest.raises(ValueError, match='is not a usable selection file.*yes'):
        read_selection(path)


def test_rows_of_parquet_may_come_in_any_order(tmp_path):
    path = tmp_path / 'selection.parquet'
    write_selection(path, selection())
    before = read_selection(path)
    rewrite(path, lambda content: content.take([3, 1, 4, 0, 2]))
    assert_same(before, read_selection(path))


@pytest.mark.parametrize(
    ('change', 'match'),
    [
        (lambda content: content.replace_schema_metadata(None), 'format is None'),
        (lambda content: content.drop_columns(['kept']), r"column \['kept'\] is missing"),
        (lambda content: content.slice(0, 4), '5 samples; 1 of them have no row'),
        (
            lambda content: content.set_column(4, 'clean_prob', pyarrow.array([2.0] * 5)),
            'clean_prob of sample 0.*not a probability',
        ),
        *(
            (
                lambda content, value=value: content.set_column(
                    content.column_names.index('kept'), 'kept', pyarrow.array([value] * 5)
                ),
                f"column `kept` holds '{value}', which is neither 1 nor 0",
            )
            for value in (2, 0.5, float('nan'), 'yes')
        ),
        *(
            (lambda content, name=name: blank(content, name), f'column `{name}` has 1 empty cells')
            for name in ('sample_idx', 'img_path', 'given_label', 'pred_label', 'kept')
        ),
        (
            lambda content: content.replace_schema_metadata(
                {**content.schema.metadata, b'format_version': b'99'}
            ),
            'format version is 99',
        ),
    ],
)
def test_parquet_that_is_no_whole_selection_is_refused(change, match, tmp_path):
    path = tmp_path / 'selection.parquet'
    write_selection(path, selection())
    rewrite(path, change)
    with pytest.raises(ValueError, match=match) as error:
        read_selection(path)
    assert str(path) in str(error.value) and 'stage 1' in str(error.value)


@pytest.mark.parametrize(
    'damage',
    [
        lambda data: b'',
        lambda data: data[: len(data) // 2],
        lambda data: data[:-8] + b'\xff' * 4 + data[-4:],
        lambda data: data[:4] + b'\xff' * (len(data) // 2) + data[4 + len(data) // 2 :],
        lambda data: data.replace(b'"format_version"', b'').replace(
            b'sample_idx', b'sample\xffidx'
        ),
        lambda data: b'# format: "deft_mm-selection"\n',
    ],
    ids=['empty', 'half', 'footer', 'data', 'name', 'csv'],
)
def test_damaged_parquet_is_refused(damage, tmp_path):
    path = tmp_path / 'selection.parquet'
    write_selection(path, selection())
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match='is not a usable selection file') as error:
        read_selection(path)
    assert str(path) in str(error.value)


class Bomb:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize(
    ('name', 'match'), [(KINDS[0], 'never loaded'), (KINDS[1], 'is not a usable')]
)
@pytest.mark.parametrize(
    'save', [lambda obj, path: path.write_bytes(pickle.dumps(obj)), torch.save]
)
def test_hostile_pickle_is_refused_and_not_run(tmp_path, save, name, match):
    mark, path = tmp_path / 'mark', tmp_path / name
    save(Bomb(mark), path)
    with pytest.raises(ValueError, match=match):
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
