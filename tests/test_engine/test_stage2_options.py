"""Any config trains with a data-set wrapper around its data and the path of a selection file."""

from __future__ import annotations

import copy
import os

import numpy as np
import pytest
import torch
from mmcv.transforms import BaseTransform
from mmengine.config import Config
from mmengine.hooks import Hook
from mmpretrain.registry import DATASETS, HOOKS, TASK_UTILS, TRANSFORMS

from deft_mm.engine.hooks.filter_hook import FilterHook
from deft_mm.selection import Selector
from runner_utils import run, same_state, scalars, tiny
from tests.test_datasets.selection_wrapper_utils import write

CONFIG = 'ce/ce_digits_sym40.py'
NUM = 24
KEPT = np.arange(NUM) % 3 != 0
TRUE = np.arange(NUM) % 10
WRONG = np.where(KEPT, TRUE, (TRUE + 3) % 10)
# No flips, as for digits.
STRONG = [
    dict(
        type='RandAugment',
        policies=[
            dict(type='Rotate', magnitude_range=(0, 20)),
            dict(type='Shear', magnitude_range=(0, 0.2), direction='horizontal'),
            dict(type='Translate', magnitude_range=(0, 0.2), direction='vertical'),
            dict(type='Contrast', magnitude_range=(0, 0.5)),
        ],
        num_policies=2,
        magnitude_level=10,
        magnitude_std='inf',
        hparams=dict(pad_val=0),
    ),
    dict(type='PackInputs'),
]


@TASK_UTILS.register_module()
class KeepEveryFourth(Selector):
    """Keeps fewer than a rehearsal makes up."""

    def __call__(self, table) -> tuple[np.ndarray, np.ndarray]:
        return np.arange(len(table)) % 4 == 0, table.clean_prob


@HOOKS.register_module()
class SeenLabels(Hook):
    """Notes the given label of every sample that the model was shown."""

    def __init__(self) -> None:
        self.labels: dict[int, int] = {}

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        for sample in data_batch['data_samples']:
            self.labels[sample.sample_idx] = int(sample.gt_label)


def config(work_dir, labels=WRONG, epochs: int = 1) -> Config:
    cfg = tiny(CONFIG, work_dir, num_samples=NUM, train_cfg__max_epochs=epochs)
    cfg.train_dataloader.dataset.noise = None
    cfg.train_dataloader.dataset.dataset.labels = [int(label) for label in labels]
    return cfg


def wrap(cfg: Config, folder, wrapper: dict, **columns) -> Config:
    """Put a wrapper around the training data, with a selection file of theirs."""
    inner = cfg.train_dataloader.dataset
    path = write(folder / 'selection.csv', DATASETS.build(copy.deepcopy(inner)), KEPT, **columns)
    cfg.train_dataloader.dataset = dict(wrapper, dataset=inner, selection=path)
    return cfg


def fix_match(folder, labels=WRONG, epochs: int = 1, **options) -> Config:
    cfg = config(folder / 'run', labels, epochs)
    cfg.model.update(type='FixMatch', threshold=0.14, **options)
    cfg.train_dataloader.collate_fn = dict(type='fix_match_collate')
    return wrap(cfg, folder, dict(type='FixMatchDataset', strong_pipeline=STRONG))


def test_fix_match_trains_on_a_selection_file(tmp_path):
    runner = run(fix_match(tmp_path, epochs=2))
    lines = scalars(tmp_path / 'run')
    assert len(lines) == 2 * KEPT.sum() // 4
    assert all({'loss', 'loss_unlabelled', 'pseudo_share'} <= line.keys() for line in lines)
    shares = [line['pseudo_share'] for line in lines]
    assert all(0 <= share <= 1 for share in shares) and max(shares) > 0
    for epoch in range(2):
        seen = [i for e, batch in runner.order.batches if e == epoch for i in batch]
        # each kept sample once, and as many pairs of rejected ones
        assert sorted(i for i in seen if KEPT[i]) == np.flatnonzero(KEPT).tolist()
        assert len(seen) == 3 * KEPT.sum()


def test_given_labels_of_rejected_samples_do_not_change_a_fix_match_run(tmp_path):
    states = []
    for name, labels in (('wrong', WRONG), ('true', TRUE)):
        (tmp_path / name).mkdir()
        states.append(run(fix_match(tmp_path / name, labels)).model.state_dict())
    assert same_state(*states)


