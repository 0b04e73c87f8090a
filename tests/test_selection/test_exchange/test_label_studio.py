"""Decisions that come back from Label Studio, into a selection and into a training set."""

import json

import numpy as np
import pytest
from exchange_utils import CLASSES, LABELS, chosen, label_studio_export, selected, write_json
from hypothesis import given
from hypothesis import strategies as st

from deft_mm.selection import EXCLUDED, apply_corrections, read_corrections, read_selection
from deft_mm.selection.exchange import chosen_rows, write_label_studio
from property_utils import SETTINGS, damaged, refuses_or_reads
from tool_utils import tool


@pytest.fixture
def selection(tmp_path):
    return selected(tmp_path, corrected_label=np.full(12, -1))


@pytest.fixture
def tasks(selection, tmp_path, monkeypatch):
    """What was imported into the project."""
    tool(
        monkeypatch,
        'export_selection.py',
        selection,
        '--to',
        'labelstudio',
        '--out',
        tmp_path / 'ls',
    )
    return json.loads((tmp_path / 'ls/tasks.json').read_text())


def test_choices_come_back_as_decisions(selection, tasks, tmp_path, monkeypatch, capfd):
    exported = label_studio_export(
        tasks,
        sample_1=CLASSES[2],
        sample_2=CLASSES[LABELS[2]],
        sample_5='exclude*',
        sample_6=CLASSES[3],  # which is called 'exclude'
        sample_7=chosen(CLASSES[0], was_cancelled=True),
        sample_8=[chosen()],
        sample_9=dict(result=[]),
        # Of one annotator the last change counts.
        sample_10=[
            chosen(CLASSES[1], updated_at='2026-11-27T11:00:00.5Z'),
            chosen(CLASSES[0], updated_at='2026-11-27T11:00:00Z'),
        ],
    )
    file = write_json(tmp_path / 'project-1-at-2026-11-27.json', exported)
    tool(monkeypatch, 'apply_corrections.py', selection, file)
    reviewed = read_selection(tmp_path / 'reviewed.csv')
    decided = {int(i): int(reviewed.corrected_label[i]) for i in np.flatnonzero(reviewed.decided)}
    assert decided == {1: 2, 2: LABELS[2], 5: EXCLUDED, 6: 3, 10: 1}
    text = capfd.readouterr().out
    assert '1 skipped and 2 empty annotations are left alone' in text
    assert '3 relabelled, 1 confirmed, 1 excluded, 7 undecided' in text


def test_annotator_and_time_are_the_decisions(selection, tasks, tmp_path):
    exported = label_studio_export(
        tasks,
        sample_1=CLASSES[0],
        sample_2=chosen(CLASSES[0], completed_by=dict(id=4, email='ann@example.org')),
        sample_3=chosen(CLASSES[0], completed_by=dict(id=4, email='')),
        sample_4=chosen(CLASSES[0], completed_by=None, updated_at='2026-11-27T11:05:00+01:00'),
    )
    file = write_json(tmp_path / 'export.json', exported)
    decisions = read_corrections(file, read_selection(selection))
    assert [one.reviewer for one in decisions] == ['3', 'ann@example.org', '4', '']
    assert decisions[0].time == '2026-11-27T10:05:00.728378+00:00'
    assert decisions[3].time == '2026-11-27T10:05:00+00:00'


def test_annotators_who_differ_are_conflicts(selection, tasks, tmp_path):
    exported = label_studio_export(
        tasks,
        sample_1=[chosen(CLASSES[0], completed_by=1), chosen(CLASSES[2], completed_by=2)],
        sample_2=[chosen('exclude*', completed_by=1), chosen(CLASSES[2], completed_by=2)],
    )
    file = write_json(tmp_path / 'export.json', exported)
    review = apply_corrections(read_selection(selection), [file])
    assert set(review.conflicts) == {1, 2}
    assert review.table.corrected_label[[1, 2]].tolist() == [-1, EXCLUDED]


def test_other_questions_of_the_interface_and_other_names_don_t_count(selection, tasks, tmp_path):
    remark = dict(type='textarea', from_name='remark', to_name='image', value=dict(text=['x']))
    blur = dict(type='choices', from_name='blur', to_name='image', value=dict(choices=['yes']))
    both = chosen(CLASSES[2])
    both['result'] += [remark, blur]
    exported = label_studio_export(tasks, sample_1=both, sample_2=dict(result=[remark, blur]))
    # A name that is no .json is read by what is in it.
    file = write_json(tmp_path / 'export', exported)
    (decision,) = read_corrections(file, read_selection(selection))
    assert (decision.sample_idx, decision.label) == (1, 2)


def test_a_project_that_nobody_has_worked_on_decides_nothing(selection, tmp_path):
    file = write_json(tmp_path / 'export.json', [])
    assert read_corrections(file, read_selection(selection)) == []


