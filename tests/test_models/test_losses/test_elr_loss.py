"""ELRLoss against the golden numbers: targets by sample index, in training alone.

Of several processes: test_losses_distributed.py.
"""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from mmengine.runner.checkpoint import load_state_dict
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample

import deft_mm.models.losses  # noqa: F401  (registers the loss)
from deft_mm.models.training_context import TrainingContext
from golden_utils import assert_close, load_golden

NUM_SAMPLES, NUM_CLASSES = 40, 7


@pytest.fixture(scope='module')
def golden():
    return load_golden('losses')


def build(**cfg):
    cfg = dict(dict(num_samples=NUM_SAMPLES, num_classes=NUM_CLASSES), **cfg)
    return MODELS.build(dict(type='ELRLoss', **cfg))


def tell(loss, indices):
    samples = [DataSample(metainfo=dict(sample_idx=int(i))) for i in indices]
    loss.enter(TrainingContext(num_samples=len(loss.targets), data_samples=samples))


def step(loss, indices, logits, labels, **kwargs):
    tell(loss, indices)
    return loss(torch.as_tensor(logits), torch.as_tensor(labels), **kwargs)


def random_batch(n, seed=0):
    generator = torch.Generator().manual_seed(seed)
    logits = 2 * torch.randn(n, NUM_CLASSES, generator=generator)
    return logits, torch.randint(NUM_CLASSES, (n,), generator=generator)


def normalised(logits):
    p = logits.softmax(1).clamp(1e-4, 1 - 1e-4)
    return p / p.sum(1, keepdim=True)


def test_two_steps_match_golden_in_loss_gradient_and_targets(golden):
    loss = build()
    for number, key in ((1, 'logits'), (2, 'logits2')):
        logits = torch.from_numpy(golden[key]).requires_grad_()
        labels = torch.from_numpy(golden['labels'])
        each = step(loss, golden['index'], logits, labels, reduction_override='none')
        each.mean().backward()
        assert_close(each, golden[f'elr_step{number}'])
        assert_close(logits.grad, golden[f'elr_grad{number}'])
    assert_close(loss.targets, golden['elr_targets'])


def test_order_and_partition_into_batches_do_not_matter():
    logits, labels = random_batch(12)
    whole, parts = build(), build()
    each = step(whole, range(12), logits, labels, reduction_override='none')
    order = torch.randperm(12)
    for rows in (order[:5], order[5:]):
        part = step(parts, rows, logits[rows], labels[rows], reduction_override='none')
        torch.testing.assert_close(part, each[rows])
    torch.testing.assert_close(whole.targets, parts.targets)


def test_sample_twice_in_a_batch_moves_its_target_once_by_the_last_occurrence():
    logits, labels = random_batch(5)
    loss = build()
    each = step(loss, [3, 8, 3, 9, 3], logits, labels, reduction_override='none')
    p = normalised(logits)
    torch.testing.assert_close(loss.targets[[3, 8, 9]], 0.7 * p[[4, 1, 3]])
    assert loss.targets.any(dim=1).sum() == 3
    # all occurrences are regularised towards that one target
    expected = F.cross_entropy(logits, labels, reduction='none') + 5 * torch.log(
        1 - (0.7 * p[[4, 1, 4, 3, 4]] * logits.softmax(1).clamp(1e-4, 1 - 1e-4)).sum(1)
    )
    torch.testing.assert_close(each, expected)


def test_evaluation_is_the_cross_entropy_and_moves_no_target():
    logits, labels = random_batch(6)
    loss = build()
    step(loss, range(6), logits, labels)
    before = loss.targets.clone()
    value = loss.eval()(*random_batch(3, seed=1), avg_factor=3)
    torch.testing.assert_close(value, F.cross_entropy(*random_batch(3, seed=1)))
    assert torch.equal(loss.targets, before)


def test_half_precision_logits_give_single_precision_targets_and_loss():
    logits = torch.tensor([[6e4, -6e4, 0.0]], dtype=torch.float16, requires_grad=True)
    loss = build(num_classes=3)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        value = step(loss, [0], logits, [1])
    value.backward()
    assert value.dtype == loss.targets.dtype == torch.float32
    assert torch.isfinite(value) and torch.isfinite(logits.grad).all()