@pytest.mark.parametrize('workers', [0, 1])
def test_resumed_fix_match_run_equals_the_uninterrupted_one(tmp_path, workers):
    cfg = fix_match(tmp_path, epochs=3, ramp_epochs=2)
    cfg.train_dataloader.num_workers = workers
    cfg.default_hooks.checkpoint.max_keep_ckpts = -1
    whole = run(cfg)
    cfg.work_dir = str(tmp_path / 'resumed')
    cfg.resume, cfg.load_from = True, str(tmp_path / 'run' / 'epoch_1.pth')
    resumed = run(cfg)
    assert [item for item in whole.order.batches if item[0] >= 1] == resumed.order.batches
    later = [line for line in scalars(tmp_path / 'run') if line['epoch'] > 1]
    assert later == scalars(tmp_path / 'resumed')
    assert max(line['loss_unlabelled'] for line in later) > 0
    assert same_state(whole.model.state_dict(), resumed.model.state_dict())


def test_relabelled_run_is_that_of_the_labels_put_right(tmp_path):
    wrapper = dict(type='RelabelledSubset', threshold=0.9)
    columns = dict(pred_label=TRUE, pred_prob=np.full(NUM, 0.95))
    cfg = wrap(config(tmp_path / 'relabelled'), tmp_path, wrapper, **columns)
    cfg.custom_hooks = [dict(type='SeenLabels')]
    runner = run(cfg)
    seen = next(hook for hook in runner.hooks if isinstance(hook, SeenLabels))
    assert seen.labels == dict(enumerate(TRUE))
    state = runner.model.state_dict()
    assert same_state(state, run(config(tmp_path / 'true', TRUE)).model.state_dict())


def test_weights_of_zero_make_labels_irrelevant(tmp_path):
    states = []
    for name, labels, weights in (
        ('wrong', WRONG, KEPT),
        ('true', TRUE, KEPT),
        ('weighted', WRONG, np.where(KEPT, 1, 0.5)),
    ):
        (tmp_path / name).mkdir()
        cfg = config(tmp_path / name / 'run', labels)
        cfg.model.head.loss = dict(type='SampleWeightedLoss')
        cfg = wrap(
            cfg,
            tmp_path / name,
            dict(type='CleanProbWeightedDataset'),
            clean_prob=weights.astype(np.float32),
        )
        runner = run(cfg)
        assert {i for _, batch in runner.order.batches for i in batch} == set(range(NUM))
        states.append(runner.model.state_dict())
    assert same_state(states[0], states[1]) and not same_state(states[0], states[2])


class AsOriginal(BaseException):
    """Ends a run where its first weights can be seen."""


@HOOKS.register_module()
class StopAtTheStart(Hook):
    """Keeps the weights that training starts from, and the next random number."""

    def before_train(self, runner) -> None:
        raise AsOriginal(runner.model.state_dict(), np.random.rand(), torch.rand(1))


def test_the_rehearsal_draws_no_random_number(tmp_path, monkeypatch):
    starts = []
    for rehearse in (True, False):
        cfg = tiny('deft/deft_digits_sym40.py', tmp_path / str(rehearse))
        cfg.randomness = dict(seed=1)
        cfg.custom_hooks = [dict(type='StopAtTheStart')]
        flip = dict(type='RandomFlip', prob=0.5)
        cfg.train_dataloader.dataset.dataset.pipeline.insert(0, flip)
        if not rehearse:
            monkeypatch.setattr(FilterHook, 'rehearse', lambda self, runner, scorer, model: None)
        with pytest.raises(AsOriginal) as caught:
            run(cfg)
        starts.append(caught.value.args)
    (state, number, tensor), (other, same_number, same_tensor) = starts
    assert same_state(state, other) and number == same_number and torch.equal(tensor, same_tensor)


@TRANSFORMS.register_module()
class NoteProcess(BaseTransform):
    """Notes the processes that it works in."""

    def __init__(self, path: str) -> None:
        self.path = path

    def transform(self, results: dict) -> dict:
        with open(self.path, 'a') as file:
            file.write(f'{os.getpid()}\n')
        return results


