"""FixMatch: what it learns from which view, and that labels of rejected samples are out of it."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.dataset import default_collate
from mmpretrain.models import ImageClassifier
from mmpretrain.registry import MODELS
from torch import nn

from deft_mm.datasets import FixMatchDataset, NoisyLabelDataset, fix_match_collate
from deft_mm.models import FixMatch
from deft_mm.models.training_context import TrainingContext
from tests.test_datasets.dataset_utils import PACK
from tests.test_datasets.selection_wrapper_utils import KEPT, digits, selection_of

PREPROCESSOR = dict(mean=[127.0] * 3, std=[64.0] * 3, num_classes=10)
STRONG = [dict(type='Invert', prob=1.0), *PACK]
VIEWS = ['labelled', 'weak', 'strong'] * 4


class Pixels(nn.Module):
    """A linear map of all pixels, given back as backbones of MMPretrain do, or nested."""

    def __init__(self, nested: bool = False) -> None:
        super().__init__()
        self.map = nn.Linear(192, 16)
        self.nested = nested

    def forward(self, inputs):
        feat = self.map(inputs.flatten(1))
        return ([feat.detach(), feat],) if self.nested else (feat.detach(), feat)


def head(**options) -> dict:
    return dict(type='LinearClsHead', num_classes=10, in_channels=16, **options)


def fix_match(preprocessor=PREPROCESSOR, loss=None, **options) -> FixMatch:
    options.setdefault('backbone', Pixels())
    options.setdefault('head', head(loss=loss or dict(type='CrossEntropyLoss')))
    return FixMatch(data_preprocessor=dict(preprocessor), **options)


def dataset(rejected_labels=None, **options) -> FixMatchDataset:
    labels = digits().get_gt_labels()
    if rejected_labels is not None:
        labels[~KEPT] = rejected_labels
    noisy = NoisyLabelDataset(digits(), lambda given, num_classes, dataset: labels)
    return FixMatchDataset(noisy, selection_of(noisy), STRONG, **options)


def batch_of(data, size: int = 4) -> dict:
    return fix_match_collate([data[i] for i in range(size)])


def losses_of(model, batch) -> dict:
    batch = model.data_preprocessor(copy.deepcopy(batch), training=True)
    return model(**batch, mode='loss')


def figures(losses: dict) -> dict[str, float]:
    return {name: value.detach().item() for name, value in losses.items()}


def by_view(values, view: str, views=VIEWS):
    return values[[name == view for name in views]]


@pytest.mark.parametrize('threshold', [0.0, 0.25, 1.0])
@pytest.mark.parametrize('num_unlabelled', [1, 2])
@pytest.mark.parametrize('nested', [False, True])
def test_losses_equal_those_worked_out_by_hand(threshold, num_unlabelled, nested):
    model = fix_match(threshold=threshold, unlabelled_weight=0.5, backbone=Pixels(nested))
    if nested:
        model.head.pre_logits = lambda feats: feats[-1][-1]
    batch = batch_of(dataset(num_unlabelled=num_unlabelled))
    losses = losses_of(model, batch)

    views = [sample.view for sample in batch['data_samples']]
    images = (batch['inputs'].float() - 127) / 64
    with torch.no_grad():
        logits = model.head.fc(model.backbone.map(images.flatten(1)))
    labels = torch.tensor([int(s.gt_label) for s in batch['data_samples'] if 'gt_label' in s])
    expected = F.cross_entropy(by_view(logits, 'labelled', views), labels)
    torch.testing.assert_close(losses['loss'].detach(), expected)
    total, above = 0.0, 0
    pairs = zip(by_view(logits, 'weak', views), by_view(logits, 'strong', views), strict=True)
    for weak, strong in pairs:
        if weak.softmax(0).max() >= threshold:
            above += 1
            total += -strong.log_softmax(0)[weak.argmax()]
    count = 4 * num_unlabelled
    assert losses['pseudo_share'] == above / count
    found = figures(losses)['loss_unlabelled']
    assert found == pytest.approx(0.5 * float(total) / count, rel=1e-5)
    assert {0.0: above == count, 1.0: above == 0, 0.25: 0 < above < count}[threshold]
    # The log's total is the sum of both.
    parsed, _ = model.parse_losses(losses)
    torch.testing.assert_close(parsed, losses['loss'] + losses['loss_unlabelled'])


def test_no_gradient_flows_through_weak_views_nor_from_unsure_ones():
    model = fix_match(threshold=0.25)
    data = model.data_preprocessor(batch_of(dataset()), True)
    inputs = data['inputs'].requires_grad_()
    losses = model.loss(inputs, data['data_samples'])
    (losses['loss'] + losses['loss_unlabelled']).backward()
    moved = inputs.grad.flatten(1).abs().amax(1) > 0
    assert by_view(moved, 'labelled').all() and not by_view(moved, 'weak').any()
    sure = by_view(model(inputs), 'weak').softmax(1).amax(1) >= 0.25
    assert by_view(moved, 'strong').tolist() == sure.tolist() and 0 < sure.sum() < 4


def test_with_nothing_above_the_threshold_every_parameter_still_has_a_gradient():
    model = fix_match(threshold=1.0)
    losses = losses_of(model, batch_of(dataset()))
    assert losses['loss_unlabelled'] == 0 and losses['pseudo_share'] == 0
    losses['loss_unlabelled'].backward(retain_graph=True)
    for parameter in model.parameters():
        assert parameter.grad is not None and not parameter.grad.any()
    losses['loss'].backward()
    assert all(parameter.grad.any() for parameter in model.parameters())


@pytest.mark.parametrize('soft', [False, True])
def test_given_labels_of_rejected_samples_change_nothing(soft):
    loss = dict(type='CrossEntropyLoss', use_soft=soft)
    model = fix_match(dict(PREPROCESSOR, to_onehot=soft), loss, threshold=0.2)
    labels = digits().get_gt_labels()[~KEPT]
    results = []
    for rejected_labels in (labels, np.roll(labels, 5), np.zeros_like(labels)):
        np.random.seed(0)
        results.append(figures(losses_of(model, batch_of(dataset(rejected_labels)))))
    assert results[0] == results[1] == results[2]
    assert results[0]['loss_unlabelled'] > 0


def test_batches_of_other_data_sets_are_those_of_an_image_classifier():
    model = fix_match()
    plain = ImageClassifier(Pixels(), head=head(), data_preprocessor=dict(PREPROCESSOR))
    plain.load_state_dict(model.state_dict())
    batch = default_collate([digits()[i] for i in range(6)])
    one, two = losses_of(model, batch), losses_of(plain, batch)
    assert one.keys() == two.keys() and one['loss'] == two['loss']
    for sample, other in zip(model.val_step(batch), plain.val_step(batch), strict=True):
        assert torch.equal(sample.pred_score, other.pred_score)
        assert sample.gt_label == other.gt_label
    images = dict(inputs=batch['inputs'])  # as the scoring pass and inferencers give them
    assert torch.equal(
        model(**model.data_preprocessor(images)), plain(**plain.data_preprocessor(images))
    )


def test_preprocessed_batch_keeps_its_order_and_only_labelled_samples_have_labels():
    preprocessor = dict(
        PREPROCESSOR,
        type='AugmentingDataPreprocessor',
        train_transforms=[dict(type='BatchResize', scale=16)],
        to_onehot=True,
    )
    model = fix_match(preprocessor)
    batch = batch_of(dataset())
    order = [(sample.view, sample.sample_idx) for sample in batch['data_samples']]
    data = model.data_preprocessor(batch, training=True)
    assert data.keys() == {'inputs', 'data_samples'}
    assert data['inputs'].shape == (12, 3, 16, 16)
    samples = data['data_samples']
    assert [(sample.view, sample.sample_idx) for sample in samples] == order
    for sample in samples:
        assert ('gt_label' in sample) == ('gt_score' in sample) == (sample.view == 'labelled')


def test_weight_grows_over_the_ramp():
    batch = batch_of(dataset())
    whole = losses_of(model := fix_match(threshold=0.0, ramp_epochs=4), batch)
    assert whole['loss_unlabelled'] == 0 and whole['pseudo_share'] == 1
    found = []
    for epoch in (1, 2, 4, 9):
        model.enter(TrainingContext(epoch=epoch))
        found.append(figures(losses_of(model, batch))['loss_unlabelled'])
    assert found == pytest.approx([found[2] * share for share in (0.25, 0.5, 1, 1)])


@pytest.mark.parametrize(
    'loss', [dict(type='ELRLoss', num_classes=10), dict(type='SampleWeightedLoss')]
)
def test_losses_that_read_the_samples_get_the_labelled_ones(loss):
    model = fix_match(loss=loss)
    batch = batch_of(dataset())
    for sample in batch['data_samples']:
        sample.set_field(torch.tensor(float(sample.sample_idx)), 'sample_weight')
    # As LossContextHook does.
    context = TrainingContext(num_samples=40, data_samples=batch['data_samples'])
    model.enter(context)
    model.head.loss_module.enter(context)
    losses = losses_of(model, batch)
    logits = by_view(model(model.data_preprocessor(batch)['inputs']), 'labelled')
    labelled = [sample for sample in batch['data_samples'] if sample.view == 'labelled']
    if loss['type'] == 'SampleWeightedLoss':
        labels = torch.cat([sample.gt_label for sample in labelled])
        weights = torch.stack([sample.sample_weight for sample in labelled])
        expected = (F.cross_entropy(logits, labels, reduction='none') * weights).sum()
        torch.testing.assert_close(losses['loss'], expected / weights.sum())
    else:
        assert torch.isfinite(losses['loss'])


def test_a_copy_of_the_model_does_the_same_on_its_own():
    model = fix_match(threshold=0.2)
    other = copy.deepcopy(model)
    batch = batch_of(dataset())
    assert figures(losses_of(model, batch)) == figures(losses_of(other, batch))


def test_in_half_precision_the_unlabelled_loss_is_computed_in_single():
    model = fix_match(threshold=0.2)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        losses = losses_of(model, batch_of(dataset()))
    assert losses['loss_unlabelled'].dtype == torch.float32
    assert torch.isfinite(losses['loss_unlabelled'])


def test_batches_that_were_not_taken_apart_are_an_error_that_names_the_collate_function():
    data = dataset()
    with pytest.raises(ValueError, match='collate_fn.*fix_match_collate.*classifier_dataloader'):
        fix_match().data_preprocessor(default_collate([data[0], data[1]]), True)


def test_settings_that_do_not_fit_are_errors_that_name_them():
    mixup = dict(augments=dict(type='Mixup', alpha=1.0))
    with pytest.raises(ValueError, match='data_preprocessor.batch_augments.*remove it'):
        fix_match(dict(PREPROCESSOR, batch_augments=mixup))
    with pytest.raises(ValueError, match='train_cfg.augments'):
        fix_match(train_cfg=mixup)
    with pytest.raises(TypeError, match='FixMatch.head must be a ClsHead.*MultiLabelLinearClsHead'):
        fix_match(head=dict(type='MultiLabelLinearClsHead', num_classes=10, in_channels=16))
    with pytest.raises(TypeError, match='NoneType'):
        fix_match(head=None)
    for name, value in dict(threshold=95, unlabelled_weight=-1, ramp_epochs=-1).items():
        with pytest.raises(ValueError, match=f'FixMatch.{name}.*{value}'):
            fix_match(**{name: value})


def test_is_built_from_a_config():
    cfg = dict(type='FixMatch', backbone=dict(type='LeNet5'), head=dict(type='ClsHead'))
    assert isinstance(MODELS.build(cfg), FixMatch)
