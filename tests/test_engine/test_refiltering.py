"""A classifier that selects its own training data, before every epoch or only at the end."""

import json

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook
from mmpretrain.registry import HOOKS, TASK_UTILS

from deft_mm.evaluation import DetectionCurve
from deft_mm.selection import Selector, read_selection
from runner_utils import run, same_state, tiny

CONFIG = 'ce/ce_digits_sym40.py'


@TASK_UTILS.register_module()
class KeepAQuarterAndMore(Selector):
    """Keeps another number of samples whenever the scores have changed."""

    needs = ('loss',)

    def __call__(self, table) -> tuple[np.ndarray, np.ndarray]:
        count = 6 + int(1000 * np.nanmean(table.loss)) % 5
        kept = np.isin(np.arange(len(table)), np.argsort(table.loss, kind='stable')[:count])
        return kept, np.exp(-table.loss)


@HOOKS.register_module()
class BreakDown(Hook):
    """Breaks in the second epoch."""

    def before_train_epoch(self, runner) -> None:
        if runner.epoch == 1:
            raise RuntimeError('broken')


def config(work_dir, max_epochs=4, **options):
    cfg = tiny(CONFIG, work_dir, num_samples=30, train_cfg__max_epochs=max_epochs)
    cfg.default_hooks.checkpoint.max_keep_ckpts = -1
    selector = dict(type='KeepAQuarterAndMore')
    cfg.default_hooks.noise_filter = dict(type='RefilterHook', selector=selector, **options)
    return cfg


def samples_of(runner, epoch):
    return [i for e, batch in runner.order.batches if e == epoch for i in batch]


def summary(work_dir):
    return json.loads((work_dir / 'summary.json').read_text())


def test_every_epoch_after_the_warm_up_trains_on_a_selection_of_its_own(tmp_path):
    runner = run(config(tmp_path, begin=2, interval=1))
    assert sorted(samples_of(runner, 0)) == sorted(samples_of(runner, 1)) == list(range(30))
    reports = {report['epoch']: report['kept'] for report in summary(tmp_path)['detection']}
    for epoch in (2, 3):
        assert len(samples_of(runner, epoch)) == reports[epoch] < 12
    # the schedule is that of the whole run
    assert runner.optim_wrapper.get_lr()['lr'][0] < 0.02
    assert runner.iter == len(runner.order.batches)


def test_small_loss_rejects_more_with_every_epoch_of_its_ramp(tmp_path):
    cfg = config(tmp_path, begin=0, interval=1)
    selector = dict(type='SmallLossSelector', noise_ratio=0.5, warmup_epochs=3)
    cfg.default_hooks.noise_filter.selector = selector
    runner = run(cfg)
    assert [len(samples_of(runner, epoch)) for epoch in range(4)] == [30, 22, 15, 15]


def test_between_two_selections_the_data_stay(tmp_path):
    runner = run(config(tmp_path, max_epochs=4, begin=1, interval=2))
    kept = [set(samples_of(runner, epoch)) for epoch in range(4)]
    assert kept[1] == kept[2] and len(kept[0]) == 30
    assert [r['epoch'] for r in summary(tmp_path)['detection']] == [1, 3, 4]


@pytest.mark.parametrize('epoch', [1, 2, 3])
def test_resume_equals_uninterrupted_run(tmp_path, epoch):
    whole = run(config(tmp_path / 'whole', begin=1, interval=2))
    cfg = config(tmp_path / 'resumed', begin=1, interval=2)
    cfg.resume, cfg.load_from = True, str(tmp_path / 'whole' / f'epoch_{epoch}.pth')
    resumed = run(cfg)
    assert [item for item in whole.order.batches if item[0] >= epoch] == resumed.order.batches
    assert same_state(whole.model.state_dict(), resumed.model.state_dict())


def test_as_many_updates_as_without_filtering_on_demand(tmp_path):
    runner = run(config(tmp_path, max_epochs=2, begin=1, interval=1, keep_num_updates=True))
    steps = [sum(e == epoch for e, _ in runner.order.batches) for epoch in (0, 1)]
    assert steps[0] == steps[1] and len(set(samples_of(runner, 1))) < 12


