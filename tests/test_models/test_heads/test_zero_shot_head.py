"""ZeroShotHead: CLIP's own zero-shot classifier."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample

import deft_mm.models.backbones
import deft_mm.models.heads  # noqa: F401  (registers backbone and head)

NAMES = ['apple', 'maple_tree', 'dog']
CLIP = dict(
    model=dict(
        embed_dim=8,
        vision_cfg=dict(image_size=16, patch_size=8, layers=1, width=64),
        text_cfg=dict(context_length=16, vocab_size=49408, width=16, heads=2, layers=2),
    )
)


def build(**cfg):
    torch.manual_seed(0)
    cfg = dict(dict(type='ZeroShotHead', clip=CLIP, num_classes=3, class_names=NAMES), **cfg)
    return MODELS.build(cfg).eval()


def features():
    return (torch.randn(5, 8, generator=torch.Generator().manual_seed(1)),)


@torch.no_grad()
def class_features(head, template):
    texts = [template.format(name.replace('_', ' ')) for name in NAMES]
    return F.normalize(head.text(head.text.tokenizer(texts)), dim=-1)


@torch.no_grad()
def test_logits_are_scaled_cosines_with_the_features_of_the_template():
    head = build(template='a drawing of the {}.')
    cosines = F.normalize(features()[0], dim=-1) @ class_features(head, 'a drawing of the {}.').T
    torch.testing.assert_close(head(features()), head.text.logit_scale.exp() * cosines)


@torch.no_grad()
def test_temperature_divides_the_cosines_and_keeps_the_prediction():
    own, cold = build(), build(temperature=0.5)
    torch.testing.assert_close(cold(features()) * 0.5 * own.text.logit_scale.exp(), own(features()))
    labels = [[s.pred_label.item() for s in head.predict(features())] for head in (own, cold)]
    assert labels[0] == labels[1]


@torch.no_grad()
def test_cosine_similarity_does_not_depend_on_the_temperature():
    own, cold = build(), build(temperature=0.5)
    expected = F.normalize(features()[0], dim=-1) @ class_features(own, 'a photo of a {}.').T
    for head in (own, cold):
        torch.testing.assert_close(head.cosine_similarity(features()), expected)


@torch.no_grad()
def test_features_of_several_templates_are_averaged():
    templates = ['a photo of a {}.', 'the {}']
    head = build(template=templates)
    mean = (class_features(head, templates[0]) + class_features(head, templates[1])) / 2
    torch.testing.assert_close(head.text_features(), F.normalize(mean, dim=-1))


def test_classifier_predicts_scores_and_trains_the_backbone_without_encoding_again(monkeypatch):
    model = MODELS.build(
        dict(
            type='ImageClassifier',
            backbone=dict(
                type='CLIPVisionTransformer', clip=CLIP, peft=dict(type='VPT', num_tokens=2)
            ),
            head=dict(type='ZeroShotHead', clip=CLIP, num_classes=3, class_names=NAMES),
        )
    )
    images = torch.randn(4, 3, 16, 16)
    scores = torch.stack([sample.pred_score for sample in model(images, mode='predict')])
    torch.testing.assert_close(scores.sum(dim=1), torch.ones(4))

    monkeypatch.setattr(model.head, '_encode', lambda: pytest.fail('encoded again'))
    losses = model(images, [DataSample().set_gt_label(i % 3) for i in range(4)], mode='loss')
    losses['loss'].backward()
    gradients = [p.grad for p in model.parameters() if p.requires_grad]
    assert gradients and all(grad.any() for grad in gradients)


def test_accuracy_of_a_training_batch_is_logged_if_asked_for():
    head = build(cal_acc=True, topk=2)
    labels = [sample.pred_label.item() for sample in build().predict(features())]
    samples = [DataSample().set_gt_label(label) for label in labels]
    losses = head.loss(features(), samples)
    assert losses['accuracy_top-2'] == 100 and set(losses) == {'loss', 'accuracy_top-2'}
    assert set(build().loss(features(), samples)) == {'loss'}


def test_checkpoint_predicts_without_names():
    loaded, original = build(class_names=None), build()
    loaded.load_state_dict(original.state_dict())
    torch.testing.assert_close(loaded(features()), original(features()))


@pytest.mark.parametrize(
    ('cfg', 'message'),
    [
        (dict(template='a photo'), "template is 'a photo'"),
        (dict(template=['{} {}']), 'once in every template'),
        (dict(template=[]), 'template'),
        (dict(temperature=0), 'temperature is 0'),
        (dict(class_names=['a', 'b', 'long ' * 12]), "'long long .*too long.*16 tokens"),
        (dict(class_names=['a']), 'num_classes=3, but 1 class names'),
    ],
)
def test_wrong_setting_is_one_clear_error(cfg, message):
    with pytest.raises(ValueError, match=message):
        build(**cfg)


def test_missing_names_are_a_clear_error():
    with pytest.raises(ValueError, match='set class_names'):
        build(class_names=None).predict(features())
