"""True labels reach no model, and unreadable images are met with a message, not a crash."""

import json

import cv2
import numpy as np
import pytest

from deft_mm.datasets import NoisyLabelDataset, SymmetricNoise
from runner_utils import MadeUpImages, run, same_state, tiny

CONFIG = 'deft/deft_digits_sym40.py'


def test_training_is_identical_with_and_without_the_true_labels(tmp_path):
    known = tiny(CONFIG, tmp_path / 'known')
    noisy = SymmetricNoise(ratio=0.4, seed=0)
    clean = MadeUpImages(10, 24, pipeline=[])
    labels = NoisyLabelDataset(clean, noise=noisy).given_labels.tolist()
    assert labels != clean.get_gt_labels().tolist()
    unknown = tiny(CONFIG, tmp_path / 'unknown')
    unknown.train_dataloader.dataset.noise = None
    unknown.train_dataloader.dataset.dataset.labels = labels

    one, two = run(known), run(unknown)

    assert same_state(one.model.state_dict(), two.model.state_dict())
    rows = [(tmp_path / name / 'selection.csv').read_text() for name in ('known', 'unknown')]
    assert rows[0].split('sample_idx')[1] == rows[1].split('sample_idx')[1]
    logged = [_logged_of_selection(tmp_path / name) for name in ('known', 'unknown')]
    assert logged[1] == {'selection/kept_share'}
    assert logged[0] - logged[1] == {f'selection/{m}' for m in ('precision', 'recall', 'f1')}


def _logged_of_selection(work_dir):
    text = next(work_dir.glob('*/vis_data/scalars.json')).read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    return {key for line in lines for key in line if key.startswith('selection/')}


@pytest.fixture
def folder(tmp_path):
    """A folder a class, eight images each, one of them no image."""
    for name in ('cat', 'dog'):
        (tmp_path / 'data' / name).mkdir(parents=True)
        for i in range(8):
            image = np.random.RandomState(i).randint(0, 255, (32, 32, 3), dtype=np.uint8)
            cv2.imwrite(str(tmp_path / 'data' / name / f'{i}.png'), image)
    (tmp_path / 'data' / 'dog' / '3.png').write_bytes(b'not an image')
    return tmp_path / 'data'


def folder_config(folder, work_dir):
    cfg = tiny(CONFIG, work_dir)
    pipeline = [dict(type='LoadImageFromFile'), dict(type='PackInputs')]
    dataset = dict(type='CustomDataset', data_prefix=str(folder), pipeline=pipeline)
    cfg.train_dataloader.dataset = dict(type='NoisyLabelDataset', dataset=dataset)
    cfg.val_dataloader.dataset.update(num_classes=2)
    cfg.val_dataloader.dataset.pipeline = [dict(type='PackInputs')]
    cfg.default_hooks.noise_filter.pipeline = pipeline
    cfg.default_hooks.noise_filter.selector = dict(type='KeepEvenIndices')
    for stage in ('detector', 'classifier'):
        cfg.model[stage].head.num_classes = 2
    return cfg


def test_unreadable_image_stops_the_scoring_with_its_path(folder, tmp_path):
    cfg = folder_config(folder, tmp_path / 'run')
    cfg.train_dataloader.num_batch_per_epoch = 2  # of 4 images: training does not come to it
    with pytest.raises(ValueError, match=r'dog/3\.png.*skip_unreadable=True'):
        run(cfg)


def test_unreadable_image_is_rejected_and_counted_on_demand(folder, tmp_path):
    cfg = folder_config(folder, tmp_path / 'run')
    cfg.default_hooks.noise_filter.skip_unreadable = True
    runner = run(cfg)
    log = next((tmp_path / 'run').glob('*/*.log')).read_text()
    assert '1 of 16 images could not be read and are rejected' in log
    kept = next(h for h in runner.hooks if type(h).__name__ == 'NoiseFilterHook').table.kept
    assert not kept[11]
