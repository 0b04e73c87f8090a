"""DualPromptHead: losses by recipe and epoch, prediction, class names, cached features."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from mmengine.hooks import EMAHook
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch.utils._python_dispatch import TorchDispatchMode

import deft_mm.models  # noqa: F401  (registers head and backbone)
from deft_mm.models.training_context import TrainingContext

NAMES = ['apple', 'maple_tree', '(bird of prey)']
CLIP = dict(
    model=dict(
        embed_dim=8,
        vision_cfg=dict(image_size=8, patch_size=8, layers=1, width=64),
        text_cfg=dict(context_length=16, vocab_size=49408, width=16, heads=2, layers=2),
    )
)


def build(**cfg):
    torch.manual_seed(0)
    cfg = dict(dict(type='DualPromptHead', clip=CLIP, num_classes=3, n_ctx=4), **cfg)
    cfg.setdefault('class_names', NAMES)
    cfg.setdefault('ctx_init_std', 0.5)
    return MODELS.build(cfg)


def features(n=12):
    return (torch.randn(n, 8, generator=torch.Generator().manual_seed(1)),)


def samples(labels):
    return [DataSample().set_gt_label(label) for label in labels]


LABELS = [0, 1, 2] * 4


def detector(key, augments):
    """A whole classifier; ``augments`` stand where one may write them."""
    preprocessor = dict(num_classes=3)
    if augments is not None and key == 'data_preprocessor':
        preprocessor['batch_augments'] = dict(augments=augments)
    torch.manual_seed(0)
    return MODELS.build(
        dict(
            type='ImageClassifier',
            backbone=dict(type='CLIPVisionTransformer', clip=CLIP),
            head=dict(type='DualPromptHead', clip=CLIP, num_classes=3, n_ctx=4, class_names=NAMES),
            data_preprocessor=preprocessor,
            train_cfg=dict(augments=augments) if augments and key == 'train_cfg' else None,
        )
    )


def image_batch():
    images = torch.randint(0, 256, (6, 3, 8, 8), generator=torch.Generator().manual_seed(0))
    return dict(inputs=images.to(torch.uint8), data_samples=samples([0, 1, 2] * 2))


def fix_complementary_labels(head):
    head.draw_complementary_labels = lambda labels: (labels + 1) % 3


# -- losses -----------------------------------------------------------------------


@pytest.mark.parametrize('augment', ['Mixup', 'CutMix', 'ResizeMix'])
@pytest.mark.parametrize('key', ['data_preprocessor', 'train_cfg'])
def test_mixed_labels_are_refused_wherever_the_config_asks_for_them(augment, key):
    model, batch = detector(key, augments=dict(type=augment, alpha=1.0)), image_batch()
    torch.manual_seed(0)
    with pytest.raises(ValueError, match=r'data_preprocessor\.batch_augments \(or train_cfg'):
        model(**model.data_preprocessor(batch, True), mode='loss')


def test_one_hot_labels_are_no_mixed_ones():
    model = detector('data_preprocessor', None)
    torch.manual_seed(0)
    expected = model(**model.data_preprocessor(image_batch(), True), mode='loss')
    model.data_preprocessor.to_onehot = True
    data = model.data_preprocessor(image_batch(), True)
    assert data['data_samples'][0].gt_score.tolist() == [1, 0, 0]
    torch.manual_seed(0)
    assert model(**data, mode='loss') == expected


@pytest.mark.parametrize('topk', [2, (1, 2)])
def test_accuracy_of_a_training_batch_is_that_of_the_positive_logits(topk):
    head = build(cal_acc=True, topk=topk)
    losses = head.loss(features(), samples(LABELS))
    head.cal_acc = False
    logits, labels = head(features()), torch.tensor(LABELS)
    found = {name: value for name, value in losses.items() if name.startswith('accuracy')}
    for k in head.topk:
        expected = 100 * (logits.topk(k).indices == labels[:, None]).any(1).float().mean()
        torch.testing.assert_close(found.pop(f'accuracy_top-{k}'), expected[None])
    assert not found and 'accuracy_top-1' not in head.loss(features(), samples(LABELS))


def test_negative_learning_moves_the_negative_context_alone():
    head = build()
    feats = (features()[0].requires_grad_(),)
    losses = head.loss(feats, samples(LABELS))
    (losses['loss_neg_complementary'] + losses['loss_neg_positive']).backward()
    assert head.prompts.neg_ctx.grad.any()
    for tensor in (head.prompts.pos_ctx, feats[0]):
        assert tensor.grad is None or not tensor.grad.any()


def test_classification_loss_moves_the_positive_context_and_the_backbone_alone():
    head = build()
    feats = (features()[0].requires_grad_(),)
    head.loss(feats, samples(LABELS))['loss_cls'].backward()
    assert head.prompts.pos_ctx.grad.any() and feats[0].grad.any()
    assert head.prompts.neg_ctx.grad is None or not head.prompts.neg_ctx.grad.any()


def test_cautious_recipe_trains_the_negative_context_alone():
    head = build(recipe='cautious', ctx_init='a photo of a')
    trained = {name for name, parameter in head.named_parameters() if parameter.requires_grad}
    assert trained == {'prompts.neg_ctx'}
    reference = build(ctx_init='a photo of a', warmup_epochs=3)
    for epoch in range(5):
        for each in (head, reference):
            each.enter(TrainingContext(epoch=epoch))
            fix_complementary_labels(each)
        losses, expected = (each.loss(features(), samples(LABELS)) for each in (head, reference))
        assert expected.pop('loss_cls') > 0
        torch.testing.assert_close(losses, expected)
    sum(value for name, value in losses.items() if 'loss' in name).backward()
    assert head.prompts.neg_ctx.grad.any() and head.prompts.pos_ctx.grad is None


def test_cautious_recipe_needs_words_and_a_backbone_that_rests():
    with pytest.raises(ValueError, match="recipe is 'cautious'.*set ctx_init"):
        build(recipe='cautious')
    head = build(recipe='cautious', ctx_init='a photo of a')
    with pytest.raises(ValueError, match=r'set model\.detector\.backbone\.peft=None'):
        head.loss((features()[0].requires_grad_(),), samples(LABELS))


@pytest.mark.parametrize('name', ['loss_cls', 'loss_warmup'])
def test_cautious_recipe_has_no_classification_loss(name):
    with pytest.raises(ValueError, match=f"{name} is set, but recipe='cautious'"):
        build(recipe='cautious', ctx_init='a photo of a', **{name: dict(type='CrossEntropyLoss')})


def test_text_tower_is_frozen():
    head = build()
    trained = {name for name, parameter in head.named_parameters() if parameter.requires_grad}
    assert trained == {'prompts.pos_ctx', 'prompts.neg_ctx'}


@pytest.mark.parametrize(
    ('recipe', 'warmup_epochs', 'warmup', 'pseudo_labels'),
    [
        ('synthetic', None, [1, 0, 0, 0, 0, 0, 0], [0, 1, 1, 1, 1, 1, 1]),
        ('real_world', None, [1, 1, 1, 1, 1, 0, 0], [0, 1, 1, 1, 1, 1, 1]),
        ('real_world_text', None, [1, 0, 0, 0, 0, 0, 0], [0, 1, 1, 1, 1, 1, 1]),
        ('synthetic', 3, [1, 1, 1, 0, 0, 0, 0], [0, 0, 0, 1, 1, 1, 1]),
        ('real_world', 0, [0, 0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1, 1]),
        ('cautious', None, [1, 1, 1, 0, 0, 0, 0], [0, 0, 0, 1, 1, 1, 1]),
    ],
)
def test_epochs_of_warmup_and_of_pseudo_labels(recipe, warmup_epochs, warmup, pseudo_labels):
    head = build(recipe=recipe, warmup_epochs=warmup_epochs, ctx_init='a photo of a')
    found = []
    for epoch in range(7):
        head.enter(TrainingContext(epoch=epoch))
        found.append((head.in_warmup, head.uses_pseudo_labels))
    assert found == [(bool(a), bool(b)) for a, b in zip(warmup, pseudo_labels, strict=True)]


def test_second_real_world_epoch_has_sce_over_all_samples_and_pseudo_labels():
    """The one combination that no golden file covers."""
    head = build(recipe='real_world')
    fix_complementary_labels(head)
    head.enter(TrainingContext(epoch=1))
    losses = head.loss(features(), samples(LABELS))

    labels = torch.tensor(LABELS)
    pos, neg = (logits.detach() for logits in head.dual_logits(features()))
    p_yes = torch.stack([pos, neg]).softmax(dim=0)[0]
    rows = torch.arange(len(labels))
    selected = (p_yes[rows, labels] > 0.5) & (p_yes.argmax(dim=1) == labels)
    assert 0 < selected.sum() < len(labels)
    assert torch.equal(head.batch_selection[1], selected)
    onehot = F.one_hot(labels, 3).float().clamp(1e-4, 1)
    sce = F.cross_entropy(pos, labels) - (pos.softmax(1) * onehot.log()).sum(1).mean()
    positive = torch.where(selected, labels, pos.argmax(dim=1))
    assert not torch.equal(positive, labels)
    torch.testing.assert_close(losses['loss_cls'].detach(), sce)
    torch.testing.assert_close(
        losses['loss_neg_positive'].detach(), -p_yes[rows, positive].clamp(1e-5, 1).log().mean()
    )


def test_without_pseudo_labels_the_positive_term_is_a_mean_over_the_clean_samples():
    head = build(pseudo_labels=False)
    fix_complementary_labels(head)
    reference = build()
    fix_complementary_labels(reference)
    for epoch in (0, 1):
        head.enter(TrainingContext(epoch=epoch))
        reference.enter(TrainingContext(epoch=epoch))
        losses, expected = (h.loss(features(), samples(LABELS)) for h in (head, reference))
        if epoch == 0:  # the warm-up doubts no label
            torch.testing.assert_close(losses, expected)
    assert not head.uses_pseudo_labels and reference.uses_pseudo_labels
    pos, neg = (logits.detach() for logits in head.dual_logits(features()))
    labels = torch.tensor(LABELS)
    p_yes = torch.sigmoid(pos - neg)[torch.arange(len(labels)), labels]
    selected = head.batch_selection[1]
    assert 0 < selected.sum() < len(labels)
    torch.testing.assert_close(
        losses['loss_neg_positive'].detach(), -p_yes[selected].clamp(1e-5, 1).log().mean()
    )
    for name in ('loss_cls', 'loss_neg_complementary'):
        torch.testing.assert_close(losses[name], expected[name])


def test_without_pseudo_labels_a_batch_without_a_clean_sample_has_no_positive_term():
    head = build(pseudo_labels=False)
    head.enter(TrainingContext(epoch=1))
    head.select = lambda p_yes, labels, predicted: torch.zeros_like(labels, dtype=torch.bool)
    loss = head.loss(features(), samples(LABELS))['loss_neg_positive']
    loss.backward()
    assert loss == 0 and not head.prompts.neg_ctx.grad.any()


@pytest.mark.parametrize('recipe', ['synthetic', 'real_world', 'real_world_text'])
@pytest.mark.parametrize('agreement', [True, False])
def test_the_agreement_condition_can_be_set_apart_from_the_recipe(recipe, agreement):
    head = build(recipe=recipe, require_agreement=agreement)
    p_yes = torch.tensor([[0.6, 0.9, 0.1], [0.8, 0.2, 0.1]])
    # Whichever class has to agree, it does in one sample of the two.
    predicted = torch.tensor([1, 0]) if recipe == 'real_world_text' else torch.tensor([0, 1])
    selected = head.select(p_yes, torch.tensor([0, 0]), predicted)
    assert selected.tolist() == [not agreement, True]


def test_recipe_of_the_papers_text_differs_from_synthetic_in_the_predicted_label_alone():
    head, reference = build(recipe='real_world_text'), build()
    for epoch in (0, 1):
        for each in (head, reference):
            each.enter(TrainingContext(epoch=epoch))
            fix_complementary_labels(each)
            each.loss(features(), samples(LABELS))
        is_predicted = head(features()).argmax(dim=1) == torch.tensor(LABELS)
        selected = reference.batch_selection[1]
        assert torch.equal(head.batch_selection[1], selected & is_predicted)
        assert 0 < (selected & is_predicted).sum() < selected.sum()
    # In the warm-up all samples are trained on, clean or not.
    for each in (head, reference):
        each.enter(TrainingContext(epoch=0))
    losses, expected = (each.loss(features(), samples(LABELS)) for each in (head, reference))
    assert losses.pop('selected') < expected.pop('selected')
    torch.testing.assert_close(losses, expected)


def test_complementary_labels_are_uniform_over_the_other_classes():
    torch.manual_seed(0)
    labels = torch.arange(3).repeat(4000)
    drawn = build().draw_complementary_labels(labels)
    counts = torch.zeros(3, 3).index_put_((labels, drawn), torch.ones(len(labels)), accumulate=True)
    assert not counts.diagonal().any()
    off_diagonal = counts[~torch.eye(3, dtype=torch.bool)]
    assert (off_diagonal - 2000).abs().max() < 5 * 2000**0.5


def test_complementary_labels_are_drawn_anew_in_every_call():
    head = build()
    losses = [head.loss(features(), samples(LABELS)) for _ in range(2)]
    assert losses[0]['loss_neg_complementary'] != losses[1]['loss_neg_complementary']
    assert losses[0]['loss_neg_positive'] == losses[1]['loss_neg_positive']


def test_weights_of_negative_learning_come_from_the_config():
    full, light = build(), build(loss_neg=dict(type='NegativeLearningLoss', positive_weight=0.1))
    a, b = (head.loss(features(), samples(LABELS)) for head in (full, light))
    torch.testing.assert_close(b['loss_neg_positive'], 0.1 * a['loss_neg_positive'])


def test_half_precision_features_under_autocast_give_finite_single_precision_losses():
    head = build()
    reference = head.loss(features(), samples(LABELS))['loss_cls']
    with torch.autocast('cpu', dtype=torch.bfloat16):
        losses = head.loss((features()[0].bfloat16(),), samples(LABELS))
    assert all(loss.dtype == torch.float32 and loss.isfinite() for loss in losses.values())
    torch.testing.assert_close(losses['loss_cls'], reference, rtol=0.1, atol=0.1)


def test_batch_selection_carries_sample_indices_where_they_exist():
    head = build()
    data_samples = samples(LABELS)
    head.loss(features(), data_samples)
    assert head.batch_selection[0] is None
    for i, sample in enumerate(data_samples):
        sample.set_field(100 + i, 'sample_idx', field_type='metainfo')
    losses = head.loss(features(), data_samples)
    index, selected = head.batch_selection
    assert index.tolist() == list(range(100, 112))
    assert selected.dtype == torch.bool and not selected.requires_grad
    assert losses['selected'].item() == pytest.approx(selected.float().mean().item())


# -- prediction ---------------------------------------------------------------------


@torch.no_grad()
def test_prediction_works_with_and_without_samples_and_labels():
    head = build().eval()
    feats = features(3)
    bare = head.predict(feats)
    mixed = head.predict(feats, [DataSample().set_gt_label(2), DataSample(), None])
    scores = head(feats).softmax(dim=1)
    for i, (a, b) in enumerate(zip(bare, mixed, strict=True)):
        torch.testing.assert_close(a.pred_score, scores[i])
        torch.testing.assert_close(b.pred_score, scores[i])
        assert a.pred_label.tolist() == [scores[i].argmax().item()]
        assert a.yes_label.shape == (1,) and 'clean_prob' not in a
    pos, neg = head.dual_logits(feats)
    expected = torch.stack([pos[0, 2], neg[0, 2]]).softmax(dim=0)[:1]
    torch.testing.assert_close(mixed[0].clean_prob, expected)
    assert ['clean_prob' in sample for sample in mixed] == [True, False, False]


@torch.no_grad()
def test_cosine_similarity_is_that_with_the_positive_prompts():
    head = build().eval()
    cosines = head.cosine_similarity(features())
    torch.testing.assert_close(head.text.logit_scale.exp() * cosines, head(features()))
    with torch.autocast('cpu', dtype=torch.bfloat16):
        again = head.cosine_similarity(features())
    assert again.dtype == torch.float32
    torch.testing.assert_close(again, cosines)


# -- class names ----------------------------------------------------------------------


def test_names_may_come_later():
    late = build(class_names=None)
    assert late.class_names is None
    late.set_class_names(tuple(NAMES))
    torch.testing.assert_close(late(features()), build()(features()))
    assert late.class_names == tuple(NAMES)


@pytest.mark.parametrize('class_specific', [False, True])
def test_checkpoint_predicts_without_names(class_specific):
    trained = build(class_specific=class_specific).eval()
    loaded = build(class_names=None, class_specific=class_specific).eval()
    torch.nn.init.normal_(loaded.prompts.pos_ctx)
    loaded.load_state_dict(trained.state_dict())
    torch.testing.assert_close(loaded(features()), trained(features()))


def test_given_names_win_over_those_of_a_checkpoint():
    trained, other = build(), build(class_names=['cat', 'dog', 'horse'])
    state = trained.state_dict()
    expected = other(features())
    other.load_state_dict(state)
    torch.testing.assert_close(other(features()), expected)
    assert torch.equal(state['class_token_ids'], trained.class_token_ids)
    more = build(num_classes=4, class_names=['cat', 'dog', 'horse', 'cow'])
    more.load_state_dict(state)
    assert more(features()).shape == (12, 4)
    assert torch.equal(more.prompts.pos_ctx, trained.prompts.pos_ctx)


@pytest.mark.parametrize(
    ('cfg', 'error', 'message'),
    [
        (dict(class_names=NAMES[:2]), ValueError, 'num_classes=3, but 2 class names'),
        (dict(class_names='abc'), TypeError, 'a list'),
        (dict(class_names=['a', 'b', 'long ' * 10]), ValueError, "'long long .*too long.*n_ctx=4"),
        (dict(num_classes=1, class_names=['a']), ValueError, 'num_classes is 1'),
        (dict(recipe='severe'), ValueError, "'severe'.*synthetic, real_world"),
        (dict(class_position='left'), ValueError, "'left'.*end, front, middle"),
        (dict(warmup_epochs=-1), ValueError, 'warmup_epochs is -1'),
        (dict(cal_acc=True, topk=(1, 5)), ValueError, r'topk is \(1, 5\), but there are 3'),
    ],
)
def test_wrong_setting_is_one_clear_error(cfg, error, message):
    with pytest.raises(error, match=message):
        build(**cfg)


def test_missing_names_labels_and_unprojected_features_are_clear_errors():
    with pytest.raises(ValueError, match='set class_names.*metainfo'):
        build(class_names=None).predict(features())
    with pytest.raises(ValueError, match='one given label each.*Mixup'):
        build().loss(features(1), [DataSample().set_gt_score(torch.tensor([0.5, 0.5, 0.0]))])
    with pytest.raises(ValueError, match="out_type='projected'"):
        build()((torch.zeros(2, 16),))


def test_builds_on_the_meta_device():
    with torch.device('meta'):
        head = build(ctx_init='a photo of a')
    assert head.prompts.pos_ctx.is_meta and head.class_token_ids.is_meta


# -- memory of the text tower ------------------------------------------------------------


@pytest.mark.parametrize('memory_gb', [0, -1.0, float('nan')])
def test_senseless_memory_bound_is_an_error_that_names_it(memory_gb):
    with pytest.raises(ValueError, match='text_memory_gb'):
        build(text_memory_gb=memory_gb)


@pytest.mark.parametrize('class_position', ['end', 'front'])
def test_memory_bound_changes_neither_losses_nor_gradients(class_position):
    names = [' '.join(['tree'] * (1 + i % 3)) + f' {i}' for i in range(40)]
    heads = [
        build(
            num_classes=40, class_names=names, class_position=class_position, text_memory_gb=bound
        )
        for bound in (None, 1e-4)
    ]
    results = []
    for head in heads:
        head.draw_complementary_labels = lambda labels: (labels + 1) % 40
        losses = head.loss(features(), samples(LABELS))
        loss = sum(value for key, value in losses.items() if 'loss' in key)
        loss.backward()
        results.append((loss, head.prompts.pos_ctx.grad, head.prompts.neg_ctx.grad))
    assert [len(head._packed.chunks) > 1 for head in heads] == [False, True]
    for whole, chunked in zip(*results, strict=True):
        torch.testing.assert_close(chunked, whole, rtol=1e-4, atol=1e-6)


# -- cached text features --------------------------------------------------------------


@pytest.fixture
def counted(monkeypatch):
    """A head in evaluation mode that counts how often it encodes its prompts."""
    head = build().eval()
    encode, head.count = head._encode, 0

    def counting():
        head.count += 1
        return encode()

    monkeypatch.setattr(head, '_encode', counting)
    return head


class NoWaiting(TorchDispatchMode):
    """Refuses what needs the value of a tensor, for which a GPU would have to finish its work."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        aten = torch.ops.aten
        assert function not in (aten.equal.default, aten._local_scalar_dense.default), function
        return function(*args, **(kwargs or {}))


