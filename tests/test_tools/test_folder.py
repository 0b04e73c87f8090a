"""A user's own images, from the one command that a user types."""

import csv
import re
import shutil
from pathlib import Path
from types import SimpleNamespace

import mmengine
import pytest
import torch
from corrections_utils import corrections
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.runner import Runner

from deft_mm.datasets import ImageFolderDataset, sample_table_of
from deft_mm.engine.data_settings import fill_num_classes, settle_data
from deft_mm.engine.hooks import DataReportHook, data_report_hook
from deft_mm.selection import read_selection, write_selection
from miniatures import folder
from runner_utils import REPO, TINY_CLIP, TINY_WIDTH
from tool_utils import tool

CONFIG = REPO / 'configs/deft/deft_folder.py'
CLASSES = ('cat', 'dog', 'guinea_pig')


def small_config(path: Path) -> Path:
    """Write a config that differs from the real one in CLIP, image size and length."""
    cfg = Config.fromfile(CONFIG)
    models = [cfg.model.detector.backbone, cfg.model.detector.head, cfg.model.classifier.backbone]
    for part in models:
        part.clip = TINY_CLIP
    cfg.model.classifier.head.in_channels = TINY_WIDTH
    for name in ('train', 'val', 'test'):
        loader = cfg[f'{name}_dataloader']
        loader.update(batch_size=8, num_workers=0)
        dataset = loader.dataset.get('dataset', loader.dataset)
        for transform in dataset.pipeline:
            transform.update({key: 32 for key in ('scale', 'crop_size') if key in transform})
    cfg.train_cfg.max_epochs = 2
    cfg.default_hooks.noise_filter.detector_epochs = 1
    cfg.default_hooks.noise_filter.selector = dict(type='KeepEvenIndices')
    cfg.dump(path)
    return path


@pytest.fixture(scope='module')
def user(tmp_path_factory):
    """A folder with images, and a work directory after the run of the one command."""
    home = tmp_path_factory.mktemp('user')
    folder.make(home / 'images')
    config = small_config(home / 'deft_folder.py')
    with pytest.MonkeyPatch.context() as monkeypatch:
        options = ['--cfg-options', f'data_root={home}/images']
        tool(monkeypatch, 'train.py', config, '--work-dir', home / 'work', *options)
    return home


def test_the_folder_is_all_that_a_run_needs(user):
    summary = mmengine.load(user / 'work/summary.json')
    assert [entry['stage'] for entry in summary['epochs']] == ['detector', 'classifier']
    weights = torch.load(user / 'work/epoch_2.pth', weights_only=True)['state_dict']
    assert weights['classifier.head.fc.weight'].shape[0] == len(CLASSES)


def test_selection_names_every_readable_training_image_where_it_is(user):
    selection = read_selection(user / 'work/selection.csv')
    assert tuple(selection.class_names) == CLASSES
    paths = [Path(path) for path in selection.img_path]
    assert len(paths) == 22 and all(path.is_file() for path in paths)
    given = [CLASSES[label] for label in selection.given_label]
    assert given == [path.parent.name for path in paths]


def test_report_is_logged_before_training_and_written(user):
    log = next((user / 'work').glob('*/*.log')).read_text()
    report = log.index('Data report of')
    assert report < log.index('Epoch(train)')
    assert re.search('left out .*3 x unreadable image', log[report:])
    rows = list(csv.DictReader((user / 'work/data_report.csv').read_text().splitlines()))
    assert len(rows) == 10 and sum(row['used'] == '1' for row in rows) == 4
    truncated = str(user / 'images/cat/truncated.jpg')
    assert truncated in [row['path'] for row in rows if row['problem'] == 'unreadable image']


def test_corrections_of_all_images_train_what_is_not_held_out(user, tmp_path, monkeypatch):
    everything = sample_table_of(ImageFolderDataset(str(user / 'images'), val_path='.'))
    write_selection(tmp_path / 'all.csv', everything)
    rows = [(i, 'relabel', 'dog') for i in range(len(everything))]
    file = corrections(tmp_path / 'corrections.csv', tmp_path / 'all.csv', *rows)
    command = [user / 'deft_folder.py', '--work-dir', tmp_path / 'work', '--corrections', file]
    tool(monkeypatch, 'train.py', *command, '--cfg-options', f'data_root={user}/images')
    selection = read_selection(tmp_path / 'work/selection.csv')
    assert len(selection) == 22 < len(everything) and selection.decided.all()
    assert {selection.class_names[label] for label in selection.given_label} == {'dog'}


def emptied(path: Path) -> None:
    for image in path.iterdir():
        image.write_bytes(b'')


