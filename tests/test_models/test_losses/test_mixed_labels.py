"""Which losses take the mixed labels of Mixup and CutMix, as MMPretrain's classifiers give them."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample

import deft_mm.models.losses  # noqa: F401  (registers the losses)
from deft_mm.models.training_context import ContextModule, TrainingContext

# Every loss that heads call with a batch's labels, with what it needs to be told.
REFUSE = {
    'ClassBalancedLoss': dict(),
    'ComplementaryLabelLoss': dict(),
    'ELRLoss': dict(num_classes=3, num_samples=4),
    'GCELoss': dict(),
    'LogitAdjustedLoss': dict(),
    'SCELoss': dict(),
    'SampleWeightedLoss': dict(),
    'SplitLoss': dict(),
}
TAKE = {'SmallLoss': dict(noise_ratio=0.5, warmup_epochs=0)}


def build(loss, augments=True, **preprocessor):
    torch.manual_seed(0)
    if augments:
        preprocessor['batch_augments'] = dict(augments=dict(type='Mixup', alpha=1.0))
    return MODELS.build(
        dict(
            type='ImageClassifier',
            backbone=dict(type='LeNet5'),
            neck=dict(type='GlobalAveragePooling'),
            head=dict(type='LinearClsHead', num_classes=3, in_channels=120, loss=loss),
            data_preprocessor=dict(num_classes=3, **preprocessor),
        )
    )


def preprocessed(model):
    samples = [
        DataSample(sample_idx=i, sample_weight=0.5, kept=True).set_gt_label(i % 3) for i in range(4)
    ]
    images = torch.randn(4, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    data = model.data_preprocessor(dict(inputs=images, data_samples=samples), True)
    if isinstance(model.head.loss_module, ContextModule):
        counts = torch.tensor([2, 1, 1])
        context = TrainingContext(1, num_samples=4, class_counts=counts, data_samples=samples)
        model.head.loss_module.enter(context)
    return data


@pytest.mark.parametrize('name', REFUSE)
def test_loss_of_one_class_a_sample_refuses_mixed_labels(name):
    model = build(dict(type=name, **REFUSE[name]))
    with pytest.raises(ValueError, match=rf'{name} .*data_preprocessor\.batch_augments \(or train'):
        model(**preprocessed(model), mode='loss')


def test_small_loss_takes_mixed_labels_as_its_inner_loss_does():
    model = build(dict(type='SmallLoss', **TAKE['SmallLoss']))
    data = preprocessed(model)
    target = torch.stack([sample.gt_score for sample in data['data_samples']])
    logits = model.head(model.extract_feat(data['inputs']))
    each = F.cross_entropy(logits, target, reduction='none')
    torch.testing.assert_close(model(**data, mode='loss')['loss'], each.sort().values[:2].mean())


def test_sample_weights_take_one_hot_labels():
    losses = []
    for soft in (False, True):
        inner = dict(type='CrossEntropyLoss', use_soft=soft)
        loss = dict(type='SampleWeightedLoss', loss=inner)
        model = build(loss, augments=False, to_onehot=soft)
        losses.append(model(**preprocessed(model), mode='loss')['loss'])
    torch.testing.assert_close(*losses)


def test_every_loss_is_in_one_of_the_two_lists():
    others = {'NegativeLearningLoss', 'PerSampleLoss'}
    others |= {'PeerLoss', 'CoTeachingLoss', 'JoCoRLoss'}  # of two networks: test_peer_networks.py
    assert {*REFUSE, *TAKE} == set(deft_mm.models.losses.__all__) - others
