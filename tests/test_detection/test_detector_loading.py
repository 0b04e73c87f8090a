"""A detector comes back with the weights that it was trained to, or not at all."""

import pytest
import torch
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS

from deft_mm.detection import (
    build_detector,
    build_zero_shot_detector,
    detector_classes,
    load_checkpoint,
    preprocessor_of,
)
from deft_mm.models.training_context import TrainingContext
from runner_utils import same_state, tiny

CONFIG = 'deft/deft_digits_sym40.py'
NAMES = [f'class {i}' for i in range(10)]


@pytest.fixture(autouse=True)
def scope():
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        yield


@pytest.fixture
def cfg():
    return tiny(CONFIG, 'unused')


@pytest.fixture
def model(cfg):
    """A DeFT model that knows its classes."""
    model = MODELS.build(cfg.model)
    model.detector.head.set_class_names(NAMES)
    return model


def rebuild(cfg, checkpoint, class_names=None):
    return build_detector(cfg, checkpoint, preprocessor_of(cfg), class_names)


@pytest.mark.parametrize('stage', ['detector', 'classifier'])
def test_the_detector_of_a_deft_model_is_found_in_checkpoints_of_both_stages(stage, cfg, model):
    model.set_stage(stage)
    detector = rebuild(cfg, dict(state_dict=model.state_dict()))
    assert same_state(detector.state_dict(), model.detector.state_dict())
    assert not detector.training


def test_a_detector_saved_alone_or_as_a_data_parallel_module_is_found(cfg, model):
    alone = model.detector.state_dict()
    for state in (alone, {f'module.{name}': value for name, value in alone.items()}):
        assert same_state(rebuild(cfg, state).state_dict(), alone)


def test_a_plain_classifier_is_its_own_detector_whatever_its_loss_keeps():
    cfg = tiny('elr/elr_digits_sym40.py', 'unused')
    model = MODELS.build(cfg.model)
    model.head.loss_module.enter(TrainingContext(num_samples=24))
    state = model.state_dict()
    assert [name for name in state if name.startswith('head.loss')]
    detector = rebuild(cfg, dict(state_dict=state))
    assert torch.equal(detector.head.fc.weight, model.head.fc.weight)


def drop_one(state):
    del state['detector.head.prompts.pos_ctx']


def reshape_one(state):
    state['detector.head.prompts.pos_ctx'] = torch.zeros(3, 32)


def add_one(state):
    state['detector.backbone.peft.LoRA.down'] = torch.zeros(3)


def drop_all(state):
    for name in [name for name in state if name.startswith('detector.')]:
        del state[name]


@pytest.mark.parametrize(
    ('change', 'match'),
    [
        (drop_one, r'1 missing \(head.prompts.pos_ctx\)'),
        (reshape_one, r'1 of another shape \(head.prompts.pos_ctx \(3, 32\) instead of \(16, 32\)'),
        (add_one, r'1 unknown \(backbone.peft.LoRA.down\)'),
        (drop_all, 'does not hold the weights of the detector of .*missing.*unknown'),
    ],
)
def test_weights_that_do_not_fit_are_one_error_that_names_them(change, match, cfg, model):
    state = model.state_dict()
    change(state)
    with pytest.raises(ValueError, match=match):
        rebuild(cfg, dict(state_dict=state))


def test_new_prompts_take_the_trained_contexts_and_the_given_names(cfg, model):
    names = ['cat', 'guinea_pig', 'class 3']
    detector = rebuild(cfg, dict(state_dict=model.state_dict()), names)
    torch.testing.assert_close(detector.head.prompts.neg_ctx, model.detector.head.prompts.neg_ctx)
    with torch.no_grad():
        new_PCE = detector.head.text_features()
        old_PCE = model.eval().detector.head.text_features()
    assert new_PCE.shape[:2] == (2, 3)
    torch.testing.assert_close(new_PCE[:, 2], old_PCE[:, 3])
    assert detector.head.class_names == tuple(names)


def test_new_prompts_are_refused_where_contexts_or_weights_belong_to_a_class(cfg, model):
    cfg.model.detector.head.class_specific = True
    with pytest.raises(ValueError, match='class_specific=True'):
        rebuild(cfg, dict(state_dict=model.state_dict()), ['cat', 'dog'])
    plain = tiny('ce/ce_digits_sym40.py', 'unused')
    with pytest.raises(ValueError, match='the detector has a LinearClsHead'):
        rebuild(plain, MODELS.build(plain.model).state_dict(), ['cat', 'dog'])


def test_class_names_come_from_the_config_the_checkpoint_or_the_data(cfg):
    checkpoint = dict(meta=dict(dataset_meta=dict(classes=('cat', 'dog'))))
    cfg.model.detector.head.num_classes = None
    assert detector_classes(cfg, checkpoint) == ['cat', 'dog']
    assert cfg.model.detector.head.num_classes == 2
    assert detector_classes(cfg, {}) == NAMES
    cfg.model.detector.head.class_names = ['ox', 'cow']
    assert detector_classes(cfg, checkpoint) == ['ox', 'cow']


def test_unknown_class_names_are_asked_for(cfg):
    cfg.train_dataloader = None
    with pytest.raises(ValueError, match="set its head's class_names"):
        detector_classes(cfg, {})


def test_zero_shot_clip_is_that_of_the_config_without_what_training_adds(cfg, model):
    detector = build_zero_shot_detector(cfg, preprocessor_of(cfg), ['cat', 'dog'], 'a {}.', 0.5)
    assert not list(detector.backbone.peft.values()) and detector.backbone.out_type == 'projected'
    assert (detector.head.templates, detector.head.temperature) == (('a {}.',), 0.5)
    plain = tiny('ce/ce_digits_sym40.py', 'unused')
    image = torch.zeros(1, 3, 32, 32)
    shape = build_zero_shot_detector(plain, {}, ['cat', 'dog'])(image).shape
    assert shape == (1, 2)


def test_without_a_clip_or_a_detector_there_is_a_clear_error(cfg):
    cfg.model = dict(type='ImageClassifier', backbone=dict(type='ResNet'), head=dict(type='X'))
    with pytest.raises(ValueError, match='the backbone ResNet: give a config of DeFT'):
        build_zero_shot_detector(cfg, {}, ['cat', 'dog'])
    cfg.model = dict(type='TimmClassifier', model_name='resnet18')
    with pytest.raises(ValueError, match='no backbone and no head in its model'):
        rebuild(cfg, {})


@pytest.mark.parametrize('content', [torch.zeros(3), dict(meta=dict(epoch=1)), [1, 2]])
def test_a_file_without_weights_is_no_checkpoint(content, tmp_path):
    torch.save(content, tmp_path / 'x.pth')
    with pytest.raises(ValueError, match='x.pth (holds no weights|is none)'):
        load_checkpoint(str(tmp_path / 'x.pth'))
