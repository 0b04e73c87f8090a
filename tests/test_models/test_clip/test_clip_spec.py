"""What a ``clip`` config value resolves to, and how mistakes in it are told."""

import json
import urllib.error
import urllib.request

import huggingface_hub.constants
import open_clip
import pytest
from mmengine.config import ConfigDict

from clip_utils import VIT
from deft_mm.models.clip import clip_spec, resolve_clip


@pytest.mark.parametrize('name', ['ViT-B-16', 'ViT-B/16', 'ViT-B-16-quickgelu', 'RN50'])
def test_openai_weights_get_quick_gelu_under_every_name(name):
    assert resolve_clip(dict(model=name, pretrained='openai')).quick_gelu is True


def test_laion_weights_get_gelu():
    assert resolve_clip(dict(model='ViT-B-16', pretrained='laion2b_s34b_b88k')).quick_gelu is False


def test_activation_of_every_tag_is_that_of_its_training():
    for name, tag in open_clip.list_pretrained():
        base_cfg = open_clip.get_model_config(name.removesuffix('-quickgelu')) or {}
        trained = open_clip.get_pretrained_cfg(name, tag).get('quick_gelu')
        expected = base_cfg.get('quick_gelu', False) if trained is None else trained
        if name in open_clip.list_models():
            assert resolve_clip(dict(model=name, pretrained=tag)).quick_gelu is expected


@pytest.mark.parametrize(
    ('clip', 'key'),
    [
        (dict(model='ViT-B-16', pretrained='openai', quick_gelu=False), 'clip.quick_gelu=False'),
        (
            dict(model='ViT-B-16', pretrained='laion2b_s34b_b88k', quick_gelu=True),
            'clip.quick_gelu=True',
        ),
        (
            dict(model='ViT-B-16-quickgelu', pretrained='laion2b_s34b_b88k'),
            "clip.model='ViT-B-16-quickgelu'",
        ),
    ],
)
def test_activation_other_than_the_weights_is_refused(clip, key):
    with pytest.raises(ValueError, match='were trained with') as error:
        resolve_clip(clip)
    assert str(error.value).startswith(key)
    assert "use clip.model='ViT-B-16'" in str(error.value)


def test_name_and_explicit_activation_must_agree():
    with pytest.raises(ValueError, match='contradicts'):
        resolve_clip(dict(model='ViT-B-16-quickgelu', quick_gelu=False))
    with pytest.raises(ValueError, match='contradicts'):
        resolve_clip(dict(model=dict(VIT, quick_gelu=True), quick_gelu=False))
    assert resolve_clip(dict(model=VIT, quick_gelu=True)).quick_gelu is True
    assert resolve_clip(dict(model=VIT)).quick_gelu is None


def test_unknown_model_names_near_matches():
    with pytest.raises(ValueError, match='ViT-B-16') as error:
        resolve_clip(dict(model='ViT-B16', pretrained='openai'))
    assert "clip.model='ViT-B16'" in str(error.value)


def test_unknown_tag_names_the_known_ones():
    with pytest.raises(ValueError, match='openai') as error:
        resolve_clip(dict(model='ViT-B-16', pretrained='open_ai'))
    assert "clip.pretrained='open_ai'" in str(error.value)


def test_missing_file_and_folder_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'clip\.pretrained=.*nowhere\.pt'):
        resolve_clip(dict(model='ViT-B-16', pretrained=str(tmp_path / 'nowhere.pt')))
    with pytest.raises(FileNotFoundError, match=r'open_clip_config\.json'):
        resolve_clip(f'local-dir:{tmp_path}')
    (tmp_path / 'open_clip_config.json').write_text(json.dumps(dict(model_cfg=VIT)))
    with pytest.raises(FileNotFoundError, match='found: none'):
        resolve_clip(f'local-dir:{tmp_path}')


def test_folder_config_must_be_open_clips(tmp_path):
    config = tmp_path / 'open_clip_config.json'
    config.write_text('{')
    with pytest.raises(ValueError, match='not an open_clip config'):
        resolve_clip(f'local-dir:{tmp_path}')
    config.write_text(json.dumps(dict(model_cfg=dict(embed_dim=4))))
    with pytest.raises(ValueError, match="lacks 'vision_cfg'"):
        resolve_clip(f'local-dir:{tmp_path}')


def test_built_in_clips_have_weights_of_their_own():
    paths = [resolve_clip(name).path for name in ('tiny', 'tiny-weak')]
    assert [path.parent.name for path in paths] == ['tiny_clip', 'tiny_clip_weak']
    assert paths[0].read_bytes() != paths[1].read_bytes()


