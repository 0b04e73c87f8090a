"""Corrections of people, from their files into a selection, a list and a data set."""

import numpy as np
import pytest
from corrections_utils import corrections
from PIL import Image

from deft_mm.datasets import CleanSubset, ImageFolderDataset, given_labels_of, sample_table_of
from deft_mm.selection import read_selection, write_selection
from tool_utils import tool

CLASSES = ['=cat', 'dog, "big"', 'exclude']
NUMBER = 12
LABELS = np.arange(NUMBER) % 3


@pytest.fixture
def dataset(tmp_path):
    """Four images in each of three folders."""
    for i, label in enumerate(LABELS):
        folder = tmp_path / 'images' / CLASSES[label]
        folder.mkdir(parents=True, exist_ok=True)
        image = np.full((8, 8, 3), 10 * i, dtype=np.uint8)
        image[0] = 200
        Image.fromarray(image).save(folder / f'{i:02d}.png')
    return ImageFolderDataset(data_root=str(tmp_path / 'images'), val_path='.')


@pytest.fixture
def selection(dataset, tmp_path):
    """The selection file, of which every other sample is kept."""
    table = sample_table_of(dataset)
    kept = np.arange(NUMBER) % 2 == 0
    path = tmp_path / 'selection.csv'
    write_selection(path, table.with_columns(kept=kept, pred_prob=np.full(NUMBER, 0.5)))
    return path


def class_of(selection, idx) -> str:
    table = read_selection(selection)
    return table.class_names[table.given_label[idx]]


def test_decisions_go_into_a_new_selection_and_a_training(
    dataset, selection, tmp_path, monkeypatch
):
    before = selection.read_bytes()
    file = corrections(
        tmp_path / 'corrections.csv',
        selection,
        (1, 'relabel', CLASSES[2]),
        (3, 'keep', ''),
        (4, 'exclude', ''),
        (6, 'relabel', CLASSES[1], '2026-11-27T11:00:00+00:00'),
        (6, 'relabel', CLASSES[2], '2026-11-27T10:59:00+00:00'),
    )
    tool(monkeypatch, 'apply_corrections.py', selection, file)
    assert selection.read_bytes() == before
    reviewed = read_selection(tmp_path / 'reviewed.csv')
    decided = dict(
        zip(
            np.flatnonzero(reviewed.decided),
            reviewed.corrected_label[reviewed.decided],
            strict=True,
        )
    )
    given = reviewed.given_label
    assert decided == {1: 2, 3: given[3], 4: -2, 6: 1}
    subset = CleanSubset(dataset, tmp_path / 'reviewed.csv')
    assert subset.indices.tolist() == [0, 1, 2, 3, 6, 8, 10]
    assert subset.given_labels.tolist() == [reviewed.label[i] for i in subset.indices]


def test_reviewers_who_differ_are_listed_and_an_exclusion_counts(
    selection, tmp_path, monkeypatch, capfd
):
    ann = corrections(
        tmp_path / 'ann.csv',
        selection,
        (1, 'relabel', CLASSES[2]),
        (2, 'keep', ''),
        (5, 'keep', ''),
    )
    bob = corrections(
        tmp_path / 'bob.csv',
        selection,
        (1, 'relabel', CLASSES[0] if class_of(selection, 1) != CLASSES[0] else CLASSES[1]),
        (2, 'exclude', ''),
        (5, 'keep', ''),
        reviewer='bob',
    )
    tool(monkeypatch, 'apply_corrections.py', selection, ann, bob, '--out', tmp_path / 'both.csv')
    found = read_selection(tmp_path / 'both.csv').corrected_label
    assert found[1] == -1 and found[2] == -2 and found[5] >= 0
    text = capfd.readouterr().out
    assert 'Reviewers differ on 2 samples' in text
    assert "ann: 'exclude', bob:" in text and 'bob: exclude' in text
    # A later file replaces what the selection has already.
    again = corrections(tmp_path / 'again.csv', selection, (2, 'keep', ''), (1, 'exclude', ''))
    tool(monkeypatch, 'apply_corrections.py', tmp_path / 'both.csv', again)
    assert (read_selection(tmp_path / 'reviewed.csv').corrected_label[[1, 2]] != [-1, -2]).all()


def test_list_has_the_right_labels_and_is_read_as_data(selection, tmp_path, monkeypatch):
    table = read_selection(selection)
    file = corrections(
        tmp_path / 'c.csv', selection, (1, 'relabel', CLASSES[0]), (4, 'exclude', '')
    )
    out = tmp_path / 'lists' / 'fixed.csv'
    for _ in range(2):  # a list of before is replaced
        tool(monkeypatch, 'apply_corrections.py', selection, file, '--write-list', out)
    assert not any(line.startswith('=') for line in out.read_text().splitlines())
    fixed = ImageFolderDataset(data_root=str(out), val_path='.')
    labels = dict(
        zip(
            [fixed.get_data_info(i)['img_path'] for i in range(len(fixed))],
            [fixed.metainfo['classes'][label] for label in given_labels_of(fixed)],
            strict=True,
        )
    )
    expected = {
        path: CLASSES[0] if i == 1 else table.class_names[table.given_label[i]]
        for i, path in enumerate(table.img_path)
        if i != 4
    }
    assert labels == expected


