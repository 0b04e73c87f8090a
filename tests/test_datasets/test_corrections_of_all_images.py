"""Decisions on all images of a folder, for what a validation part leaves of it, and back."""

import json

import pytest
from corrections_utils import corrections
from exchange_utils import label_studio_export, write_json

from deft_mm.datasets import (
    CorrectedLabels,
    ImageFolderDataset,
    NoisyLabelDataset,
    given_labels_of,
    img_paths_of,
    sample_table_of,
)
from deft_mm.selection import EXCLUDED, write_selection
from deft_mm.selection.exchange import chosen_rows, write_label_studio
from tests.test_datasets.dataset_utils import image_folder

CLASSES = ['class_0', 'class_1', 'class_2']


@pytest.fixture
def root(tmp_path):
    return image_folder(tmp_path / 'images', per_class=10)


def whole(root) -> ImageFolderDataset:
    return ImageFolderDataset(data_root=str(root), val_path='.', check_images=False)


def training_part(root) -> ImageFolderDataset:
    """What it leaves is 24 of 30 images."""
    return ImageFolderDataset(data_root=str(root), val_ratio=0.2, check_images=False)


def as_table(path, selection, table, decided):
    return corrections(path.with_suffix('.csv'), selection, *decided)


def as_export(path, selection, table, decided):
    write_label_studio(table, chosen_rows(table, 'all'), path.parent)
    tasks = json.loads((path.parent / 'tasks.json').read_text())
    said = {
        f'sample_{i}': name or dict(keep=CLASSES[table.given_label[i]], exclude='exclude')[action]
        for i, action, name in decided
    }
    return write_json(path.with_suffix('.json'), label_studio_export(tasks, **said))


@pytest.fixture(params=[as_table, as_export])
def reviewed(request, root, tmp_path):
    """A file of decisions on images of a data set: of sample 0 that it is of the third class."""

    def review(dataset, rows) -> str:
        table = sample_table_of(dataset)
        write_selection(tmp_path / 'selection.csv', table)
        actions = [('relabel', CLASSES[2]), ('exclude', ''), ('keep', '')]
        decided = [(i, *actions[place % 3]) for place, i in enumerate(rows)]
        file = request.param(tmp_path / 'decided', tmp_path / 'selection.csv', table, decided)
        paths = img_paths_of(dataset)
        labels = {'relabel': 2, 'exclude': EXCLUDED}
        review.said = {
            paths[i]: labels.get(action, int(table.given_label[i])) for i, action, _ in decided
        }
        return str(file)

    return review


def decided_in(dataset: CorrectedLabels, inner) -> dict[str, int]:
    """What the data set makes of decisions, by path."""
    paths = img_paths_of(inner)
    left = dict(zip(dataset.indices.tolist(), dataset.corrected_labels.tolist(), strict=True))
    found = {path: left.get(i, EXCLUDED) for i, path in enumerate(paths)}
    return {path: label for path, label in found.items() if label != -1}


def test_images_that_are_held_out_are_left_alone_and_counted(root, reviewed, capfd):
    part = training_part(root)
    file = reviewed(whole(root), range(0, 30, 2))
    dataset = CorrectedLabels(part, file)
    here = set(img_paths_of(part))
    expected = {path: label for path, label in reviewed.said.items() if path in here}
    absent = len(reviewed.said) - len(expected)
    assert 0 < absent < 6 and decided_in(dataset, part) == expected
    given = dict(zip(img_paths_of(part), given_labels_of(part), strict=True))
    for i, label in zip(dataset.indices, dataset.given_labels, strict=True):
        path = img_paths_of(part)[i]
        assert label == expected.get(path, given[path])
    text = ' '.join(capfd.readouterr().out.split())
    assert 'is of 30 samples, and this data set has 24: images are found by their paths' in text
    assert f'{absent} images with a decision are not in it (held out for validation, say)' in text


def test_the_folder_may_have_moved(root, reviewed):
    file = reviewed(whole(root), range(30))
    moved = root.rename(root.with_name('elsewhere'))
    part = training_part(moved)
    expected = {path.replace(str(root), str(moved)): to for path, to in reviewed.said.items()}
    here = set(img_paths_of(part))
    found = decided_in(CorrectedLabels(part, file), part)
    assert found == {path: label for path, label in expected.items() if path in here}


def test_decisions_on_the_training_part_are_good_for_all_images(root, reviewed):
    part, everything = training_part(root), whole(root)
    file = reviewed(part, range(24))
    assert decided_in(CorrectedLabels(everything, file), everything) == reviewed.said


def test_decisions_on_images_that_are_all_held_out_decide_nothing(root, reviewed):
    part, everything = training_part(root), whole(root)
    held_out = set(img_paths_of(everything)) - set(img_paths_of(part))
    rows = [i for i, path in enumerate(img_paths_of(everything)) if path in held_out]
    dataset = CorrectedLabels(part, reviewed(everything, rows))
    assert len(dataset) == len(part) == 24 and decided_in(dataset, part) == {}


def test_another_given_class_is_refused(root, reviewed):
    file = reviewed(whole(root), range(30))
    flipped = NoisyLabelDataset(training_part(root), lambda labels, n, dataset: (labels + 1) % n)
    with pytest.raises(ValueError, match=r"(line|task) \d+.*: sample 0 has the given class 'class"):
        CorrectedLabels(flipped, file)


def test_decisions_on_other_images_are_refused(root, reviewed, tmp_path):
    file = reviewed(whole(root), range(30))
    other = image_folder(tmp_path / 'other', per_class=7)
    # So many images cannot be held out: 9 of the 30 are not among the 21.
    for i, path in enumerate(sorted(other.rglob('*.png'))):
        path.rename(path.with_name(f'{100 + i}.png') if i % 2 else path)
    with pytest.raises(ValueError, match='belongs to another data set: the number of samples'):
        CorrectedLabels(whole(other), file)
    names = [f'class {i}' for i in range(3)]
    with pytest.raises(ValueError, match='the class names differ'):
        CorrectedLabels(
            ImageFolderDataset(
                data_root=str(root), val_ratio=0.2, check_images=False, classes=names
            ),
            file,
        )
