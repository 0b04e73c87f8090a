"""Settings of losses that would train nothing, or the opposite, are refused when they are built."""

import pytest
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS

NEGATIVE = [
    ('SCELoss', 'alpha'),
    ('SCELoss', 'beta'),
    ('SCELoss', 'loss_weight'),
    ('GCELoss', 'loss_weight'),
    ('ComplementaryLabelLoss', 'loss_weight'),
    ('LogitAdjustedLoss', 'tau'),
    ('NegativeLearningLoss', 'complementary_weight'),
    ('NegativeLearningLoss', 'positive_weight'),
    ('NegativeLearningLoss', 'loss_weight'),
    ('ELRLoss', 'lambda_elr'),
    ('SmallLoss', 'warmup_epochs'),
]
NEEDED = dict(ELRLoss=dict(num_classes=10), SmallLoss=dict(noise_ratio=0.4))


@pytest.mark.parametrize(('loss', 'setting'), NEGATIVE)
@pytest.mark.parametrize('value', [-1, float('inf'), float('nan')])
def test_weights_are_finite_and_not_negative(loss, setting, value):
    cfg = dict(type=loss, **NEEDED.get(loss, {}), **{setting: value})
    with (
        DefaultScope.overwrite_default_scope('mmpretrain'),
        pytest.raises(ValueError, match=rf'^{loss}\.{setting} is {value}: set it to 0 or more'),
    ):
        MODELS.build(cfg)


@pytest.mark.parametrize('alpha', [0, -1.0, float('nan')])
def test_low_rank_updates_of_no_weight_are_refused(alpha):
    with pytest.raises(ValueError, match=rf'LoRA\.alpha={alpha} must be above 0'):
        MODELS.build(dict(type='mmpretrain.LoRA', rank=2, alpha=alpha))
