"""The tool that makes the review page, on what the other tools leave."""

import base64
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deft_mm.datasets import DigitsDataset, class_names_of, sample_table_of
from deft_mm.selection import read_selection, write_selection
from tool_utils import tool

DIGITS = DigitsDataset()
NAMES = class_names_of(DIGITS)
NUMBER = 120


@pytest.fixture(scope='module')
def cleaned(tmp_path_factory):
    """What clean.py leaves of digits as files, one of which can't be read."""
    home, dataset = tmp_path_factory.mktemp('home'), DIGITS
    for idx in range(NUMBER):
        info = dataset.get_data_info(idx)
        folder = home / 'images' / NAMES[(info['gt_label'] + (idx % 5 == 0)) % 10]
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(info['img']).save(folder / f'{idx:03d}.png')
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        tool(patch, 'clean.py', 'images', '--clip', 'tiny', '--num-workers', 0)
    return home


@pytest.fixture
def home(cleaned, tmp_path, monkeypatch):
    """A copy that a test may change, as the folder in which it works."""
    home = tmp_path / 'home'
    shutil.copytree(cleaned, home)
    selection = home / 'work_dirs/clean/images/selection.csv'
    selection.write_text(selection.read_text().replace(str(cleaned), str(home)))
    monkeypatch.chdir(home)
    return home


def data_of(review):
    text = (review / 'data.js').read_text()
    return json.loads(text.removeprefix('window.reviewData=').rstrip().removesuffix(';'))


def column(data, name):
    spec = data['columns'][name]
    dtype = dict(Float32='<f4', Int32='<i4', Uint8='u1')[spec['type']]
    array = np.frombuffer(base64.b64decode(spec['data']), dtype)
    return array if spec['width'] == 1 else array.reshape(-1, spec['width'])


def test_the_page_has_what_the_selection_says(home, monkeypatch):
    tool(monkeypatch, 'review.py', 'work_dirs/clean/images')
    review = home / 'work_dirs/clean/images/review'
    selection = read_selection(review.parent / 'selection.csv')
    data = data_of(review)
    assert data['title'] == 'images' and data['classes'] == selection.class_names
    assert data['fingerprint'] == selection.fingerprint.to_dict()
    order = np.frombuffer(base64.b64decode(data['order']['data']), '<i4')
    assert sorted(order) == list(range(NUMBER))
    kept = column(data, 'kept')
    assert kept.sum() == selection.num_kept == data['about']['kept']
    assert (np.diff(kept.astype(int)) >= 0).all()  # the rejected ones first
    np.testing.assert_array_equal(column(data, 'given'), selection.given_label[order])
    suggested = column(data, 'suggested')
    assert (suggested != column(data, 'given')).all()
    # The files are named after what they show.
    true = [
        NAMES[int(DIGITS.get_data_info(int(Path(path).stem))['gt_label'])] for path in data['paths']
    ]
    suggested_names = [selection.class_names[label] for label in suggested]
    assert sum(suggested_names[i] == true[i] for i in range(10)) >= 8
    assert column(data, 'neighbours').shape == (NUMBER, 5)
    assert data['paths'][0] == selection.img_path[order[0]]
    sheet = np.asarray(Image.open(review / data['sheets']['files'][0]))
    assert sheet.shape == (96 * 8, 96 * 16, 3)


def test_a_page_is_replaced_as_a_whole_and_what_others_put_there_is_left(home, monkeypatch):
    run = 'work_dirs/clean/images'
    tool(monkeypatch, 'review.py', run)
    review = home / run / 'review'
    (review / 'corrections.csv').write_text('mine')
    (review / 'sheets/0007.jpg').write_bytes(b'of a larger page')
    tool(monkeypatch, 'review.py', run, '--limit', 10, '--thumb', 32)
    assert (review / 'corrections.csv').read_text() == 'mine'
    assert [path.name for path in (review / 'sheets').iterdir()] == ['0000.jpg']
    assert len(data_of(review)['paths']) == 10

    def fail(*args):
        raise OSError(28, 'No space left on device', 'x')

    monkeypatch.setattr('deft_mm.review.page.page_data', fail)
    with pytest.raises(OSError):
        tool(monkeypatch, 'review.py', run)
    # Thumbnails of the new page under the data of the old one would be those of other samples.
    assert not (review / 'index.html').exists()


