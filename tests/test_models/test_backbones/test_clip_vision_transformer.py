"""The ViT backbone equals open_clip's tower and the reference's tuned ones."""

import copy
import pickle
from functools import cache

import open_clip
import pytest
import torch
from mmengine.logging import MMLogger
from mmpretrain.registry import MODELS
from open_clip.transformer import ResidualAttentionBlock
from torch.nn import functional as F

import golden_utils
from clip_utils import RESNET, VIT, saved_clip
from deft_mm.models.backbones import CLIPVisionTransformer

DEPTH = 3


@pytest.fixture
def clip_and_model(tmp_path):
    return saved_clip(dict(VIT, quick_gelu=True), tmp_path)


def _vision(**changes):
    return dict(VIT, vision_cfg=dict(VIT['vision_cfg'], **changes))


@pytest.mark.parametrize(
    'model_cfg',
    [
        VIT,
        dict(VIT, quick_gelu=True),
        _vision(ls_init_value=0.1),
        _vision(no_ln_pre=True),
        _vision(final_ln_after_pool=True),
        _vision(pos_embed_type='sin_cos_2d', mlp_ratio=2.0),
    ],
    ids=['gelu', 'quick_gelu', 'layer_scale', 'no_ln_pre', 'ln_after_pool', 'sin_cos'],
)
def test_features_equal_open_clips(model_cfg, tmp_path):
    clip, model = saved_clip(model_cfg, tmp_path)
    backbone = CLIPVisionTransformer(clip, out_type='both').eval()
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        token, projected = backbone(images)
        torch.testing.assert_close(projected, model.encode_image(images), rtol=0, atol=1e-5)
        torch.testing.assert_close(token @ model.visual.proj, projected, rtol=0, atol=1e-5)


def test_out_type_chooses_the_features(clip_and_model):
    clip, _ = clip_and_model
    images = torch.randn(2, 3, 32, 32)
    both = CLIPVisionTransformer(clip, out_type='both')(images)
    (token,) = CLIPVisionTransformer(clip, out_type='token')(images)
    (projected,) = CLIPVisionTransformer(clip)(images)
    assert [feature.shape for feature in both] == [(2, 32), (2, 24)]
    assert torch.equal(token, both[0])
    assert torch.equal(projected, both[1])
    with pytest.raises(ValueError, match="out_type='patches'"):
        CLIPVisionTransformer(clip, out_type='patches')


@cache
def _golden(name):
    return golden_utils.load_golden(name)


@pytest.fixture(scope='module')
def golden_folder(tmp_path_factory):
    return tmp_path_factory.mktemp('golden')


@pytest.mark.parametrize('name', golden_utils.DETECTORS)
def test_golden_linear_head_on_tuned_features(name, golden_folder):
    golden = _golden(name)
    meta = golden['meta']
    backbone = CLIPVisionTransformer(
        golden_utils.golden_clip(meta, golden_folder),
        peft=golden_utils.golden_peft(meta),
        out_type='token',
    )
    golden_utils.load_tuner(backbone, golden)
    (token,) = backbone(torch.from_numpy(golden['images']))
    head = (torch.from_numpy(golden[f'tuner/head.{part}']) for part in ('weight', 'bias'))
    golden_utils.assert_close(F.linear(token, *head), golden['head_logits'], name)


@pytest.mark.parametrize('name', golden_utils.DETECTORS)
def test_trained_parameters_are_those_of_the_golden_files(name, golden_folder):
    golden = _golden(name)
    meta = golden['meta']
    with torch.device('meta'):
        backbone = CLIPVisionTransformer(
            golden_utils.golden_clip(meta, golden_folder), peft=golden_utils.golden_peft(meta)
        )
    trained = {id(p) for p in backbone.parameters() if p.requires_grad}
    found = {name: p for name, p in golden_utils.named_golden_parameters(backbone)}
    assert {id(p) for p in found.values()} == trained
    if name == 'finetune':  # its gradients are not stored: all of the residual blocks
        blocks = backbone.transformer.resblocks
        assert trained == {id(p) for p in blocks.parameters()}
        return
    grads = {
        key.removeprefix('main/grad/'): value.shape
        for key, value in golden.items()
        if key.startswith('main/grad/') and not key.endswith('_ctx')
    }
    assert {name: tuple(p.shape) for name, p in found.items()} == grads


def test_state_dict_names_are_open_clips_and_peft(clip_and_model):
    clip, model = clip_and_model
    backbone = CLIPVisionTransformer(clip, peft=dict(type='VPT', num_tokens=2))
    names = set(backbone.state_dict())
    tuned = {f'peft.vpt.tokens.{i}' for i in range(DEPTH)}
    assert names == set(model.visual.state_dict()) | tuned


def test_everything_is_frozen_without_peft(clip_and_model):
    backbone = CLIPVisionTransformer(clip_and_model[0])
    assert not any(parameter.requires_grad for parameter in backbone.parameters())


