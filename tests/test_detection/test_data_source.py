"""What may be scored."""

import pytest
from mmengine.registry import DefaultScope
from mmpretrain.registry import DATASETS

from deft_mm.detection import find_data
from deft_mm.engine.launch import read_config
from miniatures import folder
from runner_utils import REPO

DIGITS = REPO / 'configs/deft/deft_digits_sym40.py'


@pytest.fixture
def cfg():
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        yield read_config(DIGITS, {})


@pytest.fixture
def images(tmp_path):
    folder.make(tmp_path / 'images')
    return tmp_path / 'images'


def test_all_readable_images_of_a_folder_are_taken(cfg, images):
    data = find_data(cfg, str(images))
    assert data.name == 'images' and len(DATASETS.build(data.dataset)) == 26
    # What a config takes to train on what is kept of them.
    assert eval(data.text) == {k: v for k, v in data.dataset.items() if k != 'pipeline'}


def test_a_list_is_taken_and_options_are_arguments_of_the_data_set(cfg, images):
    (images / 'some.csv').write_text('path,label\ncat/000.jpg,0\ncat/001.jpg,1\ndog/000.jpg,1\n')
    options = dict(classes=['cat', 'dog'], check_images=False)
    data = find_data(cfg, str(images / 'some.csv'), options=options)
    dataset = DATASETS.build(data.dataset)
    assert data.name == 'some' and dataset.metainfo['classes'] == ('cat', 'dog')
    assert dataset.get_gt_labels().tolist() == [0, 1, 1]


def test_a_config_gives_any_of_its_data_sets_and_takes_options(cfg):
    options = {'train_dataloader.dataset.noise.ratio': 0.1}
    train = find_data(cfg, str(DIGITS), options=options)
    assert train.name == 'deft_digits_sym40' and train.dataset.noise.ratio == 0.1
    assert cfg.train_dataloader.dataset.noise.ratio == 0.4
    assert train.text.endswith('deft_digits_sym40.py, train_dataloader.dataset.noise.ratio=0.1>')
    own = find_data(cfg, None, own_options=options)
    assert own.is_own and own.text.endswith(', train_dataloader.dataset.noise.ratio=0.1>')
    test = find_data(cfg, str(DIGITS), part='test')
    assert test.name == 'deft_digits_sym40_test' and len(DATASETS.build(test.dataset)) == 500


def test_the_folder_config_finds_the_data_without_reading_the_number_of_classes(cfg, images):
    options = dict(data_root=str(images), val_path='.')
    data = find_data(cfg, str(REPO / 'configs/deft/deft_folder.py'), options=options)
    assert len(DATASETS.build(data.dataset)) == 26


@pytest.mark.parametrize(
    ('path', 'part', 'options', 'error', 'match'),
    [
        ('nowhere', 'train', {}, FileNotFoundError, "--data 'nowhere' does not exist"),
        ('images/cat/000.jpg', 'train', {}, ValueError, 'neither a list file'),
        ('images', 'val', {}, ValueError, '--part val is for configs'),
        (None, 'train', dict(val_ratio=0.2), ValueError, '--data-options belong to --data'),
        ('no_test.py', 'test', {}, ValueError, 'no_test.py has no test_dataloader.dataset'),
        (None, 'val', {}, ValueError, 'has no val_dataloader.dataset'),
    ],
)
def test_mistakes_are_named(path, part, options, error, match, cfg, images):
    (images.parent / 'no_test.py').write_text('train_dataloader = dict(dataset=dict())')
    cfg.val_dataloader = None
    if path is not None and path != 'nowhere':
        path = str(images.parent / path)
    with pytest.raises(error, match=match):
        find_data(cfg, path, part, options)