def test_images_in_memory_are_those_of_the_runs_config(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    config = tmp_path / 'digits.py'
    config.write_text(
        "_base_ = ['mmpretrain::_base_/default_runtime.py']\n"
        "custom_imports = dict(imports=['deft_mm'])\n"
        "clip = 'tiny'\n"
        "model = dict(type='ImageClassifier')\n"
        "train_dataloader = dict(dataset=dict(type='DigitsDataset', indices=60))\n"
    )
    tool(monkeypatch, 'clean.py', config, '--clip', 'tiny', '--num-workers', 0)
    tool(monkeypatch, 'review.py', 'work_dirs/clean/digits', '--thumb', 16)
    review = tmp_path / 'work_dirs/clean/digits/review'
    data = data_of(review)
    assert column(data, 'has_image').all() and set(data['paths']) == {''}
    order = np.frombuffer(base64.b64decode(data['order']['data']), '<i4')
    sheet = np.asarray(Image.open(review / 'sheets/0000.jpg').convert('L')).astype(int)
    for place in range(5):
        image = DIGITS.get_data_info(int(order[place]))['img']
        shown = sheet[:16, 16 * place : 16 * place + 16]
        size = 16 // image.shape[0]
        expected = np.asarray(image).reshape(*image.shape[:2], -1)[..., 0].repeat(size, 0)
        assert abs(shown - expected.repeat(size, 1)).mean() < 20
    # Those of another data set are not shown for them.
    config.write_text(config.read_text().replace('indices=60', 'indices=50'))
    with pytest.raises(ValueError, match='belongs to another data set'):
        tool(monkeypatch, 'review.py', 'work_dirs/clean/digits', '--config', config)


def test_images_that_are_gone_are_told_or_have_an_empty_place(home, monkeypatch):
    selection = read_selection('work_dirs/clean/images/selection.csv')
    Path(selection.img_path[3]).unlink()
    tool(monkeypatch, 'review.py', 'work_dirs/clean/images')
    data = data_of(home / 'work_dirs/clean/images/review')
    assert column(data, 'has_image').sum() == NUMBER - 1
    shutil.rmtree(home / 'images')
    with pytest.raises(FileNotFoundError, match=r"None of the 120 images is there .first: '.*png'"):
        tool(monkeypatch, 'review.py', 'work_dirs/clean/images')


def test_a_reviewed_selection_has_the_details_of_the_one_before(home, monkeypatch, capsys):
    run = home / 'work_dirs/clean/images'
    shutil.copy(run / 'selection.csv', run / 'reviewed.csv')
    tool(monkeypatch, 'review.py', '--selection', run / 'reviewed.csv')
    assert 'neighbours' in data_of(run / 'review')['columns']
    # Damaged ones are told, and the page is made without.
    (run / 'selection_details.npz').write_bytes(b'damaged')
    tool(monkeypatch, 'review.py', '--selection', run / 'reviewed.csv')
    assert 'neighbours' not in data_of(run / 'review')['columns']


def test_one_file_takes_so_many_samples(home, monkeypatch):
    monkeypatch.setattr('deft_mm.review.SINGLE_FILE_MOST', 50)
    with pytest.raises(ValueError, match='--single-file takes 50 samples at most, .* 120: add --l'):
        tool(monkeypatch, 'review.py', 'work_dirs/clean/images', '--single-file')
    tool(monkeypatch, 'review.py', 'work_dirs/clean/images', '--single-file', '--limit', 50)


def test_a_data_set_of_the_users_own_is_found_by_the_runs_config(tmp_path, monkeypatch):
    (tmp_path / 'reviewed_data.py').write_text(
        'from mmpretrain.registry import DATASETS\n'
        'from deft_mm.datasets import DigitsDataset\n\n\n'
        '@DATASETS.register_module()\n'
        'class ReviewedDigits(DigitsDataset):\n'
        '    pass\n'
    )
    monkeypatch.syspath_prepend(tmp_path)
    table = sample_table_of(DigitsDataset(indices=20))
    table = table.with_columns(kept=np.arange(20) % 2 == 0, pred_prob=np.full(20, 0.5))
    write_selection(tmp_path / 'selection.csv', table)
    data = dict(type='ReviewedDigits', indices=20)
    cfg = dict(
        custom_imports=dict(imports=['reviewed_data']),
        model=dict(type='ImageClassifier'),
        train_dataloader=dict(dataset=data),
    )
    (tmp_path / 'config.json').write_text(json.dumps(cfg))
    tool(monkeypatch, 'review.py', tmp_path)
    assert column(data_of(tmp_path / 'review'), 'has_image').all()
