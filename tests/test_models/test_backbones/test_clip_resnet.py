"""The ResNet backbone equals open_clip's tower."""

import pytest
import torch

from clip_utils import RESNET, VIT, saved_clip
from deft_mm.models.backbones import CLIPResNet

BLOCKS = 5


@pytest.fixture
def clip_and_model(tmp_path):
    return saved_clip(RESNET, tmp_path)


def _trained(backbone):
    return {name for name, parameter in backbone.named_parameters() if parameter.requires_grad}


def test_features_equal_open_clips(clip_and_model):
    clip, model = clip_and_model
    backbone = CLIPResNet(clip, out_type='both').eval()
    images = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        token, projected = backbone(images)
        torch.testing.assert_close(projected, model.encode_image(images), rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(model.visual.attnpool.c_proj(token), projected)
    assert token.shape == (2, 8 * 32)


def test_state_dict_names_are_open_clips(clip_and_model):
    clip, model = clip_and_model
    assert set(CLIPResNet(clip).state_dict()) == set(model.visual.state_dict())


def test_any_resolution_gives_finite_features(clip_and_model):
    backbone = CLIPResNet(clip_and_model[0]).eval()
    for size in [(32, 32), (96, 64), (70, 100)]:
        (features,) = backbone(torch.randn(2, 3, *size))
        assert features.shape == (2, 24)
        assert features.isfinite().all()
    with pytest.raises(ValueError, match='too small'):
        backbone(torch.randn(2, 3, 16, 64))


@pytest.mark.parametrize('name', ['VPT', 'LoRA', 'Adapter', 'AdaptFormer'])
def test_methods_for_transformers_are_refused_by_name(name, clip_and_model):
    needed = dict(LoRA=dict(rank=2), Adapter=dict(dim=2), AdaptFormer=dict(dim=2)).get(name, {})
    with pytest.raises(ValueError, match=f'{name} does not fit CLIPResNet') as error:
        CLIPResNet(clip_and_model[0], peft=dict(type=name, **needed))
    for fitting in ('BitFit', 'FullFineTune', 'SSF'):
        assert fitting in str(error.value)


def test_trained_parameters_per_method(clip_and_model):
    clip, model = clip_and_model
    names = {name for name, _ in model.visual.named_parameters()}
    biases = {name for name in names if name.endswith('bias')}
    assert _trained(CLIPResNet(clip)) == set()
    assert _trained(CLIPResNet(clip, peft=dict(type='BitFit'))) == biases
    # The output projection reaches no token feature: DDP would wait for its gradient.
    token = CLIPResNet(clip, peft=dict(type='BitFit'), out_type='token')
    assert _trained(token) == biases - {'attnpool.c_proj.bias'}
    tuned = _trained(CLIPResNet(clip, peft=dict(type='FullFineTune')))
    assert tuned == {name for name in names if name.startswith('layer')}


def test_ssf_follows_every_batch_norm(clip_and_model):
    clip, model = clip_and_model
    norms = {
        name: module.num_features
        for name, module in model.visual.named_modules()
        if isinstance(module, torch.nn.BatchNorm2d)
    }
    backbone = CLIPResNet(clip, peft=dict(type='SSF'))
    sites = backbone.peft['ssf'].blocks
    assert {name: len(site.scale) for name, site in sites.items()} == {
        name.replace('.', '_'): channels for name, channels in norms.items()
    }
    last = CLIPResNet(clip, peft=dict(type='SSF', last_n_blocks=1)).peft['ssf'].blocks
    assert set(last) == {
        'layer4_0_bn1',
        'layer4_0_bn2',
        'layer4_0_bn3',
        'layer4_0_downsample_1',
    }
    with pytest.raises(ValueError, match=f'1..{BLOCKS}'):
        CLIPResNet(clip, peft=dict(type='SSF', last_n_blocks=BLOCKS + 1))


def test_ssf_scales_and_shifts_what_batch_norm_gives(clip_and_model):
    clip, model = clip_and_model
    backbone = CLIPResNet(clip, peft=dict(type='SSF')).eval()
    images = torch.randn(2, 3, 64, 64)
    # The same as scaling the batch norms' own weights and biases.
    with torch.no_grad():
        for name, module in model.visual.named_modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                site = backbone.peft['ssf'].blocks[name.replace('.', '_')]
                module.weight.mul_(site.scale)
                module.bias.mul_(site.scale).add_(site.shift)
        expected = model.encode_image(images)
        torch.testing.assert_close(backbone(images)[0], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize('name', ['SSF', 'BitFit', 'FullFineTune'])
@pytest.mark.parametrize('out_type', ['token', 'projected'])
def test_every_trained_parameter_gets_a_gradient(name, out_type, clip_and_model):
    backbone = CLIPResNet(clip_and_model[0], peft=dict(type=name), out_type=out_type).train()
    backbone(torch.randn(2, 3, 64, 64))[-1].square().sum().backward()
    for key, parameter in backbone.named_parameters():
        assert (parameter.grad is not None) == parameter.requires_grad, key


@pytest.mark.parametrize('peft', [None, dict(type='SSF'), dict(type='BitFit')])
def test_frozen_batch_norms_keep_their_statistics(peft, clip_and_model):
    backbone = CLIPResNet(clip_and_model[0], peft=peft).train()
    before = {name: value.clone() for name, value in backbone.named_buffers()}
    backbone(torch.randn(4, 3, 64, 64))
    assert all(torch.equal(value, before[name]) for name, value in backbone.named_buffers())


def test_full_fine_tuning_updates_statistics_of_trained_blocks_only(clip_and_model):
    backbone = CLIPResNet(clip_and_model[0], peft=dict(type='FullFineTune')).train()
    before = {name: value.clone() for name, value in backbone.named_buffers()}
    backbone(torch.randn(4, 3, 64, 64))
    for name, value in backbone.named_buffers():
        assert torch.equal(value, before[name]) == (not name.startswith('layer')), name
    assert not any(module.training for module in backbone.eval().modules())


def test_layer_depth_counts_stem_blocks_and_the_rest(clip_and_model):
    backbone = CLIPResNet(clip_and_model[0], peft=dict(type='SSF'))
    expected = {
        'conv1.weight': 0,
        'bn3.bias': 0,
        'peft.ssf.blocks.bn1.scale': 0,
        'layer1.0.conv1.weight': 1,
        'layer2.1.conv1.weight': 3,
        'peft.ssf.blocks.layer2_1_bn1.shift': 3,
        'layer4.0.bn1.weight': 5,
        'attnpool.c_proj.weight': 6,
    }
    assert set(expected) <= set(backbone.state_dict())
    for name, depth in expected.items():
        assert backbone.get_layer_depth(f'backbone.{name}', 'backbone.') == (depth, BLOCKS + 2)


def test_vit_is_refused_by_name():
    with pytest.raises(ValueError, match='use CLIPVisionTransformer'):
        CLIPResNet(dict(model=VIT))