def test_weights_avg_factor_and_settings():
    logits, labels = random_batch(4)
    weight = torch.tensor([1.0, 0.0, 2.0, 1.0])
    cfg = dict(beta=0.6, lambda_elr=2.0)
    each = step(build(**cfg), range(4), logits, labels, reduction_override='none')
    value = step(
        build(loss_weight=3.0, **cfg), range(4), logits, labels, weight=weight, avg_factor=5
    )
    torch.testing.assert_close(value, 3.0 * (each * weight).sum() / 5)
    p = logits.softmax(1).clamp(1e-4, 1 - 1e-4)
    expected = F.cross_entropy(logits, labels, reduction='none') + 2 * torch.log(
        1 - (0.4 * normalised(logits) * p).sum(1)
    )
    torch.testing.assert_close(each, expected)


def test_targets_go_on_after_saving_and_loading():
    first, second = random_batch(6), random_batch(6, seed=1)
    whole, resumed = build(), build(num_samples=None)
    step(whole, range(6), *first)
    resumed.enter(
        TrainingContext(num_samples=NUM_SAMPLES)
    )  # as the hook does, before the checkpoint is loaded
    load_state_dict(resumed, whole.state_dict(), strict=True)
    assert torch.equal(step(whole, range(6), *second), step(resumed, range(6), *second))
    assert torch.equal(whole.targets, resumed.targets)


def test_checkpoint_loads_without_knowing_the_number_of_samples():
    trained, other = build(), build(num_samples=None)
    step(trained, range(6), *random_batch(6))
    load_state_dict(other, trained.state_dict(), strict=True)
    assert torch.equal(other.targets, trained.targets)
    # as every torch module does it, too
    build(num_samples=None).load_state_dict(trained.state_dict())


def test_targets_are_kept_from_one_data_set_to_the_next_and_forgotten_in_a_new_run():
    loss = build()
    step(loss, range(6), *random_batch(6))
    before = loss.targets.clone()
    loss.enter(TrainingContext(num_samples=NUM_SAMPLES))  # other samples of them are trained on
    assert before.any() and torch.equal(loss.targets, before)
    loss.enter(TrainingContext(num_samples=NUM_SAMPLES, starts_anew=True))
    assert not loss.targets.any() and len(loss.targets) == NUM_SAMPLES


def test_targets_follow_the_model():
    loss = build(num_samples=None).to('meta')
    loss.enter(TrainingContext(num_samples=5))
    assert loss.targets.device.type == 'meta' and loss.targets.shape == (5, NUM_CLASSES)


def test_what_it_was_not_told_is_an_error_with_a_remedy():
    batch = random_batch(4)
    remedy = r'default_hooks\.loss_context'
    with pytest.raises(ValueError, match=f'number of training samples.*{remedy}'):
        step(build(num_samples=None), range(4), *batch)
    with pytest.raises(ValueError, match=f'samples of the batch.*{remedy}'):
        build()(*batch)
    with pytest.raises(ValueError, match='told 3 samples, but got scores of 4'):
        step(build(), range(3), *batch)
    with pytest.raises(ValueError, match='sample_idx 40: leave num_samples'):
        step(build(), [0, 1, 2, 40], *batch)
    loss = build()
    loss.enter(TrainingContext(num_samples=NUM_SAMPLES, data_samples=[DataSample()] * 4))
    with pytest.raises(ValueError, match='`sample_idx`.*PackInputs'):
        loss(*batch)


def test_mixed_labels_and_senseless_settings_are_errors():
    with pytest.raises(ValueError, match='ELRLoss.*Mixup'):
        step(build(), range(2), torch.zeros(2, 7), torch.zeros(2, 7))
    with pytest.raises(ValueError, match='knows of 3 classes, but the head scores 7'):
        step(build(num_classes=3), range(4), *random_batch(4))
    with pytest.raises(ValueError, match='ELRLoss.beta'):
        build(beta=1.0)
    with pytest.raises(ValueError, match='ELRLoss.lambda_elr'):
        build(lambda_elr=-1.0)
