from pathlib import Path

import pytest

from deft_mm.datasets import TinyImageNet, given_labels_of, img_paths_of
from miniatures import tinyimagenet


@pytest.fixture
def root(tmp_path):
    tinyimagenet.make(tmp_path)
    return tmp_path


def test_class_names_are_the_first_words_of_the_sorted_wordnet_ids(root):
    words = dict(line.split('\t') for line in (root / 'words.txt').read_text().splitlines())
    wnids = (root / 'wnids.txt').read_text().split()
    assert wnids != sorted(wnids)
    names = [words[wnid].split(',')[0] for wnid in sorted(wnids)]
    assert list(TinyImageNet(str(root)).metainfo['classes']) == names


def test_training_labels_are_those_of_the_sorted_folders(root):
    dataset = TinyImageNet(str(root))
    folders = sorted(path.name for path in (root / 'train').iterdir())
    paths = [Path(path) for path in img_paths_of(dataset)]
    assert [folders.index(path.parent.parent.name) for path in paths] == [*given_labels_of(dataset)]
    assert [path.name.split('_')[1] for path in paths] == ['10.JPEG', '2.JPEG', '7.JPEG'] * 4
    assert sorted(paths) == sorted((root / 'train').rglob('*.JPEG'))


def test_validation_labels_come_from_the_list(root):
    dataset = TinyImageNet(str(root), split='val')
    assert given_labels_of(dataset).tolist() == list(tinyimagenet.VAL_LABELS)
    paths = [Path(path) for path in img_paths_of(dataset)]
    assert [path.name for path in paths] == [f'val_{i}.JPEG' for i in range(5)]
    assert all(path.is_file() for path in paths)


@pytest.mark.parametrize(
    ('split', 'name'),
    [
        ('train', 'wnids.txt'),
        ('train', f'train/{tinyimagenet.WNIDS[150]}/images'),
        ('val', 'val/val_annotations.txt'),
        ('val', 'val/images'),
    ],
)
def test_what_is_missing_is_named(root, split, name):
    (root / name).rename(root / 'elsewhere')
    with pytest.raises(FileNotFoundError, match=f"'{root / name}' is missing"):
        TinyImageNet(str(root), split=split)


def test_lists_of_other_classes_are_refused(root):
    with open(root / 'val/val_annotations.txt', 'a') as file:
        file.write('val_5.JPEG\tn00000001\t0\t0\t1\t1\n')
    with pytest.raises(ValueError, match='val_annotations.txt, line 6.*n00000001'):
        TinyImageNet(str(root), split='val')
    with open(root / 'wnids.txt', 'a') as file:
        file.write('n00000001\n')
    with pytest.raises(ValueError, match='wnids.txt must have 200 ids, and has 201'):
        TinyImageNet(str(root))


def test_unknown_split_is_refused(root):
    with pytest.raises(ValueError, match="'test' were never published"):
        TinyImageNet(str(root), split='test')