@pytest.mark.parametrize('workers', [0, 1])
def test_the_rehearsal_uses_the_data_where_training_does(tmp_path, workers):
    """What a transform opens on first use is not for several processes."""
    cfg = tiny('deft/deft_digits_sym40.py', tmp_path)
    cfg.custom_hooks = [dict(type='StopAtTheStart')]
    cfg.train_dataloader.num_workers = workers
    note = dict(type='NoteProcess', path=str(tmp_path / 'processes'))
    cfg.train_dataloader.dataset.dataset.pipeline.insert(0, note)
    with pytest.raises(AsOriginal):
        run(cfg)
    processes = (tmp_path / 'processes').read_text().split()
    assert processes and (str(os.getpid()) in processes) == (workers == 0)


def test_fewer_samples_than_a_rehearsal_makes_up_may_be_asked_for(tmp_path):
    cfg = tiny('deft/deft_digits_sym40.py', tmp_path)
    cfg.default_hooks.noise_filter.update(
        selector=dict(type='KeepEveryFourth'),
        classifier_dataset=dict(type='CleanSubset', num_samples=10),
        keep_num_updates=False,
    )
    runner = run(cfg)
    assert len([i for epoch, batch in runner.order.batches if epoch == 1 for i in batch]) == 10


@pytest.mark.parametrize('first', [0, 1])
def test_fix_match_data_may_be_a_part(tmp_path, first):
    cfg = fix_match(tmp_path)
    parts = [cfg.train_dataloader.dataset, copy.deepcopy(cfg.train_dataloader.dataset.dataset)]
    cfg.train_dataloader.dataset = dict(
        type='ConcatDataset', datasets=[parts[first], parts[1 - first]]
    )
    run(cfg)
    assert any(line.get('pseudo_share', 0) > 0 for line in scalars(tmp_path / 'run'))


def test_fix_match_on_a_selection_of_its_own_after_a_warm_up(tmp_path):
    cfg = config(tmp_path, epochs=2)
    cfg.model.update(type='FixMatch', threshold=0.14)
    cfg.default_hooks.noise_filter = dict(
        type='RefilterHook',
        selector=dict(type='GMMSelector'),
        begin=1,
        interval=1,
        classifier_dataset=dict(type='FixMatchDataset', strong_pipeline=STRONG),
        classifier_dataloader=dict(collate_fn=dict(type='fix_match_collate')),
    )
    run(cfg)
    shares = [(line['epoch'], line.get('pseudo_share', 0.0)) for line in scalars(tmp_path)]
    assert {share for epoch, share in shares if epoch == 1} == {0.0}
    assert max(share for epoch, share in shares if epoch == 2) > 0


@pytest.mark.parametrize(('batch_size', 'iterations'), [(4, 6), (2, 6), (8, 6), (1, 12)])
def test_updates_of_an_epoch_are_kept_with_another_batch_size(batch_size, iterations, tmp_path):
    cfg = tiny('deft/deft_digits_sym40.py', tmp_path)
    cfg.default_hooks.noise_filter.update(
        selector=dict(type='KeepEvenIndices'),
        keep_num_updates=True,
        classifier_dataloader=dict(batch_size=batch_size),
    )
    runner = run(cfg)
    assert len([epoch for epoch, _ in runner.order.batches if epoch == 1]) == iterations
    log = next(tmp_path.glob('*/*.log')).read_text()
    # 12 kept samples, one at a time, are more updates than 24 by four
    assert log.count('12 samples are more updates an epoch') == (batch_size == 1)


def test_no_warning_of_more_updates_where_there_are_none(tmp_path):
    cfg = tiny('deft/deft_digits_sym40.py', tmp_path)
    cfg.default_hooks.noise_filter.update(
        selector=dict(type='KeepEveryFourth'),
        keep_num_updates=True,
        classifier_dataloader=dict(batch_size=1),
    )
    run(cfg)
    assert 'more updates' not in next(tmp_path.glob('*/*.log')).read_text()


def test_the_log_says_how_many_samples_are_trained_on(tmp_path):
    cfg = tiny('deft/deft_digits_sym40.py', tmp_path)
    cfg.default_hooks.noise_filter.update(
        selector=dict(type='KeepEvenIndices'),
        classifier_dataset=dict(type='CleanProbWeightedDataset'),
    )
    cfg.model.classifier.head.loss = dict(type='SampleWeightedLoss')
    run(cfg)
    log = next(tmp_path.glob('*/*.log')).read_text()
    assert 'trains the classifier on 24 of 24 samples (CleanProbWeightedDataset)' in log
