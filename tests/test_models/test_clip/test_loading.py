"""Towers equal open_clip's, one at a time, and misfits are refused."""

import copy
import gzip
import json
import pickle
from collections.abc import Callable
from pathlib import Path

import open_clip
import pytest
import torch
from open_clip.transformer import QuickGELU
from safetensors.torch import save_file

from clip_utils import RESNET, TEXT, VIT, random_clip, saved_clip
from deft_mm.models.clip import build_tokenizer, load_text_tower, load_visual_tower

TEXTS = ['a photo of a cat.', 'seven', 'a (bird of prey).']


def _activation(tower):
    return type(tower.transformer.resblocks[0].mlp.gelu)


@pytest.mark.parametrize('model_cfg', [VIT, RESNET])
def test_towers_equal_open_clips(model_cfg, tmp_path):
    clip, model = saved_clip(model_cfg, tmp_path)
    size = model_cfg['vision_cfg']['image_size']
    images, tokens = torch.randn(2, 3, size, size), build_tokenizer(clip)(TEXTS)
    visual, text = load_visual_tower(clip).eval(), load_text_tower(clip)
    with torch.no_grad():
        torch.testing.assert_close(visual(images), model.encode_image(images), rtol=0, atol=0)
        torch.testing.assert_close(text(tokens), model.encode_text(tokens), rtol=1e-5, atol=1e-5)
    assert text.logit_scale.item() == model.logit_scale.item()


@pytest.mark.parametrize('text_extra', [dict(), dict(proj_bias=True), dict(proj_type='none')])
def test_custom_text_clip_equals_open_clips(text_extra, tmp_path):
    cfg = dict(VIT, embed_dim=16, text_cfg=dict(TEXT, **text_extra), nonscalar_logit_scale=True)
    model = open_clip.CustomTextCLIP(**cfg).eval()
    torch.save(model.state_dict(), tmp_path / 'custom.pt')
    text = load_text_tower(
        dict(model=dict(cfg, custom_text=True), pretrained=str(tmp_path / 'custom.pt'))
    )
    tokens = text.tokenizer(TEXTS)
    with torch.no_grad():
        torch.testing.assert_close(text(tokens), model.encode_text(tokens), rtol=1e-5, atol=1e-5)
    assert text.logit_scale.shape == ()


def test_shorter_token_rows_give_the_same_text_features(tmp_path):
    text = load_text_tower(dict(model=VIT))
    tokens = text.tokenizer(TEXTS)
    torch.testing.assert_close(text(tokens[:, :20]), text(tokens), rtol=1e-5, atol=1e-6)


def test_text_tower_is_frozen_and_carries_its_sizes():
    text = load_text_tower(dict(model=VIT))
    assert not any(parameter.requires_grad for parameter in text.parameters())
    assert not text.training
    assert (text.width, text.context_length, text.embed_dim) == (16, 77, 24)
    assert 'logit_scale' in text.state_dict()
    assert 'attn_mask' not in text.state_dict()


def test_half_precision_checkpoints_become_fp32(tmp_path):
    model = random_clip(VIT).half()
    torch.save(model.state_dict(), tmp_path / 'half.pt')
    clip = dict(model=VIT, pretrained=str(tmp_path / 'half.pt'))
    towers = load_visual_tower(clip), load_text_tower(clip)
    assert {p.dtype for tower in towers for p in tower.state_dict().values()} == {torch.float32}
    assert torch.equal(towers[0].proj, model.visual.proj.float())


def test_random_visual_tower_is_initialised_as_open_clip_does():
    torch.manual_seed(5)
    expected = open_clip.CLIP(**VIT).visual.state_dict()
    torch.manual_seed(5)
    found = load_visual_tower(dict(model=VIT)).state_dict()
    assert all(torch.equal(found[name], value) for name, value in expected.items())


