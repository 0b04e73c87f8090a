"""The tool that shows samples, run as a user runs it."""

import numpy as np
import pytest
from mmengine.config import Config
from PIL import Image

from deft_mm.datasets import (
    DigitsDataset,
    NoisyLabelDataset,
    class_names_of,
    dataset_fingerprint,
)
from deft_mm.selection import SampleTable, write_selection
from miniatures import folder
from runner_utils import REPO
from tool_utils import tool

DIGITS = REPO / 'configs' / 'deft' / 'deft_digits_sym40.py'


def browse(monkeypatch, *arguments) -> None:
    tool(monkeypatch, 'browse_dataset.py', *arguments)


@pytest.fixture(scope='module')
def digits():
    """The training set of the config."""
    return NoisyLabelDataset(DigitsDataset(), noise=dict(type='SymmetricNoise', ratio=0.4, seed=0))


@pytest.fixture(scope='module')
def selection(digits, tmp_path_factory):
    """A selection of that training set, and its file."""
    clean_prob = np.random.RandomState(0).rand(len(digits))
    written = SampleTable(
        fingerprint=dataset_fingerprint(digits),
        class_names=class_names_of(digits),
        img_path=[''] * len(digits),
        given_label=digits.given_labels,
        clean_prob=clean_prob,
        pred_label=digits.clean_labels,
        pred_prob=clean_prob,
        kept=clean_prob > 0.5,
    )
    path = tmp_path_factory.mktemp('run') / 'selection.csv'
    write_selection(path, written)
    return path, written


def pixels(path) -> np.ndarray:
    with Image.open(path) as image:
        assert image.format == 'PNG'
        return np.asarray(image)


def test_single_files_are_the_images_of_the_data_set_under_telling_names(
    digits, tmp_path, monkeypatch, capsys
):
    options = ['--only-wrong', '-n', 3, '-m', 'original', '-o', tmp_path / 'out']
    browse(monkeypatch, DIGITS, *options)
    wrong = np.flatnonzero(digits.given_labels != digits.clean_labels)
    assert f'3 of {len(wrong)} samples chosen from 1297: 3 files in' in capsys.readouterr().out
    names, expected = class_names_of(digits), {}
    for idx in wrong[:3]:
        given, true = names[digits.given_labels[idx]], names[digits.clean_labels[idx]]
        expected[f'{idx:04d}_given-{given}_true-{true}.png'] = digits.get_data_info(idx)['img']
    assert {path.name for path in (tmp_path / 'out').iterdir()} == set(expected)
    for name, image in expected.items():
        np.testing.assert_array_equal(pixels(tmp_path / 'out' / name), image)


def test_transformed_images_are_those_of_the_pipeline_of_the_phase(tmp_path, monkeypatch):
    browse(monkeypatch, DIGITS, '-p', 'test', '--indices', 7, '-o', tmp_path)
    resize = dict(type='Resize', scale=32, backend='pillow', interpolation='bilinear')
    dataset = DigitsDataset(split='test', pipeline=[resize, dict(type='PackInputs')])
    (path,) = tmp_path.iterdir()
    np.testing.assert_array_equal(pixels(path), dataset[7]['inputs'].permute(1, 2, 0))
    # Random transforms follow the seed.
    for name, seed in [('a', 0), ('b', 0), ('c', 1)]:
        browse(monkeypatch, DIGITS, '-n', 5, '--seed', seed, '-o', tmp_path / name)
    shown = [
        np.stack([pixels(path) for path in sorted((tmp_path / name).iterdir())]) for name in 'abc'
    ]
    np.testing.assert_array_equal(shown[0], shown[1])
    assert not np.array_equal(shown[0], shown[2])


def test_selection_chooses_sorts_and_names_the_samples(selection, tmp_path, monkeypatch):
    path, written = selection
    options = ['--filter', 'kept', '--sort', 'clean_prob', '-n', 12]
    browse(monkeypatch, DIGITS, '--selection', path, *options, '-o', tmp_path)
    kept = np.flatnonzero(written.kept)
    doubtful = kept[np.argsort(written.clean_prob[kept])][:12]
    names = sorted(path.name for path in tmp_path.iterdir())
    assert [int(name.split('_')[1]) for name in names] == doubtful.tolist()
    assert all(name.endswith('_kept.png') for name in names)
    assert f'_prob-{written.clean_prob[doubtful[0]]:.3f}_' in names[0]


def test_grid_takes_as_many_pages_as_it_needs(selection, tmp_path, monkeypatch, capsys):
    options = ['--selection', selection[0], '--grid', '2x3', '-n', 14, '-m', 'concat']
    browse(monkeypatch, DIGITS, *options, '-o', tmp_path)
    assert '14 of 1297 samples chosen from 1297: 3 files in' in capsys.readouterr().out
    names = [f'grid_{page}_of_3.png' for page in (1, 2, 3)]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    first, _, last = (pixels(tmp_path / name) for name in names)
    assert first.shape[1] == last.shape[1] and first.shape[0] > 1.5 * last.shape[0]


