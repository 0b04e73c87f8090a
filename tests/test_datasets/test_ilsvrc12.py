import re
import shutil
from pathlib import Path

import pytest
from mmpretrain.datasets import ImageNet
from open_clip import IMAGENET_CLASSNAMES
from timm.data import ImageNetInfo

from deft_mm.datasets import ILSVRC12, given_labels_of, img_paths_of
from deft_mm.datasets.ilsvrc12 import CLASS_NAMES
from miniatures import imagenet, webvision


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp('data')
    imagenet.make(root)
    return root


@pytest.fixture(scope='module')
def webvision_root(tmp_path_factory):
    root = tmp_path_factory.mktemp('data')
    webvision.make(root)
    return root


def test_labels_are_the_places_of_the_sorted_wordnet_ids(root):
    dataset = ILSVRC12(str(root), split='train')
    assert given_labels_of(dataset).tolist() == [0] * 3 + [1] * 3 + [65] * 3 + [999] * 3
    for path, label in zip(img_paths_of(dataset), given_labels_of(dataset), strict=True):
        assert Path(path).is_file() and Path(path).parent.name == imagenet.WNIDS[label]


def test_labels_of_a_list_are_those_of_the_list(root):
    dataset = ILSVRC12(str(root), split='val')
    assert given_labels_of(dataset).tolist() == [65, 999, 0, 0]
    assert all(Path(path).is_file() for path in img_paths_of(dataset))


def test_it_is_mmpretrains_imagenet_under_other_names(root):
    for split in ('train', 'val'):
        ours, theirs = ILSVRC12(str(root), split=split), ImageNet(str(root), split=split)
        assert img_paths_of(ours) == img_paths_of(theirs)
        assert given_labels_of(ours).tolist() == given_labels_of(theirs).tolist()


def test_class_names_are_distinct_and_name_their_wordnet_synset():
    assert len(set(CLASS_NAMES)) == len(CLASS_NAMES) == 1000
    changed = [i for i in range(1000) if CLASS_NAMES[i] != IMAGENET_CLASSNAMES[i]]
    assert changed == [744, 836]  # which open_clip's list calls as it calls 657 and 837
    info = ImageNetInfo()
    same = 0
    for label, name in enumerate(CLASS_NAMES):
        words = set(re.findall('[a-z]{3,}', name.lower()))
        same += bool(words & set(re.findall('[a-z]{3,}', info.index_to_description(label).lower())))
    assert same > 900  # 960; 135 where the order is off by one


def test_only_the_first_classes_are_read(root, webvision_root):
    assert (
        given_labels_of(ILSVRC12(str(root), 'train', num_classes=2)).tolist() == [0] * 3 + [1] * 3
    )
    assert given_labels_of(ILSVRC12(str(root), 'val', num_classes=50)).tolist() == [0, 0]
    dataset = ILSVRC12(str(webvision_root), data_prefix='imagenet/val', num_classes=50)
    assert given_labels_of(dataset).tolist() == [0, 0, 3, 21, 49]
    assert dataset.metainfo['classes'] == CLASS_NAMES[:50]


def test_a_folder_of_the_first_classes_alone_is_accepted(tmp_path):
    imagenet.make(tmp_path)
    for wnid in imagenet.WNIDS[2:]:
        shutil.rmtree(tmp_path / 'train' / wnid)
    assert len(ILSVRC12(str(tmp_path), 'train', num_classes=2)) == 6
    with pytest.raises(ValueError, match='has 2 folders'):
        ILSVRC12(str(tmp_path), 'train', num_classes=3)


def test_folders_that_are_no_wordnet_ids_are_refused(tmp_path):
    for label in range(12):
        (tmp_path / 'val' / str(label)).mkdir(parents=True)
    with pytest.raises(ValueError, match="12 folders, among them '0'"):
        ILSVRC12(str(tmp_path), 'val', num_classes=12)


def test_class_folders_without_any_image_are_refused(webvision_root):
    (webvision_root / 'empty').mkdir()
    for wnid in imagenet.WNIDS[:3]:
        (webvision_root / 'empty' / wnid).mkdir()
    with pytest.raises(FileNotFoundError, match='empty/n01440764/'):
        ILSVRC12(str(webvision_root), data_prefix='empty', num_classes=3)


def test_images_without_folders_or_list_are_refused(tmp_path):
    imagenet.make(tmp_path)
    (tmp_path / 'meta/val.txt').unlink()
    with pytest.raises(FileNotFoundError, match='(?s)val/n01440764.*meta/val.txt'):
        ILSVRC12(str(tmp_path), 'val')


@pytest.mark.parametrize('options', [dict(split='test'), dict(split='val', num_classes=1001)])
def test_unknown_arguments_are_refused(root, options):
    with pytest.raises(ValueError, match='ILSVRC12: '):
        ILSVRC12(str(root), **options)
