import json

import pytest
from mmengine.registry import DefaultScope

from deft_mm.datasets import NamedConcatDataset, given_labels_of
from runner_utils import run, tiny
from tests.test_datasets.dataset_utils import memory_dataset


def make(tmp_path, names=('own', 'other'), classes=('a', 'b')):
    options = dict(classes=['a', 'b'], pipeline=[dict(type='PackInputs', input_key='none')])
    return NamedConcatDataset(
        [
            memory_dataset(tmp_path, [0, 1, 1], name='own.json', **options),
            memory_dataset(tmp_path, [1, 0], name='other.json', **{**options, 'classes': classes}),
        ],
        names=names,
    )


def test_samples_carry_the_name_of_their_data_set(tmp_path):
    dataset = make(tmp_path)
    assert given_labels_of(dataset).tolist() == [0, 1, 1, 1, 0]
    samples = [dataset[idx]['data_samples'] for idx in range(5)]
    assert [sample.dataset_name for sample in samples] == ['own'] * 3 + ['other'] * 2
    assert [int(sample.gt_label) for sample in samples] == [0, 1, 1, 1, 0]
    assert dataset[-1]['data_samples'].dataset_name == 'other'


@pytest.mark.parametrize('names', [['own'], ['own', 'own'], ['a', 'b', 'c']])
def test_each_data_set_needs_a_name_of_its_own(tmp_path, names):
    with pytest.raises(ValueError, match='2 `datasets`'):
        make(tmp_path, names)


def test_other_class_names_are_refused(tmp_path):
    with pytest.raises(ValueError, match='meta information'):
        make(tmp_path, classes=('b', 'a'))


def test_a_run_validates_on_each_set_by_itself(tmp_path):
    cfg = tiny('deft/deft_digits_sym40.py', tmp_path)
    made_up = cfg.val_dataloader.dataset
    parts = [dict(made_up, num_samples=6), dict(made_up, num_samples=3, labels=[9, 9, 9])]
    cfg.val_dataloader.dataset = dict(
        type='NamedConcatDataset', names=['right', 'wrong'], datasets=parts
    )
    cfg.val_evaluator = dict(type='AccuracyPerDataset', topk=(1,))
    cfg.default_hooks.noise_filter.selector = dict(type='KeepEvenIndices')
    runner = run(cfg)
    # of the classifier's epoch; the detector's has the same names
    entry = json.loads((tmp_path / 'summary.json').read_text())['epochs'][-1]
    assert set(entry['metrics']) == {'right/accuracy/top1', 'wrong/accuracy/top1'}
    for name, part in zip(('right', 'wrong'), parts, strict=True):
        loader = dict(cfg.val_dataloader, dataset=part)
        with DefaultScope.overwrite_default_scope('mmpretrain'):
            alone = runner.build_dataloader(loader)
        hits = [
            int(sample.pred_label) == int(sample.gt_label)
            for batch in alone
            for sample in runner.model.val_step(batch)
        ]
        assert entry['metrics'][f'{name}/accuracy/top1'] == pytest.approx(
            100 * sum(hits) / len(hits)
        )
