"""Asking a trained model about labels, in Python."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

from deft_mm import WrongLabelInferencer
from deft_mm.datasets import DigitsDataset, class_names_of
from deft_mm.selection import read_selection
from runner_utils import REPO
from tool_utils import tool, trained

DEFT = REPO / 'configs/deft/deft_digits_sym40.py'
CE = REPO / 'configs/ce/ce_digits_sym40.py'
NAMES = class_names_of(DigitsDataset())
NUMBER = 60


@pytest.fixture(scope='module')
def deft(tmp_path_factory):
    options = ['train_cfg.max_epochs=2', 'default_hooks.noise_filter.detector_epochs=1']
    return trained(tmp_path_factory.mktemp('deft'), DEFT, *options)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """A folder for each class; the label of every third image is wrong."""
    root = tmp_path_factory.mktemp('data')
    digits = DigitsDataset(split='test')
    for idx in range(NUMBER):
        info = digits.get_data_info(idx)
        label = (info['gt_label'] + (idx % 3 == 0)) % 10
        path = root / NAMES[label] / f'{idx:03d}.png'
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(info['img']).save(path)
    return root


def pairs_of(folder) -> list[tuple]:
    return [(path, path.parent.name) for path in sorted(folder.rglob('*.png'))]


@pytest.mark.parametrize('epoch', [1, 2])
def test_it_says_what_detect_says_of_the_same_files(deft, folder, epoch, monkeypatch, tmp_path):
    checkpoint, out = deft / f'epoch_{epoch}.pth', tmp_path / 'selection.csv'
    tool(monkeypatch, 'detect.py', deft / DEFT.name, checkpoint, '--data', folder, '--out', out)
    table = read_selection(out)
    inferencer = WrongLabelInferencer(checkpoint)
    found = inferencer([(path, name) for path, name in pairs_of(folder)], batch_size=7)
    by_name = {
        str(path).rpartition('/')[2]: row
        for (path, _), row in zip(pairs_of(folder), found, strict=True)
    }
    rows = [by_name[path.rpartition('/')[2]] for path in table.img_path]
    np.testing.assert_allclose([row['clean_prob'] for row in rows], table.clean_prob, atol=1e-5)
    np.testing.assert_allclose([row['pred_score'] for row in rows], table.pred_prob, atol=1e-5)
    assert [row['given_class'] for row in rows] == [table.class_names[i] for i in table.label]
    assert [row['pred_class'] for row in rows] == [table.class_names[i] for i in table.pred_label]
    assert {row['is_wrong'] for row in rows} == {True, False}
    assert [row['is_wrong'] for row in rows] == [row['clean_prob'] <= 0.5 for row in rows]


def test_of_a_model_without_dual_prompts_it_is_the_prediction(folder, tmp_path_factory):
    run = trained(tmp_path_factory.mktemp('ce'), CE, 'train_cfg.max_epochs=1')
    found = WrongLabelInferencer(run / 'epoch_1.pth')(pairs_of(folder), batch_size=16)
    for (_, name), row in zip(pairs_of(folder), found, strict=True):
        assert row['is_wrong'] == (row['pred_class'] != name) and row['given_class'] == name
        if not row['is_wrong']:
            assert row['clean_prob'] == pytest.approx(row['pred_score'])
        else:
            assert row['clean_prob'] <= row['pred_score']
    assert {row['is_wrong'] for row in found} == {True, False}


def test_labels_are_names_or_indices_and_images_files_or_arrays(deft, folder, tmp_path):
    inferencer = WrongLabelInferencer(deft / 'epoch_1.pth', config=str(deft / DEFT.name))
    path, name = pairs_of(folder)[0]
    label = NAMES.index(name)
    array = cv2.imread(str(path))
    images = [(path, name), (str(path), label), (array, str(label)), (array, np.int64(label))]
    first, *others = inferencer(images)
    assert all(other == pytest.approx(first) for other in others)
    assert inferencer((path, name)) == [pytest.approx(first)]  # one pair
    (sample,) = inferencer([(path, name)], return_datasamples=True, show_dir=str(tmp_path / 'show'))
    assert sample.is_wrong == first['is_wrong'] and sample.gt_label.item() == label
    assert list((tmp_path / 'show').glob('*.png'))
    inferencer.classes = ['3', '1', '2', *map(str, range(3, 10))]  # a name goes before an index
    assert inferencer([(path, '3')])[0]['given_label'] == 0


@pytest.mark.parametrize(
    ('pairs', 'sentence'),
    [
        ([('no.png', 0), ('no.png', 'cow')], r"label of inputs\[1\] is 'cow', which is none of"),
        ([('no.png', 10)], r"label of inputs\[0\] is '10', which is none of the classes"),
        ([('no.png', -1)], r"is '-1', which is none"),
        ([('no.png', True)], r"is 'True', which is none"),
        ([('no.png', 1.5)], r"is '1.5', which is none"),
        ([('no.png', None)], r"is 'None', which is none"),
        (['no.png'], r'inputs\[0\] is no pair of an image and its label, found str'),
        ('no.png', r'inputs\[0\] is no pair'),
        ([('no.png', 1)], r"Image 'no.png' cannot be read"),
        ([(np.zeros((8, 8), np.uint8), 1)], r'An image is uint8 of shape \(8, 8\): give uint8'),
    ],
)
def test_mistakes_are_one_sentence(deft, pairs, sentence):
    with pytest.raises(ValueError, match=sentence):
        WrongLabelInferencer(deft / 'epoch_1.pth')(pairs)


def test_what_is_no_checkpoint_is_told():
    with pytest.raises(FileNotFoundError, match='Checkpoint none.pth does not exist'):
        WrongLabelInferencer('none.pth')
