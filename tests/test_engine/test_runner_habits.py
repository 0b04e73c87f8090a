"""What MMPretrain's users rely on keeps working across the two stages."""

import json

import pytest
import torch
from mmengine.hooks import EMAHook

from runner_utils import run, same_state, scalars, tiny

CONFIG = 'deft/deft_digits_sym40.py'
TWO_EACH = dict(train_cfg__max_epochs=4, default_hooks__noise_filter__detector_epochs=2)


def hook_of(runner, name):
    return next(hook for hook in runner.hooks if type(hook).__name__ == name)


def test_each_stage_has_its_own_cosine(tmp_path):
    cfg = tiny(CONFIG, tmp_path, **TWO_EACH)
    run(cfg)
    rates = {}
    for line in scalars(tmp_path):
        rates.setdefault(line['epoch'], set()).add(line['lr'])
    # cosine over two epochs: full rate, half of it
    assert all(len(rates[epoch]) == 1 for epoch in rates)
    expected = [0.01, 0.005, 0.02, 0.01]
    assert [rates[epoch].pop() for epoch in (1, 2, 3, 4)] == pytest.approx(expected)


def test_iteration_wise_schedule_ends_with_its_stage(tmp_path):
    cfg = tiny(CONFIG, tmp_path, **TWO_EACH)
    cosine = dict(type='CosineAnnealingLR', eta_min=0, convert_to_iter_based=True)
    warm_up = dict(type='LinearLR', start_factor=0.1, by_epoch=False, end=2)
    cfg.param_scheduler = dict(detector=cosine, classifier=[warm_up, cosine])
    run(cfg)
    lines = scalars(tmp_path)
    for epochs in ((1, 2), (3, 4)):
        stage = [line['lr'] for line in lines if line['epoch'] in epochs]
        assert stage[-1] < 0.1 * max(stage)
    first = [line['lr'] for line in lines if line['epoch'] == 3][0]
    assert first == pytest.approx(0.002)


def test_stage_two_sees_the_kept_samples_only(tmp_path):
    cfg = tiny(CONFIG, tmp_path)
    cfg.default_hooks.noise_filter.selector = dict(type='KeepEvenIndices')
    runner = run(cfg)
    kept = set(hook_of(runner, 'NoiseFilterHook').table.kept.nonzero()[0])
    first = {i for epoch, batch in runner.order.batches if epoch == 0 for i in batch}
    second = {i for epoch, batch in runner.order.batches if epoch == 1 for i in batch}
    assert first == set(range(24)) and second == kept == set(range(0, 24, 2))


def test_logs_of_a_stage_do_not_reach_into_the_next(tmp_path):
    run(tiny(CONFIG, tmp_path))
    keys = {line['epoch']: set(line) for line in scalars(tmp_path)}
    assert 'loss_neg_positive' in keys[1] and 'loss_neg_positive' not in keys[2]


@pytest.mark.parametrize(('keep', 'steps'), [(True, 6), (False, 3)])
def test_stage_two_takes_as_many_steps_as_before_only_on_demand(tmp_path, keep, steps):
    cfg = tiny(CONFIG, tmp_path)
    cfg.default_hooks.noise_filter.update(
        keep_num_updates=keep, selector=dict(type='KeepEvenIndices')
    )
    runner = run(cfg)
    batches = [batch for epoch, batch in runner.order.batches if epoch == 1]
    assert len(batches) == steps
    assert {i for batch in batches for i in batch} == set(range(0, 24, 2))


def test_ema_of_both_stages_is_saved_and_evaluated(tmp_path):
    cfg = tiny(CONFIG, tmp_path, **TWO_EACH)
    cfg.custom_hooks = [dict(type='mmengine.EMAHook', momentum=0.1)]
    runner = run(cfg)
    assert isinstance(hook_of(runner, 'EMAHook'), EMAHook)
    checkpoint = torch.load(tmp_path / 'epoch_4.pth', weights_only=True)
    averaged, raw = checkpoint['state_dict'], checkpoint['ema_state_dict']
    assert (
        averaged['classifier.head.fc.weight'].shape == raw['module.classifier.head.fc.weight'].shape
    )
    for key in ('classifier.head.fc.weight', 'detector.head.prompts.pos_ctx'):
        assert not torch.equal(averaged[key], raw[f'module.{key}'])


@pytest.mark.parametrize('epoch', [1, 3])
def test_resume_with_ema_equals_uninterrupted_run(tmp_path, epoch):
    cfg = tiny(CONFIG, tmp_path / 'whole', default_hooks__checkpoint__max_keep_ckpts=-1, **TWO_EACH)
    cfg.custom_hooks = [dict(type='mmengine.EMAHook', momentum=0.1)]
    whole = run(cfg)
    cfg.work_dir = str(tmp_path / 'resumed')
    cfg.resume, cfg.load_from = True, str(tmp_path / 'whole' / f'epoch_{epoch}.pth')
    resumed = run(cfg)
    one, two = (hook_of(runner, 'EMAHook').ema_model.state_dict() for runner in (whole, resumed))
    assert same_state(one, two)


