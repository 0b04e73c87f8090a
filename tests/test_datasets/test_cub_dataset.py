from pathlib import Path

import pytest

from deft_mm.datasets import CUBDataset, given_labels_of, img_paths_of
from miniatures import cub


@pytest.fixture
def root(tmp_path):
    cub.make(tmp_path)
    return tmp_path


@pytest.mark.parametrize('split', ['train', 'test'])
def test_labels_belong_to_folders_and_class_names(root, split):
    dataset = CUBDataset(str(root), split=split)
    classes = (root / 'classes.txt').read_text().splitlines()
    labels, paths = given_labels_of(dataset), img_paths_of(dataset)
    counts = [numbers[split == 'test'] for numbers in cub.IMAGES.values()]
    assert len(dataset) == sum(counts)
    for label, path in zip(labels, map(Path, paths), strict=True):
        name = dataset.metainfo['classes'][label]
        assert path.is_file() and path.parent.name == f'{label + 1:03d}.{name}'
        assert classes[label] == f'{label + 1} {path.parent.name}'


def test_the_parts_share_no_image_and_make_up_the_list(root):
    parts = [img_paths_of(CUBDataset(str(root), split=split)) for split in ('train', 'test')]
    listed = [line.split()[1] for line in (root / 'images.txt').read_text().splitlines()]
    assert sorted(parts[0] + parts[1]) == sorted(str(root / 'images' / name) for name in listed)
    assert len(set(parts[0] + parts[1])) == len(listed)


@pytest.mark.parametrize(
    'name', ['images.txt', 'image_class_labels.txt', 'train_test_split.txt', 'images']
)
def test_what_is_missing_is_named(root, name):
    (root / name).rename(root / 'elsewhere')
    with pytest.raises(FileNotFoundError, match=f"'{root / name}' is missing"):
        CUBDataset(str(root))
