"""What a config says of method, data and noise."""

import pytest
from mmengine.config import Config

from deft_mm.comparison import RunSetting
from deft_mm.comparison.run_setting import method_name
from runner_utils import REPO


@pytest.mark.parametrize(
    ('path', 'name'),
    [
        ('configs/ce/ce_digits_sym40.py', 'ce'),
        ('configs/small_loss/small_loss_cifar100n.py', 'small_loss'),
        ('/x/deft/deft_cifar100_sym60_vit_b16_mae.py', 'deft vit_b16_mae'),
        ('configs/deft/deft_cifar10n_random1.py', 'deft'),
        (r'configs\deft\deft_folder.py', 'deft'),
        ('mine/try.py', 'try'),
        ('try.py', 'try'),
    ],
)
def test_method_is_read_from_the_path(path, name):
    assert method_name(path) == name


@pytest.mark.parametrize(
    ('path', 'data', 'noise'),
    [
        ('ce/ce_digits_sym40.py', 'Digits', 'sym 0.4'),
        ('deft/deft_cifar100_idn20.py', 'CIFAR100', 'idn 0.2'),
        ('deft/deft_cifar10n_worse.py', 'CIFAR10', 'worse'),
        ('deft/deft_webvision.py', 'WebVision', 'none added'),
    ],
)
def test_data_and_noise_are_read_from_the_config(path, data, noise):
    setting = RunSetting.from_config(Config.fromfile(REPO / 'configs' / path), 'any')
    assert (setting.data, setting.noise_text) == (data, noise)


def test_data_are_those_that_wrappers_hold():
    inner = [dict(type='A'), dict(type='Repeat', dataset=dict(type='B'))]
    cfg = dict(train_dataloader=dict(dataset=dict(type='Concat', datasets=inner)))
    assert RunSetting.from_config(cfg, 'any').data == 'A + B'
