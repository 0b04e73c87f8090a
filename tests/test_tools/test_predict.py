"""The tool that classifies images with the classifier of a run, as a user runs it."""

import csv
import json
import shutil

import numpy as np
import pytest
from mmpretrain import ImageClassificationInferencer
from PIL import Image

from deft_mm.datasets import DigitsDataset, class_names_of
from runner_utils import REPO
from tool_utils import tool, trained

DEFT = REPO / 'configs/deft/deft_digits_sym40.py'
CE = REPO / 'configs/ce/ce_digits_sym40.py'
NAMES = class_names_of(DigitsDataset())


@pytest.fixture(scope='module')
def images(tmp_path_factory):
    """The digits that validation sees, as files in one folder."""
    folder = tmp_path_factory.mktemp('images')
    digits = DigitsDataset(split='test')
    for idx in range(len(digits)):
        info = digits.get_data_info(idx)
        Image.fromarray(info['img']).save(folder / f'{info["gt_label"]}_{idx:03d}.png')
    return folder


@pytest.fixture(scope='module')
def deft(tmp_path_factory):
    """A run of one epoch a stage."""
    options = ['train_cfg.max_epochs=2', 'default_hooks.noise_filter.detector_epochs=1']
    return trained(tmp_path_factory.mktemp('deft'), DEFT, *options)


@pytest.fixture
def predict(monkeypatch, tmp_path):
    """Run the tool, and give the rows that it writes."""

    def predict(checkpoint, *arguments):
        out = tmp_path / 'predictions.csv'
        tool(monkeypatch, 'predict.py', checkpoint, *arguments, '--out', out)
        return list(csv.DictReader(out.read_text().splitlines()))

    return predict


def accuracy(rows) -> float:
    return 100 * np.mean([row['class_1'] == NAMES[int(name_of(row)[0])] for row in rows])


def name_of(row) -> str:
    return row['img_path'].rpartition('/')[2]


def last_accuracy(folder) -> float:
    return json.loads((folder / 'summary.json').read_text())['epochs'][-1]['metrics'][
        'accuracy/top1'
    ]


def test_classifier_of_deft_says_of_files_what_it_says_in_validation(deft, images, predict):
    rows = predict(deft / 'epoch_2.pth', images)
    assert [name_of(row) for row in rows] == sorted(path.name for path in images.iterdir())
    assert accuracy(rows) == pytest.approx(last_accuracy(deft), abs=1e-4)
    probs = np.array([[float(row[f'prob_{rank}']) for rank in range(1, 6)] for row in rows])
    assert (np.diff(probs) <= 0).all() and probs.min() >= 0
    assert ((probs.sum(axis=1) > 0) & (probs.sum(axis=1) <= 1.00001)).all()


def test_mmpretrains_inferencer_says_the_same_of_a_checkpoint(deft, images, predict):
    paths = sorted(map(str, images.iterdir()))[::50]
    checkpoint = deft / 'epoch_2.pth'
    inferencer = ImageClassificationInferencer(
        model=str(deft / DEFT.name), pretrained=str(checkpoint), device='cpu'
    )
    found, rows = inferencer(paths, batch_size=4), predict(checkpoint, *paths)
    assert [one['pred_class'] for one in found] == [row['class_1'] for row in rows]
    for one, row in zip(found, rows, strict=True):
        assert one['pred_score'] == pytest.approx(float(row['prob_1']), abs=1e-4)


def test_any_classifier_will_do_and_all_its_classes_can_be_asked_for(
    images, predict, tmp_path_factory
):
    run = trained(tmp_path_factory.mktemp('ce'), CE, 'train_cfg.max_epochs=1')
    rows = predict(run / 'epoch_1.pth', images, '--top-k', 99, '--batch-size', 7)
    assert accuracy(rows) == pytest.approx(last_accuracy(run), abs=1e-4)
    classes = [[row[f'class_{rank}'] for rank in range(1, 11)] for row in rows]
    assert all(sorted(found) == sorted(NAMES) for found in classes)
    probs = np.array([[float(row[f'prob_{rank}']) for rank in range(1, 11)] for row in rows])
    np.testing.assert_allclose(probs.sum(axis=1), 1, atol=1e-5)