def changed(index: int, **data):
    """An export in which one task has other data."""

    def change(exported: list) -> list:
        exported[index]['data'].update(data)
        return exported

    return change


def everywhere(fingerprint: str):
    """An export of another selection."""
    return lambda exported: [changed(i, fingerprint=fingerprint)(exported) for i in range(12)][0]


def annotated(annotation):
    def change(exported: list) -> list:
        exported[2]['annotations'] = [annotation]
        return exported

    return change


def without(key: str):
    def change(exported: list) -> list:
        del exported[2][key]
        return exported

    return change


REFUSED = {
    'class': (annotated(chosen('mouse')), r"task 3 \(id 3\): the choice is 'mouse', which is none"),
    'two': (
        annotated(chosen('cat', 'exclude')),
        r"task 3 .* has the choices 'cat', 'exclude' in one",
    ),
    'given': (changed(1, given_label='cow'), r"has the given class 'cow' here and 'a/b"),
    'other': (
        everywhere('12-a-b-c'),
        r'belongs to another data set: the class names differ .* Give the selection',
    ),
    'mixed': (
        changed(2, fingerprint='9-a-b-c'),
        'task 3 .* is one of another selection than those',
    ),
    'fingerprint': (everywhere('x'), 'no usable export of Label Studio: a fingerprint is the num'),
    'no fingerprint': (
        changed(0, fingerprint=None),
        'task 1 .* was not written by tools/export_sel',
    ),
    'index': (changed(1, sample_idx=12), r'task 2 .*: sample_idx is 12, and there are 12 samples'),
    'text index': (changed(1, sample_idx='1'), "task 2 .*: sample_idx is '1', and there are 12"),
    'true': (
        changed(1, sample_idx=True),
        'task 2 .*: sample_idx is True, and there are 12 samples',
    ),
    'min': (without('annotations'), 'task 3 .* export the project as JSON, not JSON-MIN'),
    'no data': (without('data'), 'task 3 .* has no `data` or no `annotations`'),
    'object': (lambda exported: dict(tasks=exported), 'it holds a dict, not a list of tasks'),
    'task': (lambda exported: [*exported, 3], 'task 13 is 3, not a task'),
    'annotation': (annotated(7), 'task 3 .* has an annotation without `result`'),
    'value': (
        annotated(dict(result=[dict(from_name='class', value=[])])),
        'task 3 .* has a result without `choices`',
    ),
    'numbers': (
        annotated(dict(result=[dict(from_name='class', value=dict(choices=[3]))])),
        'task 3 .* has a result without `choices`',
    ),
}


@pytest.mark.parametrize('name', REFUSED)
def test_what_does_not_fit_is_refused_in_a_sentence(selection, tasks, tmp_path, monkeypatch, name):
    change, sentence = REFUSED[name]
    exported = change(label_studio_export(tasks, sample_1=CLASSES[2]))
    file = write_json(tmp_path / 'export.json', exported)
    with pytest.raises(ValueError, match=sentence) as error:
        tool(monkeypatch, 'apply_corrections.py', selection, file)
    assert '\n' not in str(error.value) and str(file) in str(error.value)
    assert not (tmp_path / 'reviewed.csv').exists()


def test_a_table_is_no_export_and_a_file_must_be_there(selection, tmp_path):
    table = read_selection(selection)
    (tmp_path / 'x.json').write_text('sample_idx,action\n')
    with pytest.raises(ValueError, match='x.json. is no usable export of Label Studio: '):
        read_corrections(tmp_path / 'x.json', table)
    with pytest.raises(FileNotFoundError, match="There is no file of corrections '.*no.json'"):
        read_corrections(tmp_path / 'no.json', table)
    (tmp_path / 'deep.json').write_text('[' * 100_000)
    with pytest.raises(ValueError, match='deep in one another'):
        read_corrections(tmp_path / 'deep.json', table)
    (tmp_path / 'folder.json').mkdir()
    with pytest.raises(ValueError, match='it is a folder, not a file'):
        read_corrections(tmp_path / 'folder.json', table)


@SETTINGS
@given(data=st.data())
def test_any_choices_come_back_and_a_damaged_file_is_refused(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp('any')
    table = read_selection(selected(folder, corrected_label=np.full(12, -1)))
    write_label_studio(table, chosen_rows(table, 'all'), folder)
    tasks = json.loads((folder / 'tasks.json').read_text())
    wanted = data.draw(st.lists(st.integers(EXCLUDED, 3), min_size=12, max_size=12))
    said = {
        f'sample_{i}': 'exclude*' if label == EXCLUDED else CLASSES[label]
        for i, label in enumerate(wanted)
        if label != -1
    }
    file = write_json(folder / 'export.json', label_studio_export(tasks, **said))
    found = apply_corrections(table, [file]).table.corrected_label
    np.testing.assert_array_equal(found, wanted)
    file.write_bytes(data.draw(damaged(file.read_bytes())))
    refuses_or_reads(lambda path: read_corrections(path, table), file)
