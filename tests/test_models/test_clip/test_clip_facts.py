"""What a CLIP is called on a command line, and what is told of it without weights."""

import pytest

from clip_utils import clip_folder
from deft_mm.models.clip import clip_facts, clip_named

SMALL = dict(
    embed_dim=24,
    vision_cfg=dict(image_size=48, patch_size=16, width=32, layers=1, head_width=16),
    text_cfg=dict(context_length=77, vocab_size=49408, width=32, heads=2, layers=1),
)
OPENAI_MEAN = (122.7709, 116.746, 104.0937)


def test_names_of_a_command_line(tmp_path):
    clip_folder(SMALL, tmp_path)
    assert clip_named('tiny') == dict(model='tiny')
    assert clip_named('tiny-weak') == dict(model='tiny-weak')
    assert clip_named('ViT-B-16') == dict(model='ViT-B-16', pretrained='openai')
    named = clip_named('ViT-B-16:laion2b_s34b_b88k')
    assert named == dict(model='ViT-B-16', pretrained='laion2b_s34b_b88k')
    assert clip_named(str(tmp_path)) == dict(model=f'local-dir:{tmp_path}')
    assert clip_named(f'local-dir:{tmp_path}') == clip_named(str(tmp_path))
    weights = tmp_path / 'weights.safetensors'
    weights.write_bytes(b'')
    assert clip_named(f'ViT-B-16:{weights}')['pretrained'] == str(weights)


@pytest.mark.parametrize(
    ('text', 'error', 'match'),
    [
        ('tiny-week', ValueError, "'tiny-week' is not a model .* did you mean tiny"),
        ('ViT-B-61', ValueError, "'ViT-B-61' is not a model .* did you mean ViT-B-16"),
        ('ViT-B-16:openay', ValueError, "'openay' is neither a file nor a pretrained tag.*openai"),
        ('ViT-B-16:none/x.pt', FileNotFoundError, "'none/x.pt': there is no such file"),
        ('local-dir:/none', FileNotFoundError, 'open_clip_config.json does not exist'),
        ('hf-hub:some/model', ValueError, 'download the model and use local-dir:'),
    ],
)
def test_what_is_no_clip_is_one_sentence(text, error, match):
    with pytest.raises(error, match=match):
        clip_named(text)


def test_facts_are_those_of_the_description(tmp_path):
    vit, resnet = clip_facts(clip_named('ViT-B-16')), clip_facts(clip_named('RN50'))
    assert (vit.backbone, vit.image_size, vit.width) == ('CLIPVisionTransformer', (224, 224), 768)
    assert (resnet.backbone, resnet.width, resnet.embed_dim) == ('CLIPResNet', 2048, 1024)
    assert vit.mean == resnet.mean == OPENAI_MEAN
    clip_folder(SMALL, tmp_path, mean=[0.5, 0.5, 0.5], std=[0.25, 0.25, 0.5])
    small = clip_facts(clip_named(str(tmp_path)))
    assert (small.image_size, small.width, small.embed_dim) == ((48, 48), 32, 24)
    assert small.mean == (127.5, 127.5, 127.5) and small.std == (63.75, 63.75, 127.5)
