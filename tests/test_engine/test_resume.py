"""A resumed run equals an uninterrupted one, whichever epoch it is resumed at."""

from pathlib import Path

import numpy as np
import pytest

from runner_utils import run, same_state, scalars, tiny

CONFIG = 'deft/deft_digits_sym40.py'
STAGE_EPOCHS = dict(train_cfg__max_epochs=4, default_hooks__noise_filter__detector_epochs=2)


@pytest.fixture(scope='module')
def uninterrupted(tmp_path_factory):
    work_dir = tmp_path_factory.mktemp('uninterrupted')
    cfg = tiny(
        CONFIG,
        work_dir,
        num_samples=30,
        default_hooks__checkpoint__max_keep_ckpts=-1,
        **STAGE_EPOCHS,
    )
    return run(cfg), work_dir


@pytest.mark.parametrize('epoch', [1, 2, 3])
def test_resume_at_any_epoch_equals_uninterrupted_run(uninterrupted, tmp_path, epoch):
    whole, whole_dir = uninterrupted
    cfg = tiny(CONFIG, tmp_path / 'resumed', num_samples=30, **STAGE_EPOCHS)
    cfg.resume, cfg.load_from = True, str(whole_dir / f'epoch_{epoch}.pth')
    resumed = run(cfg)

    assert [item for item in whole.order.batches if item[0] >= epoch] == resumed.order.batches
    later = [line for line in scalars(whole_dir) if line['epoch'] > epoch]
    assert later and later == scalars(tmp_path / 'resumed')
    assert same_state(whole.model.state_dict(), resumed.model.state_dict())
    hooks = [
        next(hook for hook in runner.hooks if type(hook).__name__ == 'NoiseFilterHook')
        for runner in (whole, resumed)
    ]
    tables = [hook.table.results() for hook in hooks]
    for name, column in tables[0].items():
        np.testing.assert_array_equal(column, tables[1][name], err_msg=name)
    if epoch <= 2:  # the selection was made again
        files = [_rows(whole_dir), _rows(tmp_path / 'resumed')]
        assert files[0] == files[1]


@pytest.mark.parametrize('epoch', [1, 2, 3])
def test_resume_draws_what_a_run_draws_that_has_scored_before_the_epoch(tmp_path, epoch):
    cfg = tiny(CONFIG, tmp_path / 'whole', num_samples=30, **STAGE_EPOCHS)
    cfg.default_hooks.checkpoint.max_keep_ckpts = -1
    cfg.default_hooks.noise_filter.update(
        selector=dict(type='KeepEvenIndices'), detection_interval=1
    )
    cfg.model.classifier.train_cfg = dict(augments=dict(type='Mixup', alpha=0.8))
    whole = run(cfg)
    cfg.work_dir = str(tmp_path / 'resumed')
    cfg.resume, cfg.load_from = True, str(tmp_path / 'whole' / f'epoch_{epoch}.pth')
    assert same_state(whole.model.state_dict(), run(cfg).model.state_dict())


def _rows(work_dir: Path) -> list[str]:
    lines = (work_dir / 'selection.csv').read_text().splitlines()
    return [line for line in lines if not line.startswith('#')]


def test_resume_with_another_noise_seed_is_refused(uninterrupted, tmp_path):
    cfg = tiny(CONFIG, tmp_path, num_samples=30, **STAGE_EPOCHS)
    cfg.train_dataloader.dataset.noise.seed = 7
    cfg.resume, cfg.load_from = True, str(uninterrupted[1] / 'epoch_1.pth')
    with pytest.raises(ValueError, match='given labels'):
        run(cfg)


def test_resume_with_another_data_set_is_refused(uninterrupted, tmp_path):
    cfg = tiny(CONFIG, tmp_path, num_samples=28, **STAGE_EPOCHS)
    cfg.resume, cfg.load_from = True, str(uninterrupted[1] / 'epoch_3.pth')
    with pytest.raises(ValueError, match='number of samples'):
        run(cfg)


def test_resume_from_the_middle_of_an_epoch_is_refused(tmp_path):
    cfg = tiny(CONFIG, tmp_path / 'run')
    cfg.default_hooks.checkpoint.update(by_epoch=False, interval=4, max_keep_ckpts=-1)
    run(cfg)
    cfg.work_dir = str(tmp_path / 'resumed')
    cfg.resume, cfg.load_from = True, str(tmp_path / 'run' / 'iter_4.pth')
    with pytest.raises(ValueError, match='in the middle of an epoch .4 iterations'):
        run(cfg)


def test_load_from_a_stage_two_file_starts_in_stage_one(uninterrupted, tmp_path):
    whole, whole_dir = uninterrupted
    cfg = tiny(CONFIG, tmp_path, num_samples=30, **STAGE_EPOCHS)
    cfg.load_from = str(whole_dir / 'epoch_3.pth')
    runner = run(cfg)
    assert {len(batch) for epoch, batch in runner.order.batches if epoch == 0} == {4, 2}
    assert sum(len(batch) for epoch, batch in runner.order.batches if epoch == 0) == 30