def test_without_interval_only_the_selection_file_is_written(tmp_path):
    runner = run(config(tmp_path, max_epochs=2))
    assert all(sorted(samples_of(runner, epoch)) == list(range(30)) for epoch in (0, 1))
    selection = read_selection(tmp_path / 'selection.csv')
    assert selection.num_kept == summary(tmp_path)['selection']['kept']
    # the probability that the final weights give the label
    assert np.isfinite(selection.clean_prob).all() and len(set(selection.clean_prob)) > 10


def test_detection_is_reported_every_epoch_on_demand(tmp_path):
    run(config(tmp_path, max_epochs=3, detection_interval=1))
    reports = summary(tmp_path)['detection']
    assert [report['epoch'] for report in reports] == [1, 2, 3]
    assert all({'precision', 'recall', 'f1', 'auroc'} <= report.keys() for report in reports)
    curve = DetectionCurve.read(tmp_path / 'detection_curve.csv')
    assert curve.auroc == pytest.approx(reports[-1]['auroc'])


def test_reporting_does_not_change_the_training(tmp_path):
    plain = run(config(tmp_path / 'plain', max_epochs=3))
    watched = run(config(tmp_path / 'watched', max_epochs=3, detection_interval=1))
    assert same_state(plain.model.state_dict(), watched.model.state_dict())


def test_summary_says_whether_the_run_has_finished(tmp_path):
    assert run(config(tmp_path, max_epochs=1)) and summary(tmp_path)['finished'] is True


def test_an_interrupted_run_is_not_finished(tmp_path):
    cfg = config(tmp_path, max_epochs=3)
    cfg.custom_hooks = [dict(type='BreakDown')]
    with pytest.raises(RuntimeError, match='broken'):
        run(cfg)
    assert summary(tmp_path)['finished'] is False


def test_gradient_accumulation_goes_on_over_epochs_of_other_lengths(tmp_path):
    cfg = config(tmp_path, max_epochs=3, begin=1, interval=1)
    cfg.optim_wrapper.accumulative_counts = 2
    runner = run(cfg)
    assert runner.iter == len(runner.order.batches)
    assert runner.optim_wrapper._max_counts == runner.iter


@pytest.mark.parametrize(
    ('options', 'error', 'match'),
    [
        (
            dict(detector_epochs=1),
            ValueError,
            r"RefilterHook\.detector_epochs.*type='NoiseFilterHook'",
        ),
        (dict(interval=0), ValueError, r'RefilterHook\.interval is 0'),
        (dict(begin=-1), ValueError, r'RefilterHook\.begin is -1'),
        (
            dict(limits=dict(max_rejectd=0.8)),
            ValueError,
            r'noise_filter\.limits.*max_rejected, ',
        ),
        (dict(limits='max_rejected=0.8'), ValueError, r'noise_filter\.limits is .*give a dict'),
        (dict(detection_interval=0), ValueError, r'RefilterHook\.detection_interval is 0'),
    ],
)
def test_settings_that_make_no_sense_are_refused(tmp_path, options, error, match):
    with pytest.raises(error, match=match):
        run(config(tmp_path, **options))


def test_a_score_that_the_model_does_not_have_is_missed_before_training(tmp_path):
    cfg = config(tmp_path)
    cfg.default_hooks.noise_filter.selector = dict(type='ThresholdSelector', threshold=0.2)
    with pytest.raises(ValueError, match="'similarity'.*LinearClsHead does not give"):
        run(cfg)
    assert not list(tmp_path.glob('epoch_*.pth'))


def test_two_stages_are_not_refiltered(tmp_path):
    cfg = tiny('deft/deft_digits_sym40.py', tmp_path)
    cfg.default_hooks.noise_filter = dict(type='RefilterHook')
    with pytest.raises(TypeError, match=r"model\.type is DeFT.*type='NoiseFilterHook'"):
        run(cfg)


def test_a_schedule_by_iterations_needs_epochs_of_one_length(tmp_path):
    cfg = config(tmp_path, interval=1)
    cfg.param_scheduler = dict(type='CosineAnnealingLR', by_epoch=True, convert_to_iter_based=True)
    with pytest.raises(ValueError, match='keep_num_updates=True'):
        run(cfg)


def test_a_checkpoint_holds_no_more_than_tensors_and_plain_types(tmp_path):
    run(config(tmp_path, max_epochs=2, begin=1, interval=1))
    state = torch.load(tmp_path / 'epoch_2.pth', weights_only=True)['deft']
    assert state['selection']['kept'].dtype == torch.bool