def test_folder_with_pretrained_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r'clip\.pretrained=None'):
        resolve_clip(dict(model=f'local-dir:{tmp_path}', pretrained='openai'))


def test_only_vocabulary_of_a_folder_is_taken_by_absolute_path(tmp_path, monkeypatch):
    (tmp_path / 'open_clip_config.json').write_text(json.dumps(dict(model_cfg=VIT)))
    (tmp_path / 'model.pth').touch()
    monkeypatch.chdir(tmp_path)
    assert resolve_clip('local-dir:.').bpe_path is None
    (tmp_path / 'bpe_simple_vocab.txt.gz').touch()
    spec = resolve_clip('local-dir:.')
    assert spec.bpe_path.is_absolute()
    assert spec.path.name == 'model.pth'
    (tmp_path / 'bpe_simple_vocab_2.txt.gz').touch()
    with pytest.raises(ValueError, match='several vocabularies'):
        resolve_clip('local-dir:.')


@pytest.mark.parametrize(
    ('clip', 'error', 'message'),
    [
        ('ViT-B-16', ValueError, "as a string only 'tiny', 'tiny-weak' and 'local-dir:/path'"),
        (3, TypeError, 'clip must be a dict'),
        (dict(), TypeError, 'clip.model must be'),
        (dict(model='ViT-B-16', weights='openai'), ValueError, "unknown key 'weights'"),
        (dict(model='ViT-B-16', pretrained=True), TypeError, 'clip.pretrained must be'),
        (dict(model='ViT-B-16', quick_gelu='yes'), TypeError, 'clip.quick_gelu must be'),
        (dict(model='hf-hub:a/b'), ValueError, 'local-dir:/path'),
        (dict(model=dict(VIT, heads=2)), ValueError, "unknown key 'heads'"),
        (dict(model=dict(VIT, vision_cfg=dict(widht=3))), ValueError, 'did you mean width'),
        (dict(model=VIT, pretrained='openai'), ValueError, 'no tags'),
    ],
)
def test_malformed_values_are_named(clip, error, message):
    with pytest.raises(error, match=message):
        resolve_clip(clip)


def test_config_objects_become_plain_dicts():
    spec = resolve_clip(ConfigDict(model=VIT))
    assert type(spec.model_cfg['vision_cfg']) is dict
    assert spec.model_cfg == VIT


def test_failed_download_says_the_local_way_out(monkeypatch):
    def no_network(*args, **kwargs):
        # The hub asks its cache alone, not the network for a minute and a half.
        assert huggingface_hub.constants.HF_HUB_OFFLINE
        raise OSError('no route to host')

    monkeypatch.setattr(open_clip, 'download_pretrained', no_network)
    monkeypatch.setattr(clip_spec, 'is_reachable', lambda address: False)
    before = huggingface_hub.constants.HF_HUB_OFFLINE
    spec = resolve_clip(dict(model='ViT-B-16', pretrained='openai'))
    with pytest.raises(FileNotFoundError) as error:
        spec.checkpoint_path()
    for part in ("clip.model='ViT-B-16'", "clip.pretrained='openai'", 'no route', 'local-dir:'):
        assert part in str(error.value)
    assert 'https://openaipublic' in str(error.value)
    assert before == huggingface_hub.constants.HF_HUB_OFFLINE


def test_an_answer_of_any_kind_is_a_network_and_none_is_not(monkeypatch):
    def refuse(*args, **kwargs):
        raise urllib.error.HTTPError('https://hub', 403, 'forbidden', {}, None)

    def fail(*args, **kwargs):
        raise urllib.error.URLError('no such name')

    monkeypatch.setattr(urllib.request, 'urlopen', refuse)
    assert clip_spec.is_reachable('https://hub')
    monkeypatch.setattr(urllib.request, 'urlopen', fail)
    assert not clip_spec.is_reachable('https://hub')


def test_download_goes_to_cache_dir(monkeypatch, tmp_path):
    asked = {}
    monkeypatch.setattr(clip_spec, 'is_reachable', lambda address: True)
    monkeypatch.setattr(
        open_clip,
        'download_pretrained',
        lambda cfg, cache_dir: asked.update(cache_dir=cache_dir) or str(tmp_path / 'weights.pt'),
    )
    spec = resolve_clip(dict(model='RN50', pretrained='openai', cache_dir='somewhere'))
    assert spec.checkpoint_path() == tmp_path / 'weights.pt'
    assert asked == dict(cache_dir='somewhere')