@pytest.mark.parametrize('mode', ['concat', 'pipeline'])
def test_single_files_of_several_images_are_written(mode, tmp_path, monkeypatch):
    browse(monkeypatch, DIGITS, '-m', mode, '--indices', 5, '-o', tmp_path)
    (path,) = tmp_path.iterdir()
    height, width = pixels(path).shape[:2]
    num_views = dict(concat=2, pipeline=3)[mode]
    assert num_views / 2 < width / height < num_views


PREPROCESSOR = dict(data_preprocessor=dict(type='ClsDataPreprocessor', to_rgb=True))


@pytest.mark.parametrize(
    'place', [dict(model=dict(detector=PREPROCESSOR)), dict(model=PREPROCESSOR), PREPROCESSOR]
)
def test_colours_are_right_wherever_the_preprocessor_stands(place, tmp_path, monkeypatch):
    folder.make(tmp_path / 'images')
    load = dict(type='LoadImageFromFile', imdecode_backend='pillow')
    dataset = dict(
        type='ImageFolderDataset',
        data_root=str(tmp_path / 'images'),
        val_path='.',
        pipeline=[load, dict(type='PackInputs')],
    )
    cfg = Config(dict(train_dataloader=dict(dataset=dataset), **place))
    cfg.dump(tmp_path / 'config.py')
    browse(monkeypatch, tmp_path / 'config.py', '--indices', 0, '-o', tmp_path / 'out')
    (path,) = (tmp_path / 'out').iterdir()
    with Image.open(tmp_path / 'images/cat/000.jpg') as image:
        np.testing.assert_array_equal(pixels(path), np.asarray(image.convert('RGB')))


def test_own_images_are_shown_and_an_unreadable_one_does_not_stop_it(tmp_path, monkeypatch, capsys):
    folder.make(tmp_path / 'images')
    config = REPO / 'configs' / 'deft' / 'deft_folder.py'
    check = 'train_dataloader.dataset.dataset.check_images=False'
    cfg_options = ['--cfg-options', f'data_root={tmp_path / "images"}', check]
    options = ['--class-name', 'dog', '-m', 'original', '-o', tmp_path / 'out']
    browse(monkeypatch, config, *options, *cfg_options)
    printed = capsys.readouterr().out
    assert 'empty.png' in printed and 'cannot be read' in printed
    # The miniature's images have 36 columns, what stands for an unreadable one has 32.
    widths = sorted(pixels(path).shape[1] for path in (tmp_path / 'out').iterdir())
    assert f'{len(widths)} files' in printed and widths[0] == 32
    assert len(widths) > 3 and set(widths[1:]) == {36}


@pytest.mark.parametrize(
    ('options', 'error', 'match'),
    [
        (['--class-name', 'sevn'], ValueError, "called 'sevn'. Similar ones: seven"),
        (['--indices', '1297'], ValueError, 'no sample 1297'),
        (['--filter', 'kept'], ValueError, 'add --selection'),
        (['--selection', 'nowhere.csv'], FileNotFoundError, 'nowhere.csv'),
        (['--selection', 'OF_THE_RUN', '-p', 'val'], ValueError, 'belongs to another data set'),
        (['--indices', '0', '--class-name', 'eight', 'one'], ValueError, 'nothing to show'),
        (
            ['-p', 'val', '--cfg-options', 'val_dataloader=None'],
            ValueError,
            'val_dataloader is None',
        ),
    ],
)
def test_mistakes_are_named_and_nothing_is_written(
    options, error, match, selection, digits, tmp_path, monkeypatch
):
    assert class_names_of(digits)[digits.given_labels[0]] not in ('eight', 'one')
    options = [selection[0] if option == 'OF_THE_RUN' else option for option in options]
    with pytest.raises(error, match=match):
        browse(monkeypatch, DIGITS, '-o', tmp_path / 'out', *options)
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize(
    ('options', 'message'),
    [(['--grid', '3x'], 'ROWSxCOLS such as 4x8'), (['-n', '0'], 'a number from 1 on')],
)
def test_unusable_numbers_end_in_a_usage_message(options, message, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        browse(monkeypatch, DIGITS, *options)
    assert message in capsys.readouterr().err


def test_missing_config_is_named(monkeypatch):
    with pytest.raises(FileNotFoundError, match='nowhere.py'):
        browse(monkeypatch, 'nowhere.py')


@pytest.mark.parametrize('folder', ['file', 'file/images'])
def test_folder_that_cannot_be_written_to_is_told_first(tmp_path, monkeypatch, folder):
    (tmp_path / 'file').touch()
    with pytest.raises(ValueError, match='--output-dir .* is a file, not a folder'):
        browse(monkeypatch, 'nowhere.py', '-o', tmp_path / folder)