@torch.no_grad()
def assert_encodes_again_and_right(head):
    count = head.count
    feats = (features()[0].to(head.prompts.pos_ctx.dtype),)
    logits = head(feats)
    assert head.count == count + 1
    head._features.clear()
    torch.testing.assert_close(logits, head(feats), rtol=0, atol=0)


@torch.no_grad()
def test_prompts_are_encoded_once_in_an_evaluation(counted):
    for _ in range(3):
        counted.predict(features())
    assert counted.count == 1


def test_prompts_are_encoded_for_every_training_batch_and_wherever_gradients_are_recorded(counted):
    counted.train()
    for _ in range(2):
        counted.loss(features(), samples(LABELS))
    with torch.no_grad():
        counted(features())
    counted.eval()
    assert counted(features()).requires_grad
    assert counted.count == 4


def test_optimizer_step_renews_the_features(counted):
    with torch.no_grad():
        counted(features())
    optimizer = torch.optim.SGD([counted.prompts.neg_ctx, counted.prompts.pos_ctx], lr=0.1)
    sum(v for k, v in counted.loss(features(), samples(LABELS)).items() if 'loss' in k).backward()
    optimizer.step()
    assert_encodes_again_and_right(counted)


@torch.no_grad()
def test_loading_moving_and_new_names_renew_the_features(counted):
    state = {key: value.clone() for key, value in counted.state_dict().items()}
    state['text.ln_final.weight'] += 0.1
    changes = (
        lambda: counted.load_state_dict(state),
        lambda: counted.double(),
        lambda: counted.float(),
        lambda: counted.set_class_names(['cat', 'dog', 'horse']),
        lambda: counted.text.ln_final.weight.add_(0.1),
        lambda: (counted.text.ln_final.weight.data.add_(0.1), counted.eval()),
    )
    counted(features())
    for change in changes:
        change()
        assert_encodes_again_and_right(counted)