def test_log_says_how_many_parameters_are_trained(clip_and_model):
    records = []
    logger = MMLogger.get_instance('trained_parameters')
    logger.addFilter(lambda record: records.append(record.getMessage()) or True)
    backbone = CLIPVisionTransformer(clip_and_model[0], peft=dict(type='VPT', num_tokens=2))
    total = sum(parameter.numel() for parameter in backbone.parameters())
    trained = 2 * 32 * DEPTH
    assert any(f'(VPT): {trained:,} / {total:,} parameters' in record for record in records)


def test_any_resolution_gives_finite_features(clip_and_model):
    backbone = CLIPVisionTransformer(clip_and_model[0]).eval()
    for size in [(48, 48), (24, 64), (8, 8), (35, 50)]:
        (features,) = backbone(torch.randn(2, 3, *size))
        assert features.shape == (2, 24)
        assert features.isfinite().all()
    with pytest.raises(ValueError, match='smaller than one patch'):
        backbone(torch.randn(2, 3, 4, 32))


def test_other_resolution_equals_open_clip_loaded_for_it(clip_and_model):
    clip, _ = clip_and_model
    cfg = copy.deepcopy(clip['model'])
    cfg['vision_cfg']['image_size'] = [24, 56]
    model = open_clip.CLIP(**cfg).eval()
    open_clip.load_checkpoint(model, clip['pretrained'])
    images = torch.randn(2, 3, 24, 56)
    native = CLIPVisionTransformer(clip).eval()
    stored = CLIPVisionTransformer(clip, img_size=(24, 56)).eval()
    with torch.no_grad():
        expected = model.encode_image(images)
        torch.testing.assert_close(native(images)[0], expected, rtol=0, atol=1e-5)
        torch.testing.assert_close(stored(images)[0], expected, rtol=0, atol=1e-5)
    assert len(stored.positional_embedding) == 1 + 3 * 7


def test_position_embedding_follows_loaded_weights(clip_and_model):
    backbone = CLIPVisionTransformer(clip_and_model[0]).eval()
    images = torch.randn(2, 3, 48, 48)
    before = backbone(images)[0]
    state = backbone.state_dict()
    state['positional_embedding'] = state['positional_embedding'] + torch.randn(17, 32)
    backbone.load_state_dict(state)
    assert not torch.allclose(before, backbone(images)[0], atol=1e-3)


def test_gradient_checkpointing_changes_memory_only(clip_and_model, monkeypatch):
    clip, _ = clip_and_model
    calls = []
    run_block = CLIPVisionTransformer._run_block
    monkeypatch.setattr(
        CLIPVisionTransformer,
        '_run_block',
        lambda self, x, i: calls.append(i) or run_block(self, x, i),
    )
    images = torch.randn(2, 3, 32, 32)
    results = []
    for recompute in (False, True):
        torch.manual_seed(0)
        peft = [dict(type='VPT', num_tokens=2), dict(type='LoRA', rank=2)]
        backbone = CLIPVisionTransformer(clip, peft=peft, grad_checkpointing=recompute)
        calls.clear()
        backbone(images)[0].square().sum().backward()
        # Every block runs again in the backward pass, and only then.
        assert len(calls) == (2 if recompute else 1) * DEPTH
        results.append({n: p.grad for n, p in backbone.named_parameters() if p.requires_grad})
        calls.clear()
        backbone.eval()(images)
        assert len(calls) == DEPTH
    for name, grad in results[0].items():
        torch.testing.assert_close(results[1][name], grad)


@pytest.mark.parametrize(
    ('peft', 'stem', 'blocks'),
    [
        (None, False, [False, False, False]),
        (dict(type='VPT', num_tokens=2), False, [True, True, True]),
        (dict(type='VPT', num_tokens=2, last_n_blocks=1), False, [False, False, True]),
        (dict(type='LoRA', rank=2, last_n_blocks=2), False, [False, True, True]),
        (dict(type='FullFineTune'), False, [True, True, True]),
        (dict(type='BitFit'), True, [True, True, True]),  # the bias of ln_pre
    ],
    ids=lambda value: value.get('type', '') if isinstance(value, dict) else None,
)
def test_nothing_is_recorded_or_kept_below_the_first_tuned_block(
    clip_and_model, monkeypatch, peft, stem, blocks
):
    records, kept = [], []

    def spy(name):
        compute = getattr(CLIPVisionTransformer, name)

        def watched(self, *args):
            before = len(kept)
            out = compute(self, *args)
            records.append((out.requires_grad, len(kept) > before))
            return out

        monkeypatch.setattr(CLIPVisionTransformer, name, watched)

    spy('_embed')
    spy('_run_block')
    backbone = CLIPVisionTransformer(clip_and_model[0], peft=peft)
    with torch.autograd.graph.saved_tensors_hooks(lambda x: kept.append(1) or x, lambda x: x):
        backbone(torch.randn(2, 3, 32, 32))
    assert records == [(recorded, recorded) for recorded in [stem, *blocks]]