def test_files_folders_and_lists_are_taken_each_once(deft, images, predict, tmp_path):
    some = sorted(images.iterdir())[:6]
    deep = tmp_path / '=a/b'
    deep.mkdir(parents=True)
    for path in some[:2]:
        shutil.copy(path, deep)
    shutil.copy(some[2], deep / '.hidden.png')
    (deep / 'notes.md').write_text('no image')
    (tmp_path / 'list.txt').write_text(f'{some[2]}\n\n{some[2]}\n=a/b/{some[0].name}\n')
    (tmp_path / 'list.csv').write_text(f'path,label\n{some[3]},x\n')
    rows = predict(
        deft / 'epoch_2.pth', some[4], tmp_path / '=a', tmp_path / 'list.txt', tmp_path / 'list.csv'
    )
    expected = [some[4], deep / some[0].name, deep / some[1].name, some[2], some[3]]
    assert [row['img_path'] for row in rows] == list(map(str, expected))


def test_image_that_cannot_be_read_has_an_empty_row(deft, images, predict, tmp_path):
    good, bad = sorted(images.iterdir())[0], tmp_path / 'bad.png'
    bad.write_bytes(b'no image')
    rows = predict(deft / 'epoch_2.pth', bad, good)
    assert [name_of(row) for row in rows] == ['bad.png', good.name]
    assert rows[0]['class_1'] == rows[0]['prob_5'] == '' and rows[1]['class_1'] in NAMES


def test_what_cannot_be_told_is_one_sentence(deft, images, predict, tmp_path):
    checkpoint, image = deft / 'epoch_2.pth', sorted(images.iterdir())[0]
    with pytest.raises(ValueError, match='epoch_1.pth was saved in stage 1.*give one of stage 2'):
        predict(deft / 'epoch_1.pth', image)
    with pytest.raises(FileNotFoundError, match='none.pth does not exist'):
        predict(deft / 'none.pth', image)
    with pytest.raises(FileNotFoundError, match="'none.png' does not exist: give images, folders"):
        predict(checkpoint, 'none.png')
    (tmp_path / 'empty').mkdir()
    with pytest.raises(FileNotFoundError, match="no image in '.*empty'"):
        predict(checkpoint, tmp_path / 'empty')
    (tmp_path / 'list.csv').write_text('file,label\na,b\n')
    with pytest.raises(ValueError, match="list.csv' cannot be used as a list: it has no column p"):
        predict(checkpoint, tmp_path / 'list.csv')
    (tmp_path / 'bad.png').write_bytes(b'no image')
    with pytest.raises(ValueError, match='None of the 1 images can be read|can be read'):
        predict(checkpoint, tmp_path / 'bad.png')
    alone = tmp_path / 'alone.pth'
    shutil.copy(checkpoint, alone)
    with pytest.raises(FileNotFoundError, match='no config.json of a run beside .*--config CONF'):
        predict(alone, image)
    with pytest.raises(ValueError, match='does not hold the weights of the classifier of'):
        predict(alone, image, '--config', CE)
    assert predict(alone, image, '--config', deft / DEFT.name)[0]['class_1'] in NAMES


def test_what_holds_no_predictions_is_not_written_over(deft, images, predict, tmp_path):
    image = sorted(images.iterdir())[0]
    (tmp_path / 'predictions.csv').write_text('path,label\n')
    with pytest.raises(ValueError, match='exists and holds no predictions: give another name'):
        predict(deft / 'epoch_2.pth', image)
    assert (tmp_path / 'predictions.csv').read_text() == 'path,label\n'
    (tmp_path / 'predictions.csv').unlink()
    for _ in range(2):  # a second time they are replaced
        assert len(predict(deft / 'epoch_2.pth', image)) == 1