@torch.no_grad()
@pytest.mark.parametrize('kind', ['DualPromptHead', 'PromptHead', 'ZeroShotHead'])
def test_kept_features_are_used_without_waiting_for_the_device(kind):
    head = dict(type=kind, clip=CLIP, num_classes=3, class_names=NAMES)
    head = MODELS.build(head if kind == 'ZeroShotHead' else head | dict(n_ctx=4)).eval()
    expected = head(features())
    with NoWaiting():
        found = head(features())
    assert torch.equal(found, expected)
    with pytest.raises(AssertionError, match='aten.equal'), NoWaiting():
        torch.equal(found, expected)


@torch.no_grad()
def test_ema_weights_swapped_in_for_an_evaluation_are_used():
    head = build()
    initial = head.eval()(features())
    model = torch.nn.Sequential(head)
    hook = EMAHook(momentum=0.5)
    hook.before_run(SimpleNamespace(model=model))
    head.prompts.pos_ctx.normal_()
    model.eval()
    own = head(features())
    # The order of MMEngine's loops: hooks first, then eval().
    hook.before_val_epoch(SimpleNamespace(model=model))
    model.eval()
    averaged = head(features())
    torch.testing.assert_close(averaged, initial, rtol=0, atol=0)
    assert not torch.allclose(averaged, own)
    hook.after_val_epoch(SimpleNamespace(model=model))
    model.train().eval()
    torch.testing.assert_close(head(features()), own, rtol=0, atol=0)