@pytest.mark.parametrize(
    ('rows', 'header', 'match'),
    [
        ([(1, 'relabel', 'mouse')], {}, "line 7: corrected_class is 'mouse', which is none of the"),
        ([(1, 'remove', '')], {}, "line 7: action is 'remove', not one of relabel, keep, exclude"),
        ([(1, 'keep', 'mouse')], {}, "action is 'keep', and corrected_class 'mouse' is not"),
        ([], dict(format='x'), "no usable file of corrections: its format is 'x'"),
        ([], dict(format_version=2), 'format version is 2'),
        ([], dict(fingerprint=3), 'A fingerprint has the parts'),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(
    selection, tmp_path, monkeypatch, rows, header, match
):
    file = corrections(tmp_path / 'c.csv', selection, *rows, **header)
    with pytest.raises(ValueError, match=match):
        tool(monkeypatch, 'apply_corrections.py', selection, file)
    assert not (tmp_path / 'reviewed.csv').exists()


def test_corrections_of_other_data_are_refused(selection, tmp_path, monkeypatch):
    parts = read_selection(selection).fingerprint.to_dict()
    file = corrections(
        tmp_path / 'c.csv', selection, (1, 'keep', ''), fingerprint=dict(parts, images='0' * 16)
    )
    with pytest.raises(ValueError, match=r'c.csv. belongs to another data set: .*was reviewed'):
        tool(monkeypatch, 'apply_corrections.py', selection, file)
    file = corrections(tmp_path / 'c.csv', selection, (1, 'keep', ''))
    file.write_text(file.read_text().replace('\n1,', '\n99,'))
    with pytest.raises(ValueError, match="line 7: sample_idx is '99', and there are 12 samples"):
        tool(monkeypatch, 'apply_corrections.py', selection, file)


def test_nothing_that_is_there_is_lost(selection, tmp_path, monkeypatch):
    file = corrections(tmp_path / 'c.csv', selection, (1, 'keep', ''))
    other = tmp_path / 'other.csv'
    other.write_text('a,b\n')
    for options, match in (
        (['--out', selection], "--out '.*' is read here, too"),
        (['--out', other], 'exists and is no selection file'),
        (['--write-list', other], 'exists and is no list'),
        (['--write-list', file], 'is read here, too'),
        (['--write-list', tmp_path / 'x.txt'], 'give a name in .csv'),
    ):
        with pytest.raises(ValueError, match=match):
            tool(monkeypatch, 'apply_corrections.py', selection, file, *options)
    assert other.read_text() == 'a,b\n'


def files_of(folder) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob('*.png')}


@pytest.fixture
def moving(selection, tmp_path, monkeypatch):
    """Run the tool with decisions on three images of the folder, and give it."""
    table = read_selection(selection)
    right = CLASSES[(CLASSES.index(class_of(selection, 1)) + 1) % 3]
    file = corrections(
        tmp_path / 'c.csv', selection, (1, 'relabel', right), (4, 'exclude', ''), (5, 'keep', '')
    )
    images = tmp_path / 'images'

    def run(*options, root=images):
        tool(monkeypatch, 'apply_corrections.py', selection, file, '--move', root, *options)

    run.images, run.right = images, right
    run.names = [table.img_path[i].rpartition('/')[2] for i in (1, 4)]
    return run


def test_images_move_only_when_told_and_back_again(moving, selection, tmp_path, monkeypatch, capfd):
    images, (relabelled, excluded) = moving.images, moving.names
    before = files_of(tmp_path)
    moving()
    assert files_of(tmp_path) == before and not (tmp_path / 'moved.csv').exists()
    assert '2 images would move, with --yes:' in capfd.readouterr().out
    moving('--yes')
    after = files_of(tmp_path)
    assert sorted(after.values()) == sorted(before.values())
    assert f'images/{moving.right}/{relabelled}' in after
    out = f'images_excluded/{class_of(selection, 4)}/{excluded}'
    assert out in after and f'images/{class_of(selection, 4)}/{excluded}' not in after
    assert 'images have moved; back: --undo' in capfd.readouterr().out
    with pytest.raises(FileNotFoundError, match='is not there: has it been moved already'):
        moving('--yes')
    tool(monkeypatch, 'apply_corrections.py', '--undo', tmp_path / 'moved.csv')
    assert files_of(tmp_path) == before and (tmp_path / 'moved.csv.undone').exists()
    assert images.is_dir()


def test_nothing_moves_over_a_file_or_out_of_another_folder(moving, tmp_path):
    taken = moving.images / moving.right / moving.names[0]
    taken.write_bytes(b'mine')
    before = files_of(tmp_path)
    with pytest.raises(ValueError, match='where there is a file already: .*Nothing has been moved'):
        moving('--yes')
    with pytest.raises(ValueError, match='is not below .*a folder for each class, named as the'):
        moving('--yes', root=tmp_path)
    assert files_of(tmp_path) == before
    taken.unlink()
    (tmp_path / 'moved.csv').write_text('from,to\n')
    with pytest.raises(ValueError, match='says what was moved before, and would be replaced'):
        moving('--yes')


def test_undo_leaves_alone_what_is_not_where_it_was_moved_to(moving, tmp_path, monkeypatch, capfd):
    moving('--yes')
    moved = moving.images / moving.right / moving.names[0]
    moved.rename(tmp_path / 'elsewhere.png')
    code = tool(monkeypatch, 'apply_corrections.py', '--undo', tmp_path / 'moved.csv')
    assert code == 1 and (tmp_path / 'moved.csv').exists()
    text = capfd.readouterr().out
    assert '1 images are back' in text and '1 are left alone' in text and str(moved) in text
    for content in ('a,b\n', '', 'from,to\nx\n'):
        (tmp_path / 'x.csv').write_text(content)
        with pytest.raises(ValueError, match='x.csv. is no record of moved images'):
            tool(monkeypatch, 'apply_corrections.py', '--undo', tmp_path / 'x.csv')
