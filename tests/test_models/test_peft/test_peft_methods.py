"""What holds for every tuning method, alone and in a list."""

from types import SimpleNamespace

import pytest
import torch
from mmpretrain.registry import MODELS

from clip_utils import VIT
from deft_mm.models.backbones import CLIPVisionTransformer
from deft_mm.models.peft import SSF, PEFTMethod, known_methods

CLIP = dict(model=VIT)
METHODS = dict(
    vpt_deep=dict(type='VPT', num_tokens=2),
    vpt_shallow=dict(type='VPT', num_tokens=2, deep=False),
    lora=dict(type='LoRA', rank=2),
    adapter=dict(type='Adapter', dim=4),
    adapter_replace=dict(type='Adapter', dim=4, mode='replace'),
    adapt_former=dict(type='AdaptFormer', dim=4),
    adapt_former_parallel=dict(type='AdaptFormer', dim=4, parallel=True),
    ssf=dict(type='SSF'),
    bit_fit=dict(type='BitFit'),
    full_fine_tune=dict(type='FullFineTune'),
)
PARTIAL = ('vpt_deep', 'lora', 'adapter', 'adapt_former', 'ssf')


def _backbone(peft, **options):
    torch.manual_seed(0)
    return CLIPVisionTransformer(CLIP, peft=peft, **options)


def _trained(backbone):
    return {name for name, parameter in backbone.named_parameters() if parameter.requires_grad}


@pytest.mark.parametrize('out_type', ['token', 'projected'])
@pytest.mark.parametrize('name', METHODS)
def test_exactly_the_trained_parameters_get_gradients(name, out_type):
    backbone = _backbone(METHODS[name], out_type=out_type)
    assert _trained(backbone)
    backbone(torch.randn(2, 3, 32, 32))[-1].square().sum().backward()
    for key, parameter in backbone.named_parameters():
        assert (parameter.grad is not None) == parameter.requires_grad, key
        if key.startswith('peft.'):
            assert parameter.requires_grad, key


@pytest.mark.parametrize('name', METHODS)
def test_a_step_changes_the_features(name):
    backbone = _backbone(METHODS[name])
    images = torch.randn(2, 3, 32, 32)
    before = backbone(images)[0]
    optimizer = torch.optim.SGD([p for p in backbone.parameters() if p.requires_grad], lr=0.1)
    for _ in range(2):  # where one factor starts at zero, the other moves in the second step
        optimizer.zero_grad()
        backbone(images)[0].square().sum().backward()
        optimizer.step()
    assert not torch.allclose(backbone(images)[0], before, atol=1e-4)


@pytest.mark.parametrize(
    'name', ['lora', 'adapter', 'adapt_former', 'adapt_former_parallel', 'bit_fit']
)
def test_methods_that_start_at_zero_leave_the_features_unchanged(name):
    images = torch.randn(2, 3, 32, 32)
    assert torch.equal(_backbone(METHODS[name])(images)[0], _backbone(None)(images)[0])


@pytest.mark.parametrize('name', PARTIAL)
def test_last_n_blocks_tunes_these_only(name):
    backbone = _backbone(dict(METHODS[name], last_n_blocks=2))
    assert {key.split('.')[3] for key in _trained(backbone)} == {'1', '2'}
    for bad in (0, 4, -1):
        with pytest.raises(ValueError, match=rf'last_n_blocks={bad}.*1\.\.3'):
            _backbone(dict(METHODS[name], last_n_blocks=bad))
    with pytest.raises(TypeError, match='last_n_blocks'):
        _backbone(dict(METHODS[name], last_n_blocks=1.5))


def test_tuned_blocks_are_counted_from_the_output():
    backbone = SimpleNamespace(num_layers=3)
    for last_n_blocks, tuned in ((None, [0, 1, 2]), (1, [2]), (3, [0, 1, 2])):
        assert list(SSF(last_n_blocks).tuned(backbone)) == tuned


def test_a_list_trains_the_union_and_runs_in_order():
    names = ['vpt_deep', 'lora', 'adapter', 'adapt_former', 'ssf', 'bit_fit']
    backbone = _backbone([METHODS[name] for name in names])
    alone = [_trained(_backbone(METHODS[name])) for name in names]
    assert _trained(backbone) == set().union(*alone)
    assert list(backbone.peft) == ['vpt', 'lora', 'adapter', 'adaptformer', 'ssf', 'bitfit']
    backbone(torch.randn(2, 3, 32, 32))[0].square().sum().backward()
    for key, parameter in backbone.named_parameters():
        assert (parameter.grad is not None) == parameter.requires_grad, key


def test_biases_of_other_methods_are_not_counted_as_the_towers():
    composed = _backbone([METHODS['adapter'], METHODS['bit_fit']])
    assert not any(name.startswith('peft.') for name, _ in composed.used_parameters())
    tower = {name for name in _trained(composed) if not name.startswith('peft.')}
    assert tower == _trained(_backbone(METHODS['bit_fit']))


def test_order_of_the_list_matters_where_methods_meet():
    images = torch.randn(2, 3, 32, 32)
    features = []
    for names in (['ssf', 'lora'], ['lora', 'ssf']):
        backbone = CLIPVisionTransformer(CLIP, peft=[METHODS[name] for name in names])
        generator = torch.Generator().manual_seed(1)
        with torch.no_grad():
            for _, parameter in sorted(backbone.named_parameters()):
                parameter.copy_(0.3 * torch.randn(parameter.shape, generator=generator))
        features.append(backbone(images)[0])
    assert not torch.allclose(*features)


@pytest.mark.parametrize('name', ['VTP', 'ResNet', None])
def test_unknown_method_names_the_known_ones(name):
    with pytest.raises(ValueError, match='not a tuning method') as error:
        _backbone(dict(type=name))
    for known in ('AdaptFormer', 'Adapter', 'BitFit', 'FullFineTune', 'LoRA', 'SSF', 'VPT'):
        assert known in str(error.value)


def test_malformed_peft_is_refused():
    with pytest.raises(TypeError, match='peft must be a dict'):
        _backbone('VPT')
    with pytest.raises(TypeError, match='peft must be a dict'):
        _backbone(['VPT'])
    with pytest.raises(ValueError, match='VPT is named twice'):
        _backbone([METHODS['vpt_deep'], METHODS['vpt_shallow']])


def test_bit_fit_trains_every_bias_and_nothing_else():
    backbone = _backbone(METHODS['bit_fit'])
    trained = _trained(backbone)
    assert trained == {name for name in backbone.state_dict() if name.endswith('bias')}
    assert {'ln_pre.bias', 'ln_post.bias', 'transformer.resblocks.0.attn.in_proj_bias'} <= trained


def test_full_fine_tuning_trains_the_residual_blocks_only():
    backbone = _backbone(METHODS['full_fine_tune'])
    blocks = {name for name in backbone.state_dict() if name.startswith('transformer.resblocks.')}
    assert _trained(backbone) == blocks


def test_a_users_own_method_needs_the_interface_only():
    class Doubling(PEFTMethod):
        def on_attn_out(self, out_BTD, block):
            return 2 * out_BTD

    MODELS.register_module(module=Doubling)
    try:
        assert 'Doubling' in known_methods()
        images = torch.randn(2, 3, 32, 32)
        doubled = _backbone(dict(type='Doubling'))
        plain = _backbone(None)
        with torch.no_grad():
            for block in plain.transformer.resblocks:
                block.attn.out_proj.weight.mul_(2)
                block.attn.out_proj.bias.mul_(2)
        torch.testing.assert_close(doubled(images)[0], plain(images)[0])
    finally:
        del MODELS.module_dict['Doubling']
