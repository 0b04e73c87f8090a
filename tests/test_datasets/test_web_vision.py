from pathlib import Path

import pytest

from deft_mm.datasets import ILSVRC12, WebVision, given_labels_of, img_paths_of
from miniatures import webvision


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp('data')
    webvision.make(root)
    return root


@pytest.mark.parametrize(
    'split, labels', [('train', [0, 0, 3, 49, 3, 0, 21, 21, 49]), ('val', [49, 0, 21, 3])]
)
def test_the_first_50_classes_are_read_in_the_order_of_the_list(root, split, labels):
    dataset = WebVision(str(root), split=split)
    assert given_labels_of(dataset).tolist() == labels
    assert all(Path(path).is_file() for path in img_paths_of(dataset))


def test_other_numbers_of_classes(root):
    assert len(WebVision(str(root), num_classes=1000)) == len(webvision.TRAIN_LABELS)
    assert given_labels_of(WebVision(str(root), num_classes=3)).tolist() == [0, 0, 0]
    assert len(WebVision(str(root), num_classes=3).metainfo['classes']) == 3


def test_class_names_are_those_of_the_papers_prompts_in_the_order_of_the_labels(root):
    classes = WebVision(str(root)).metainfo['classes']
    assert len(classes) == 50
    assert classes[:8] == (
        'tench',
        'goldfish',
        'great white shark',
        'tiger shark',
        'hammerhead shark',
        'electric ray',
        'stingray',
        'rooster',
    )
    assert classes[21] == 'kite (bird of prey)' and classes[49] == 'Nile crocodile'
    # against the words of the data set's own list, where those are not the same
    synsets = (root / 'info/synsets.txt').read_text().splitlines()
    known = [line.lower() for line in synsets[:50]]
    others = [
        label
        for label, name in enumerate(classes)
        if not any(word in known[label] for word in name.lower().split())
    ]
    assert [classes[label] for label in others] == ['rooster', 'newt']  # cock, eft


def test_classes_are_those_of_ilsvrc12(root):
    other = ILSVRC12(str(root), data_prefix='imagenet/val', num_classes=50)
    assert WebVision(str(root), split='val').metainfo == other.metainfo


@pytest.mark.parametrize('options', [dict(split='test'), dict(num_classes=0)])
def test_unknown_arguments_are_refused(root, options):
    with pytest.raises(ValueError, match='WebVision: '):
        WebVision(str(root), **options)


def test_images_that_were_not_unpacked_are_missed(root, tmp_path):
    (tmp_path / 'info').symlink_to(root / 'info')
    with pytest.raises(FileNotFoundError, match=r"google' is missing"):
        WebVision(str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"val_images_256' is missing"):
        WebVision(str(tmp_path), split='val')
