"""What a run does when it goes on with other data than it began with."""

from __future__ import annotations

import json

import numpy as np
import pytest
from mmcv.transforms import BaseTransform
from mmpretrain.registry import TRANSFORMS
from sklearn.mixture import GaussianMixture

from deft_mm.engine import select
from runner_utils import TINY_WIDTH, run, tiny

CONFIG = 'deft/deft_digits_sym40.py'
BATCH_NORM = dict(
    _delete_=True,
    type='StackedLinearClsHead',
    num_classes=10,
    in_channels=TINY_WIDTH,
    mid_channels=[8],
    norm_cfg=dict(type='BN1d'),
)


@TRANSFORMS.register_module()
class NoteRandomNumber(BaseTransform):
    """Notes a random number for every sample that it is shown."""

    def __init__(self, path: str) -> None:
        self.path = path

    def transform(self, results: dict) -> dict:
        with open(self.path, 'a') as file:
            file.write(f'{np.random.rand()!r}\n')
        return results


def two_stages(work_dir, num_samples=24, **options):
    """Half of the samples are kept."""
    cfg = tiny(CONFIG, work_dir, num_samples=num_samples, **options)
    cfg.default_hooks.noise_filter.update(
        selector=dict(type='KeepEvenIndices'), keep_num_updates=False
    )
    return cfg


def batches_of(runner, epoch) -> list[list[int]]:
    return [batch for e, batch in runner.order.batches if e == epoch]


def log_of(work_dir) -> str:
    return next(work_dir.glob('*/*.log')).read_text()


@pytest.mark.parametrize('interval', [1, 2])
def test_workers_draw_other_numbers_in_every_epoch(tmp_path, interval):
    cfg = tiny('gmm/gmm_digits_sym40.py', tmp_path, train_cfg__max_epochs=5)
    cfg.default_hooks.noise_filter.update(
        selector=dict(type='KeepEvenIndices'), begin=1, interval=interval
    )
    cfg.train_dataloader.num_workers = 1
    note = dict(type='NoteRandomNumber', path=str(tmp_path / 'numbers'))
    cfg.train_dataloader.dataset.dataset.pipeline.insert(0, note)
    run(cfg)
    numbers = (tmp_path / 'numbers').read_text().split()
    assert len(numbers) >= 24 * 5 and len(set(numbers)) == len(numbers)


def test_fewer_samples_than_a_batch_are_trained_on_in_spite_of_drop_last(tmp_path):
    cfg = two_stages(tmp_path)
    cfg.train_dataloader.update(batch_size=16, drop_last=True)
    runner = run(cfg)
    (batch,) = batches_of(runner, 1)
    assert sorted(batch) == list(range(0, 24, 2))
    assert '12 samples (of each process) are fewer than a batch of 16' in log_of(tmp_path)


def test_data_that_leave_no_batch_are_refused_before_training(tmp_path):
    cfg = two_stages(tmp_path)
    cfg.train_dataloader.update(batch_size=32, drop_last=True)
    with pytest.raises(ValueError, match=r'no iteration: of 24 .*train_dataloader\.drop_last'):
        run(cfg)


def test_an_epoch_is_cut_as_far_as_there_are_samples(tmp_path):
    cfg = two_stages(tmp_path, train_dataloader__num_batch_per_epoch=5)
    runner = run(cfg)
    assert [len(batches_of(runner, epoch)) for epoch in (0, 1)] == [5, 3]
    assert {i for batch in batches_of(runner, 1) for i in batch} == set(range(0, 24, 2))


def test_an_epoch_of_more_samples_than_there_are_is_refused_before_training(tmp_path):
    cfg = two_stages(tmp_path, train_dataloader__num_batch_per_epoch=7)
    with pytest.raises(ValueError, match='num_batch_per_epoch asks for 28 .* there are 24'):
        run(cfg)


@pytest.mark.parametrize(
    ('num_samples', 'sizes'), [(26, [4, 4, 4]), (24, [4, 4, 4]), (28, [4, 4, 4, 2])]
)
def test_a_last_batch_of_one_is_left_out_where_there_is_batch_norm(tmp_path, num_samples, sizes):
    cfg = two_stages(tmp_path, num_samples, model__classifier__head=BATCH_NORM)
    batches = batches_of(run(cfg), 1)
    assert [len(batch) for batch in batches] == sizes


def test_a_last_batch_of_one_is_trained_on_without_batch_norm(tmp_path):
    batches = batches_of(run(two_stages(tmp_path, 26)), 1)
    assert [len(batch) for batch in batches] == [4, 4, 4, 1]


@pytest.mark.parametrize('drop_last', [False, True])
def test_a_single_kept_sample_is_an_error_where_there_is_batch_norm(tmp_path, drop_last):
    cfg = two_stages(tmp_path, 8, model__classifier__head=BATCH_NORM)
    cfg.train_dataloader.drop_last = drop_last
    cfg.default_hooks.noise_filter.selector = dict(type='SmallLossSelector', noise_ratio=0.8)
    with pytest.raises(ValueError, match=r'A single sample is kept.*noise_filter\.limits'):
        run(cfg)


def test_the_same_weights_are_scored_once(tmp_path, monkeypatch):
    calls, score = [], select.score_samples
    monkeypatch.setattr(
        select, 'score_samples', lambda *args, **kwargs: calls.append(1) or score(*args, **kwargs)
    )
    cfg = two_stages(tmp_path, train_cfg__max_epochs=3)
    cfg.default_hooks.noise_filter.update(detector_epochs=2, detection_interval=1)
    run(cfg)
    assert len(calls) == 2
    reports = json.loads((tmp_path / 'summary.json').read_text())['detection']
    assert [report['epoch'] for report in reports] == [1, 2]


def test_a_mixture_is_fitted_once_a_selection(tmp_path, monkeypatch):
    fits, fit = [], GaussianMixture.fit
    monkeypatch.setattr(GaussianMixture, 'fit', lambda self, x: fits.append(1) or fit(self, x))
    run(tiny('gmm/gmm_digits_sym40.py', tmp_path, train_cfg__max_epochs=2))
    assert len(fits) == 2  # after the warm-up, and for the selection file


def test_a_suspicious_selection_is_warned_of_once(tmp_path):
    cfg = tiny(CONFIG, tmp_path)
    cfg.default_hooks.noise_filter.selector = dict(type='DualPromptSelector', threshold=0.0)
    run(cfg)
    assert log_of(tmp_path).count('keeps ALL 24 samples') == 1


@pytest.mark.parametrize('name', ['kept.csv', 'kept.parquet'])
def test_the_summary_names_the_files_that_were_written(tmp_path, name):
    cfg = two_stages(tmp_path)
    cfg.default_hooks.noise_filter.out_file = name
    run(cfg)
    files = json.loads((tmp_path / 'summary.json').read_text())['files']
    assert files['selection file'] == str(tmp_path / name)
    assert files['detection curve'] == str(tmp_path / 'kept_detection_curve.csv')
    assert f'selection file     {tmp_path / name}' in log_of(tmp_path)
    assert not (tmp_path / 'selection.csv').exists()


def test_the_pass_says_how_far_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr('deft_mm.progress._INTERVAL', 0.0)
    run(two_stages(tmp_path))
    log = log_of(tmp_path)
    assert 'Scored 4 of 24 samples (17%) in 0 s' in log and 's left.' in log