def test_folder_gives_model_weights_and_vocabulary(tmp_path):
    merges = ['#version: 0.2', 'c a', 'ca t</w>', 'd o']
    with gzip.open(tmp_path / 'bpe_simple_vocab_3.txt.gz', 'wt') as file:
        file.write('\n'.join(merges))
    cfg = dict(VIT, text_cfg=dict(TEXT, vocab_size=512 + 3 + 2))
    (tmp_path / 'open_clip_config.json').write_text(json.dumps(dict(model_cfg=cfg)))
    model = random_clip(cfg)
    save_file(model.state_dict(), tmp_path / 'open_clip_model.safetensors')
    clip = f'local-dir:{tmp_path}'
    text = load_text_tower(clip)
    assert text.tokenizer.encode('cat') == [513]
    tokens = build_tokenizer(clip)(['cat', 'dog'])
    with torch.no_grad():
        torch.testing.assert_close(text(tokens), model.encode_text(tokens), rtol=1e-5, atol=1e-5)


def test_vocabulary_of_another_size_is_refused():
    cfg = dict(VIT, text_cfg=dict(TEXT, vocab_size=600))
    with pytest.raises(ValueError, match='vocab_size is 600.*49408'):
        build_tokenizer(dict(model=cfg))


def test_openai_marks_mean_quick_gelu(tmp_path):
    model = random_clip(dict(VIT, quick_gelu=True))
    path = tmp_path / 'openai.pt'
    marks = dict(input_resolution=32, context_length=77, vocab_size=49408)
    torch.save(dict(model.state_dict(), **marks), path)
    clip = dict(model=VIT, pretrained=str(path))
    assert _activation(load_visual_tower(clip)) is QuickGELU
    assert _activation(load_text_tower(clip)) is QuickGELU
    for refused in (dict(clip, quick_gelu=False), dict(clip, model=dict(VIT, quick_gelu=False))):
        with pytest.raises(ValueError, match='OpenAI checkpoint'):
            load_visual_tower(refused)


def test_other_local_weights_keep_the_models_activation(tmp_path):
    clip, _ = saved_clip(VIT, tmp_path)
    assert _activation(load_visual_tower(clip)) is torch.nn.GELU
    assert _activation(load_text_tower(dict(clip, quick_gelu=True))) is QuickGELU


def test_position_embeddings_are_resized_as_open_clip_does(tmp_path):
    clip, _ = saved_clip(VIT, tmp_path)
    cfg = dict(
        VIT,
        vision_cfg=dict(VIT['vision_cfg'], image_size=48),
        text_cfg=dict(TEXT, context_length=40),
    )
    expected = open_clip.CLIP(**cfg)
    open_clip.load_checkpoint(expected, clip['pretrained'])
    resized = dict(clip, model=cfg)
    visual = load_visual_tower(resized)
    assert torch.equal(visual.positional_embedding, expected.visual.positional_embedding)
    assert torch.equal(
        load_visual_tower(clip, image_size=48).positional_embedding, visual.positional_embedding
    )
    text = load_text_tower(resized)
    assert torch.equal(text.positional_embedding, expected.positional_embedding)
    assert text.attn_mask.shape == (40, 40)


def test_local_weights_of_unknown_activation_must_say_it(tmp_path):
    clip, _ = saved_clip(VIT, tmp_path)
    with pytest.raises(ValueError, match=r'clip\.quick_gelu=True .*openai'):
        load_visual_tower(dict(clip, model='ViT-B-16'))
    # Said, by the name or the key, it goes on to the (here wrong) weights; so it does for a model
    # whose published weights all use GELU.
    for said in (
        dict(clip, model='ViT-B-16', quick_gelu=False),
        dict(clip, model='ViT-B-16-quickgelu'),
        dict(clip, model='ViT-B-32-256'),
    ):
        with pytest.raises(ValueError, match='does not fit'):
            load_visual_tower(said)


def test_text_tower_can_be_copied_and_pickled():
    text = load_text_tower(dict(model=VIT))
    tokens = text.tokenizer(TEXTS)
    for copied in (copy.deepcopy(text), pickle.loads(pickle.dumps(text))):
        assert torch.equal(copied(copied.tokenizer(TEXTS)), text(tokens))


@pytest.mark.parametrize('load', [load_visual_tower, load_text_tower])
def test_weights_of_another_model_are_refused(load, tmp_path):
    clip, model = saved_clip(VIT, tmp_path)
    deeper = dict(VIT, vision_cfg=dict(VIT['vision_cfg'], layers=4), text_cfg=dict(TEXT, layers=3))
    with pytest.raises(ValueError, match='missing, nothing unexpected'):
        load(dict(clip, model=deeper))
    shallower = dict(
        VIT, vision_cfg=dict(VIT['vision_cfg'], layers=2), text_cfg=dict(TEXT, layers=1)
    )
    with pytest.raises(ValueError, match='nothing missing'):
        load(dict(clip, model=shallower))
    with pytest.raises(ValueError, match=r'has shape .* expected'):
        load(dict(clip, model=dict(VIT, embed_dim=20)))