def test_last_block_computes_the_class_token_alone_behind_its_keys_and_values(clip_and_model):
    backbone = CLIPVisionTransformer(clip_and_model[0], peft=dict(type='VPT', num_tokens=2))
    seen = []
    for block in backbone.residual_blocks():
        block.mlp.c_fc.register_forward_hook(lambda m, inputs, out: seen.append(inputs[0].shape[1]))
    backbone(torch.randn(2, 3, 32, 32))
    assert seen == [1 + 2 + 16, 1 + 2 + 16, 1]


def test_gradients_of_all_blocks_equal_open_clips(clip_and_model):
    clip, model = clip_and_model
    backbone = CLIPVisionTransformer(clip, peft=dict(type='FullFineTune'))
    images, upstream = torch.randn(2, 3, 32, 32), torch.randn(2, 24)
    trained = {name: p for name, p in backbone.named_parameters() if p.requires_grad}
    expected = dict(model.visual.named_parameters())
    found = torch.autograd.grad(backbone(images)[0], list(trained.values()), upstream)
    wanted = torch.autograd.grad(
        model.encode_image(images), [expected[name] for name in trained], upstream
    )
    for name, grad, other in zip(trained, found, wanted, strict=True):
        torch.testing.assert_close(grad, other, rtol=1e-4, atol=1e-5, msg=name)


def test_autocast_keeps_weights_and_gradients_in_fp32(clip_and_model):
    peft = [dict(type='VPT', num_tokens=2), dict(type='SSF'), dict(type='LoRA', rank=2)]
    backbone = CLIPVisionTransformer(clip_and_model[0], peft=peft, out_type='token')
    images = torch.randn(2, 3, 32, 32)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        (token,) = backbone(images)
    assert token.dtype == torch.float32
    token.square().sum().backward()
    trained = [p for p in backbone.parameters() if p.requires_grad]
    assert {p.dtype for p in backbone.parameters()} == {torch.float32}
    assert {p.grad.dtype for p in trained} == {torch.float32}
    torch.testing.assert_close(token, backbone(images)[0], rtol=0.1, atol=0.1)


def test_layer_depth_counts_stem_blocks_and_the_rest(clip_and_model):
    peft = [dict(type='VPT', num_tokens=2), dict(type='LoRA', rank=2)]
    backbone = CLIPVisionTransformer(clip_and_model[0], peft=peft)
    expected = {
        'class_embedding': 0,
        'conv1.weight': 0,
        'ln_pre.bias': 0,
        'transformer.resblocks.0.ln_1.weight': 1,
        'transformer.resblocks.2.mlp.c_fc.bias': 3,
        'peft.vpt.tokens.1': 2,
        'peft.lora.blocks.2.q.A': 3,
        'ln_post.weight': 4,
        'proj': 4,
    }
    assert set(expected) <= set(backbone.state_dict())
    for name, depth in expected.items():
        assert backbone.get_layer_depth(f'backbone.{name}', 'backbone.') == (depth, 5)
    assert backbone.get_layer_depth('head.fc.weight', 'backbone.') == (4, 5)


@pytest.mark.parametrize(
    ('model_cfg', 'message'),
    [
        (RESNET, 'use CLIPResNet'),
        (_vision(patch_dropout=0.5), 'patch_dropout=0.5'),
        (_vision(pool_type='avg'), "pool_type='avg'"),
        (_vision(attentional_pool=True), 'attentional_pool'),
        (_vision(scale_heads=True), 'CustomResidualAttentionBlock'),
    ],
)
def test_other_towers_are_refused_by_name(model_cfg, message):
    with pytest.raises(ValueError, match=message):
        CLIPVisionTransformer(dict(model=model_cfg))


def test_registered_backbone_builds_on_the_meta_device():
    cfg = dict(
        type='CLIPVisionTransformer',
        clip=dict(model='ViT-B-16', pretrained='openai'),
        peft=dict(type='VPT'),
    )
    with torch.device('meta'):
        backbone = MODELS.build(cfg)
    assert all(parameter.is_meta for parameter in backbone.parameters())
    assert sum(p.numel() for p in backbone.parameters() if p.requires_grad) == 12 * 20 * 768


def test_init_weights_keeps_the_loaded_weights(clip_and_model):
    backbone = CLIPVisionTransformer(clip_and_model[0], peft=dict(type='VPT', num_tokens=2))
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    backbone.init_weights()
    assert all(torch.equal(value, before[name]) for name, value in backbone.state_dict().items())


def test_backbone_can_be_copied_and_pickled(clip_and_model):
    backbone = CLIPVisionTransformer(clip_and_model[0], peft=dict(type='VPT', num_tokens=2)).eval()
    images = torch.randn(2, 3, 32, 32)
    for copied in (copy.deepcopy(backbone), pickle.loads(pickle.dumps(backbone))):
        assert torch.equal(copied(images)[0], backbone(images)[0])
        assert isinstance(copied.transformer.resblocks[0], ResidualAttentionBlock)
