"""Initial values of the tuning parameters are those of the method."""

import math

import pytest
import torch

from clip_utils import VIT
from deft_mm.models.backbones import CLIPVisionTransformer

WIDTH, PATCH = 128, 8
MODEL = dict(VIT, vision_cfg=dict(VIT['vision_cfg'], width=WIDTH))


def _values(peft):
    backbone = CLIPVisionTransformer(dict(model=MODEL), peft=peft)
    return {
        name.split('.', 2)[2]: value.detach()
        for name, value in backbone.named_parameters()
        if name.startswith('peft.')
    }


def _assert_uniform(values, bound):
    assert values.abs().max() <= bound
    assert values.abs().max() > 0.95 * bound
    assert abs(values.mean()) < 0.1 * bound
    assert values.std().item() == pytest.approx(bound / math.sqrt(3), rel=0.1)


def _assert_normal(values, mean, std):
    assert values.mean().item() == pytest.approx(mean, abs=0.2 * std)
    assert values.std().item() == pytest.approx(std, rel=0.15)
    assert (values - mean).abs().max() > 2 * std


def test_vpt_tokens():
    values = _values(dict(type='VPT'))
    assert {name: value.shape for name, value in values.items()} == {
        f'tokens.{i}': (20, WIDTH) for i in range(3)
    }
    bound = math.sqrt(6 / (3 * PATCH * PATCH + WIDTH))
    for value in values.values():
        _assert_uniform(value, bound)
    assert not torch.equal(values['tokens.0'], values['tokens.1'])
    assert set(_values(dict(type='VPT', deep=False))) == {'tokens.0'}


def test_lora_factors():
    values = _values(dict(type='LoRA', rank=16))
    assert {name.split('.')[2] for name in values} == {'q', 'v'}
    for name, value in values.items():
        if name.endswith('.B'):
            assert value.shape == (16, WIDTH)
            assert not value.any()
        else:
            assert value.shape == (WIDTH, 16)
            # PyTorch takes the last dimension of an (in, rank) tensor as its fan: sqrt(1 / rank).
            _assert_uniform(value, math.sqrt(1 / 16))


@pytest.mark.parametrize('name', ['Adapter', 'AdaptFormer'])
def test_bottleneck(name):
    values = _values(dict(type=name, dim=32))
    assert {key.split('.')[1] for key in values} == {'0', '1', '2'}
    for key, value in values.items():
        if key.endswith('down_proj.weight'):
            assert value.shape == (32, WIDTH)
            # Kaiming normal with a = sqrt 5: gain sqrt(2 / 6), fan WIDTH.
            _assert_normal(value, 0.0, math.sqrt(2 / 6 / WIDTH))
        elif key.endswith(('ln.weight', 'scale')):
            assert (value == 1).all()
        else:
            assert not value.any()
    assert any(key.endswith('scale') for key in values) == (name == 'AdaptFormer')


def test_ssf_scales_and_shifts():
    values = _values(dict(type='SSF'))
    assert {key.split('.', 2)[2]: len(value) for key, value in values.items()} == {
        f'{site}.{part}': size
        for site, size in dict(
            attn_in=3 * WIDTH, attn_out=WIDTH, mlp_in=4 * WIDTH, mlp_out=WIDTH
        ).items()
        for part in ('scale', 'shift')
    }
    for part, mean in (('scale', 1.0), ('shift', 0.0)):
        _assert_normal(torch.cat([v for k, v in values.items() if k.endswith(part)]), mean, 0.02)