@pytest.mark.parametrize(
    ('model', 'found'),
    [
        ('roberta-ViT-B-32', 'Hugging Face text tower'),
        ('coca_ViT-B-32', 'CoCa'),
        ('ViT-B-16-SigLIP', 'SigLIP'),
        (dict(VIT, text_cfg=dict(TEXT, no_causal_mask=True)), 'causal mask'),
        (dict(VIT, text_cfg=dict(TEXT, pool_type='last')), "pool_type='last'"),
        (dict(VIT, text_cfg=dict(TEXT, hf_tokenizer_name='t5')), 'tokenizer'),
        (dict(VIT, text_cfg=dict(TEXT, qk_norm=True)), 'CustomResidualAttentionBlock'),
    ],
)
def test_other_text_towers_are_refused_by_name(model, found):
    with pytest.raises(ValueError, match=found):
        load_text_tower(dict(model=model))


def test_timm_visual_tower_is_refused_by_name():
    with pytest.raises(ValueError, match='convnext_base'):
        load_visual_tower(dict(model='convnext_base'))


def test_meta_device_needs_no_weights(monkeypatch):
    def fail(*args, **kwargs):
        raise AssertionError('tried to download')

    monkeypatch.setattr(open_clip, 'download_pretrained', fail)
    clip = dict(model='ViT-B-16', pretrained='openai')
    with torch.device('meta'):
        visual, text = load_visual_tower(clip), load_text_tower(clip)
    assert visual.proj.is_meta
    assert text.logit_scale.is_meta
    assert _activation(visual) is _activation(text) is QuickGELU


def _peak_bytes(function: Callable, mapped_file: str | None = None) -> int:
    """Most bytes of tensors that ``function`` has alive at once, its result included.

    From PyTorch's own record of every allocation and release. The record also has files that are
    mapped into memory, with their full size; these are left out, since the system reads only
    the pages that are asked for, and can drop them at any time.
    """
    mapped = -1 if mapped_file is None else Path(mapped_file).stat().st_size
    activities = [torch.profiler.ProfilerActivity.CPU]
    with torch.profiler.profile(activities=activities, profile_memory=True) as profiler:
        result = function()
    events = [e for e in profiler.profiler.kineto_results.events() if e.name() == '[memory]']
    alive = peak = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        if abs(event.nbytes()) != mapped:
            alive += event.nbytes()
            peak = max(peak, alive)
    del result
    return peak


@pytest.mark.parametrize('source', ['random', 'pt', 'safetensors'])
def test_backbone_then_text_tower_never_hold_more_than_one_clip(source, tmp_path):
    cfg = dict(
        VIT,
        vision_cfg=dict(VIT['vision_cfg'], width=128, layers=16),
        text_cfg=dict(TEXT, width=64, heads=4, layers=4),
    )
    clip, model = saved_clip(cfg, tmp_path)
    one_clip = sum(value.numel() * value.element_size() for value in model.state_dict().values())
    if source == 'random':
        clip['pretrained'] = None
    elif source == 'safetensors':
        clip['pretrained'] = str(tmp_path / 'weights.safetensors')
        save_file(model.state_dict(), clip['pretrained'])
    del model

    # What is measured: one whole model is seen as one, two as two.
    assert 0.95 < _peak_bytes(lambda: open_clip.CLIP(**cfg)) / one_clip < 1.1
    # Masks, stand-ins and the position embedding's initial values are small.
    file = clip['pretrained']
    peak = _peak_bytes(lambda: (load_visual_tower(clip), load_text_tower(clip)), file)
    assert 0.95 * one_clip < peak < 1.05 * one_clip


def test_loading_weights_leaves_the_random_state_alone(tmp_path):
    clip, _ = saved_clip(VIT, tmp_path)
    before = torch.get_rng_state()
    load_visual_tower(clip)
    load_text_tower(clip)
    assert torch.equal(torch.get_rng_state(), before)