@pytest.mark.parametrize(
    ('name', 'make', 'problems'),
    [
        ('ox', Path.mkdir, {'not an image file', 'small class'}),  # before images are decoded
        ('dog', emptied, {'not an image file', 'small class', 'unreadable image'}),
    ],
)
@pytest.mark.parametrize('script', ['train.py', 'clean.py'])
def test_a_class_without_images_ends_the_tool_after_its_report(
    user, tmp_path, monkeypatch, script, name, make, problems
):
    images = shutil.copytree(user / 'images', tmp_path / 'images')
    make(images / name)
    (images / 'cat/notes.txt').write_text('mine')
    where = tmp_path / 'work'
    options = ['--work-dir', where, '--cfg-options', f'data_root={images}']
    command = [user / 'deft_folder.py', *options]
    if script == 'clean.py':
        command = [images, '--out', where, '--clip', 'tiny', '--num-workers', '0']
    table = where / 'data_report.csv'
    for file in (table, where / 'data_report.new.csv')[: 1 + (script == 'train.py')]:
        with pytest.raises(ValueError, match=rf"No image of '{name}' .* All of it: {file}$"):
            tool(monkeypatch, script, *command)
        rows = list(csv.DictReader(file.read_text().splitlines()))
        assert {row['problem'] for row in rows} >= problems
        assert name in [row['class'] for row in rows]
        # A run that has begun keeps its own.
        table.write_text('that of the run')
        (where / 'config.json').write_text('{}')
    assert script == 'clean.py' or table.read_text() == 'that of the run'


def test_the_work_directorys_config_evaluates_without_options(user, tmp_path, monkeypatch):
    options = ['--work-dir', tmp_path, '--out', tmp_path / 'out.json', '--out-item', 'metrics']
    checkpoint = user / 'work/epoch_2.pth'
    tool(monkeypatch, 'test.py', user / 'work/deft_folder.py', checkpoint, *options)
    printed = mmengine.load(user / 'work/summary.json')['epochs'][-1]['metrics']
    assert mmengine.load(tmp_path / 'out.json')['accuracy/top1'] == printed['accuracy/top1']


def test_the_work_directorys_config_takes_another_folder(user, tmp_path, monkeypatch):
    options = ['--work-dir', tmp_path, '--cfg-options', 'data_root=nowhere']
    checkpoint = user / 'work/epoch_2.pth'
    with pytest.raises(FileNotFoundError, match="data_root 'nowhere' does not exist"):
        tool(monkeypatch, 'test.py', user / 'work/deft_folder.py', checkpoint, *options)


def test_without_a_folder_the_error_says_how_to_give_it(user, tmp_path, monkeypatch):
    with pytest.raises(ValueError, match='--cfg-options data_root='):
        tool(monkeypatch, 'train.py', user / 'deft_folder.py', '--work-dir', tmp_path)


def test_a_stock_runner_says_that_the_number_of_classes_is_open(user, work_dir):
    cfg = Config.fromfile(user / 'deft_folder.py')
    cfg.work_dir = work_dir
    with pytest.raises(ValueError, match='num_classes is None: set it, in every head'):
        Runner.from_cfg(cfg)


def test_settled_config_agrees_in_all_places(user):
    cfg = Config.fromfile(CONFIG)
    cfg.merge_from_dict(dict(data_root=str(user / 'images'), val_ratio=0.3))
    settle_data(cfg)
    datasets = [cfg.train_dataloader.dataset.dataset, cfg.val_dataloader.dataset]
    for dataset in [*datasets, cfg.test_dataloader.dataset]:
        assert (dataset.data_root, dataset.val_ratio) == (cfg.data_root, 0.3)
    counts = [cfg.model.detector.head, cfg.model.classifier.head, cfg.data_preprocessor]
    assert [part.num_classes for part in counts] == [3, 3, 3]


def test_numbers_that_a_config_has_are_left_as_they_are():
    cfg = Config.fromfile(REPO / 'configs/deft/deft_digits_sym40.py')
    before = cfg.to_dict()
    settle_data(cfg)
    fill_num_classes(cfg, 7)
    assert cfg.to_dict() == before


def test_processes_that_found_other_images_stop(user, monkeypatch):
    def gather(found):
        return [found, {**found, 'images': 'others'}]

    dataset = ImageFolderDataset(str(user / 'images'))
    runner = SimpleNamespace(train_dataloader=SimpleNamespace(dataset=dataset))
    monkeypatch.setattr(data_report_hook, 'all_gather_object', gather)
    monkeypatch.setattr(data_report_hook, 'is_training', lambda runner: True)
    with pytest.raises(ValueError, match='Process 1 found other training images'):
        DataReportHook().before_run(runner)


def test_the_report_is_of_all_images_where_epochs_are_cut_short(user, tmp_path, monkeypatch):
    dataset = ImageFolderDataset(str(user / 'images'))
    sampler = dict(type='DefaultSampler', shuffle=False)
    cfg = dict(batch_size=1, num_batch_per_epoch=1, dataset=dataset, sampler=sampler)
    runner = SimpleNamespace(
        train_dataloader=Runner.build_dataloader(cfg),
        val_loop=None,
        work_dir=tmp_path,
        logger=MMLogger.get_instance('report'),
    )
    assert len(runner.train_dataloader.dataset) == 1
    monkeypatch.setattr(data_report_hook, 'is_training', lambda runner: True)
    DataReportHook().before_run(runner)
    assert 'unreadable image' in (tmp_path / 'data_report.csv').read_text()
