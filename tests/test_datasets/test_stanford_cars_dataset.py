from pathlib import Path

import pytest
from mmpretrain.datasets import StanfordCars

from deft_mm.datasets import StanfordCarsDataset, given_labels_of, img_paths_of
from miniatures import cars

MAKERS = {
    'devkit': cars.make,
    'class folders': cars.make_class_folders,
    'one folder': cars.make_one_folder,
}
IDS = {'train': cars.TRAIN_IDS, 'test': cars.TEST_IDS}


@pytest.fixture
def root(tmp_path):
    cars.make(tmp_path)
    return tmp_path


@pytest.mark.parametrize('split', ['train', 'test'])
@pytest.mark.parametrize('layout', MAKERS)
def test_every_layout_gives_the_same_labels(tmp_path, layout, split):
    MAKERS[layout](tmp_path)
    dataset = StanfordCarsDataset(str(tmp_path), split=split)
    classes = dataset.metainfo['classes']
    # the class ids of the data set go by this order of names
    names = [StanfordCars.METAINFO['classes'][idx - 1].replace('/', '-') for idx in IDS[split]]
    labels = given_labels_of(dataset).tolist()
    assert [classes[label] for label in labels] == sorted(names)
    assert labels == sorted(labels)
    assert all(Path(path).is_file() for path in img_paths_of(dataset))


@pytest.mark.parametrize('split', ['train', 'test'])
def test_every_image_has_the_class_of_its_annotation(root, split):
    dataset = StanfordCarsDataset(str(root), split=split)
    ours = dataset.metainfo['classes']
    found = {
        Path(path).name: ours[label]
        for path, label in zip(img_paths_of(dataset), given_labels_of(dataset), strict=True)
    }
    theirs = StanfordCars.METAINFO['classes']
    assert found == {
        f'{i + 1:05d}.jpg': theirs[idx - 1].replace('/', '-') for i, idx in enumerate(IDS[split])
    }


def test_class_folders_and_devkit_give_the_same_samples_in_the_same_order(tmp_path):
    samples = []
    for make in (cars.make, cars.make_class_folders):
        make(tmp_path / make.__name__)
        dataset = StanfordCarsDataset(str(tmp_path / make.__name__))
        names = [Path(path).name for path in img_paths_of(dataset)]
        samples.append(list(zip(names, given_labels_of(dataset).tolist(), strict=True)))
    assert samples[0] == samples[1] and len(samples[0]) == 9


def test_class_names_are_in_alphabetical_order():
    classes = StanfordCarsDataset.METAINFO['classes']
    assert list(classes) == sorted(classes)
    differ = [a != b for a, b in zip(classes, StanfordCars.METAINFO['classes'], strict=True)]
    assert sum(differ) == 144


def test_annotations_beside_the_folders_and_nested_folders_are_found(root):
    expected = given_labels_of(StanfordCarsDataset(str(root), split='test')).tolist()
    name = 'cars_test_annos_withlabels.mat'
    (root / 'devkit' / name).rename(root / name)
    (root / 'cars_test').rename(root / 'inner')
    (root / 'cars_test').mkdir()
    (root / 'inner').rename(root / 'cars_test/cars_test')
    dataset = StanfordCarsDataset(str(root), split='test')
    assert given_labels_of(dataset).tolist() == expected
    assert all(Path(path).is_file() for path in img_paths_of(dataset))


@pytest.mark.parametrize(
    ('layout', 'split', 'name'),
    [
        ('devkit', 'train', 'cars_train'),
        ('devkit', 'train', 'devkit/cars_train_annos.mat'),
        ('devkit', 'test', 'devkit/cars_test_annos_withlabels.mat'),
        ('class folders', 'test', 'test/Volvo XC90 SUV 2007'),
        ('one folder', 'train', 'cars_annos.mat'),
    ],
)
def test_what_is_missing_is_named(tmp_path, layout, split, name):
    MAKERS[layout](tmp_path)
    (tmp_path / name).rename(tmp_path / 'elsewhere')
    with pytest.raises(FileNotFoundError, match=f"'{tmp_path / name}' is missing"):
        StanfordCarsDataset(str(tmp_path), split=split)


def test_a_list_without_labels_is_refused(root):
    labelled = root / 'devkit/cars_test_annos_withlabels.mat'
    (root / 'devkit/cars_test_annos.mat').rename(labelled)
    with pytest.raises(ValueError, match='withlabels.mat has no `class`'):
        StanfordCarsDataset(str(root), split='test')


def test_a_file_that_is_no_list_of_images_is_refused(root):
    path = root / 'devkit/cars_train_annos.mat'
    for content in (b'<!DOCTYPE html><html>404</html>' * 20, b'', _other_mat(root)):
        path.write_bytes(content)
        with pytest.raises(ValueError, match='cars_train_annos.mat is no list of images'):
            StanfordCarsDataset(str(root))


def _other_mat(root):
    return (root / 'devkit/cars_meta.mat').read_bytes()


def test_class_ids_out_of_range_are_refused(root, monkeypatch):
    monkeypatch.setattr(cars, 'TRAIN_IDS', (1, 197))
    cars.make(root)
    with pytest.raises(ValueError, match='1 to 196; .*cars_train_annos.mat has 1 to 197'):
        StanfordCarsDataset(str(root))


def test_a_folder_that_is_no_class_is_refused(tmp_path):
    cars.make_class_folders(tmp_path)
    (tmp_path / 'train/Tesla Model 3').mkdir()
    (tmp_path / 'train/Tesla Model 3/1.jpg').write_bytes(b'')
    with pytest.raises(ValueError, match="'Tesla Model 3', which is no class"):
        StanfordCarsDataset(str(tmp_path))


def test_unknown_split_is_refused(root):
    with pytest.raises(ValueError, match='val'):
        StanfordCarsDataset(str(root), split='val')