def test_gradient_accumulation_updates_at_the_end_of_each_stage(tmp_path, monkeypatch):
    steps = []
    step = torch.optim.SGD.step
    monkeypatch.setattr(
        torch.optim.SGD, 'step', lambda s, *a, **k: (steps.append(id(s)), step(s, *a, **k))[1]
    )
    cfg = tiny(CONFIG, tmp_path, optim_wrapper__accumulative_counts=4)
    runner = run(cfg)
    counts = [len([1 for epoch, _ in runner.order.batches if epoch == e]) for e in (0, 1)]
    # every fourth iteration, and the stage's last
    expected = [-(-count // 4) for count in counts]
    assert [steps.count(i) for i in dict.fromkeys(steps)] == expected


def test_auto_scale_lr_scales_both_stages(tmp_path):
    cfg = tiny(CONFIG, tmp_path)
    cfg.auto_scale_lr.enable = True  # batch 4 instead of 64
    run(cfg)
    rates = {line['epoch']: line['lr'] for line in scalars(tmp_path)}
    assert rates[1] == pytest.approx(0.01 / 16) and rates[2] == pytest.approx(0.02 / 16)


def test_persistent_workers_serve_the_new_data_after_the_switch(tmp_path):
    cfg = tiny(CONFIG, tmp_path, **TWO_EACH)
    cfg.train_dataloader.update(num_workers=1, persistent_workers=True)
    runner = run(cfg)
    kept = set(hook_of(runner, 'NoiseFilterHook').table.kept.nonzero()[0])
    for epoch in (2, 3):
        assert {i for e, batch in runner.order.batches if e == epoch for i in batch} == kept


def test_early_stopping_of_stage_one_starts_stage_two(tmp_path):
    cfg = tiny(CONFIG, tmp_path, train_cfg__max_epochs=8)
    cfg.default_hooks.noise_filter.update(detector_epochs=5, selector=dict(type='KeepEvenIndices'))
    # no metric improves by 1000 points: stops after the second validation
    cfg.custom_hooks = [
        dict(type='EarlyStoppingHook', monitor='accuracy/top1', patience=1, min_delta=1000)
    ]
    runner = run(cfg)
    stages = [
        entry['stage'] for entry in json.loads((tmp_path / 'summary.json').read_text())['epochs']
    ]
    assert stages == ['detector'] * 2 + ['classifier'] * 2
    assert runner.model.active_stage == 'classifier'


def test_best_checkpoints_of_the_stages_do_not_compete(tmp_path):
    cfg = tiny(CONFIG, tmp_path, **TWO_EACH)
    cfg.default_hooks.checkpoint.save_best = 'accuracy/top1'
    run(cfg)
    epochs = {int(path.stem.split('_')[-1]) for path in tmp_path.glob('best_*.pth')}
    assert len(epochs) == 2 and min(epochs) <= 2 < max(epochs)


def test_several_validation_sets_and_interval(tmp_path):
    cfg = tiny(CONFIG, tmp_path, train_cfg__max_epochs=4, train_cfg__val_interval=2)
    cfg.default_hooks.noise_filter.detector_epochs = 2
    fake = cfg.val_dataloader.dataset
    sets = [dict(fake, metainfo=dict(fake.get('metainfo', {}), name=name)) for name in ('a', 'b')]
    cfg.val_dataloader.dataset = dict(type='ConcatDataset', datasets=sets, ignore_keys=['name'])
    cfg.val_evaluator = [
        dict(type='Accuracy', topk=(1,), prefix='a/accuracy'),
        dict(type='Accuracy', topk=(1,), prefix='b/accuracy'),
    ]
    run(cfg)
    entries = json.loads((tmp_path / 'summary.json').read_text())['epochs']
    assert [entry['epoch'] for entry in entries] == [2, 4]
    assert all(set(entry['metrics']) == {'a/accuracy/top1', 'b/accuracy/top1'} for entry in entries)


def test_tensorboard_gets_the_scalars_of_both_stages(tmp_path):
    cfg = tiny(CONFIG, tmp_path)
    cfg.visualizer.vis_backends = [dict(type='TensorboardVisBackend'), dict(type='LocalVisBackend')]
    run(cfg)
    assert list(tmp_path.glob('*/vis_data/events.out.tfevents*'))


def test_stage_one_alone_writes_the_selection(tmp_path):
    cfg = tiny(CONFIG, tmp_path)
    cfg.model.classifier = None
    runner = run(cfg)
    assert runner.epoch == 1 and (tmp_path / 'selection.csv').is_file()


def test_stage_two_alone_takes_the_selection_from_a_file(tmp_path):
    first = run(tiny(CONFIG, tmp_path / 'first'))
    cfg = tiny(CONFIG, tmp_path / 'second')
    cfg.default_hooks.noise_filter.selection = str(tmp_path / 'first' / 'selection.csv')
    second = run(cfg)
    kept = set(hook_of(first, 'NoiseFilterHook').table.kept.nonzero()[0])
    assert second.epoch == 1
    assert {i for _, batch in second.order.batches for i in batch} == kept


@pytest.mark.skipif(not torch.cuda.is_available(), reason='mixed precision needs a GPU')
@pytest.mark.parametrize('dtype', ['float16', 'bfloat16'])
def test_amp_keeps_weights_in_float32_and_losses_finite_at_the_papers_rate(tmp_path, dtype):
    cfg = tiny(CONFIG, tmp_path, **TWO_EACH)
    cfg.optim_wrapper.update(type='AmpOptimWrapper', loss_scale='dynamic', dtype=dtype)
    cfg.optim_wrapper.detector.optimizer.lr = 0.03
    runner = run(cfg)
    assert {p.dtype for p in runner.model.parameters()} == {torch.float32}
    assert all(torch.isfinite(p).all() for p in runner.model.parameters())
    assert all(abs(line['loss']) < 1e4 for line in scalars(tmp_path))
