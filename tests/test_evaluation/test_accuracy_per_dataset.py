import pytest
import torch
from mmengine.evaluator import Evaluator
from mmpretrain.evaluation import Accuracy
from mmpretrain.structures import DataSample

from deft_mm.evaluation import AccuracyPerDataset


def predictions(name, right):
    """Samples of two classes, each predicted rightly or not."""
    samples = []
    for i, is_right in enumerate(right):
        label = i % 2
        scores = torch.eye(3)[label if is_right else 2]
        sample = DataSample().set_gt_label(label).set_pred_score(scores)
        sample.set_metainfo(dict(dataset_name=name) if name else {})
        samples.append(sample)
    return samples


def evaluate(metric, batches):
    evaluator = Evaluator(metric)
    for batch in batches:
        evaluator.process(batch)
    return evaluator.evaluate(sum(map(len, batches)))


def test_each_data_set_has_its_own_accuracy_in_whatever_batches_they_come():
    own, other = predictions('own', [1, 1, 0, 1]), predictions('other', [0, 1])
    expected = {'own/accuracy/top1': 75.0, 'other/accuracy/top1': 50.0}
    assert evaluate(AccuracyPerDataset(), [own, other]) == expected
    assert evaluate(AccuracyPerDataset(), [own[:3], [other[0], own[3]], other[1:]]) == expected


def test_padding_of_a_distributed_sampler_is_not_counted():
    own, other = predictions('own', [1, 0]), predictions('other', [1, 1, 0])
    evaluator = Evaluator(AccuracyPerDataset())
    evaluator.process([*own, *other, own[0]])  # the first sample again
    metrics = evaluator.evaluate(5)
    assert metrics['own/accuracy/top1'] == 50.0
    assert metrics['other/accuracy/top1'] == pytest.approx(200 / 3)


def test_without_names_it_is_mmpretrains_accuracy():
    samples = predictions('', [1, 0, 1])
    for topk in ((1,), (1, 2)):
        ours = evaluate(AccuracyPerDataset(topk=topk), [samples])
        assert ours == evaluate(Accuracy(topk=topk), [samples])
