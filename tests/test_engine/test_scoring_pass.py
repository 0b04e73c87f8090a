"""What the scoring pass says of every sample."""

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import DefaultScope
from mmpretrain.registry import DATASETS, MODELS, TASK_UTILS
from torch.nn import functional as F
from torch.utils.data import DataLoader

from deft_mm.datasets import (
    evaluation_view,
    given_labels_of,
    sample_table_of,
    scoring_collate,
)
from deft_mm.engine import scoring_pass
from deft_mm.models.heads import class_scores
from deft_mm.selection import Selector
from runner_utils import TINY_CLIP, TINY_WIDTH, run, tiny

CONFIG = 'deft/deft_digits_sym40.py'
PIPELINE = [dict(type='PackInputs')]


@pytest.fixture(autouse=True)
def scope():
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        yield


def build(head: dict | None = None, num_samples: int = 11):
    """A detector in training mode, and a noisy data set."""
    cfg = tiny(CONFIG, 'unused', num_samples=num_samples)
    if head is not None:
        cfg.model.detector.head = head
    cfg.model.detector.data_preprocessor = cfg.get('data_preprocessor')
    detector = MODELS.build(cfg.model.detector).train()
    if head is None:
        detector.head.set_class_names([f'class {i}' for i in range(10)])
    return detector, DATASETS.build(cfg.train_dataloader.dataset)


def score_samples(detector, dataset, pipeline, batch_size=64, **options):
    table = sample_table_of(dataset)
    return scoring_pass.score_samples(
        detector, dataset, table, pipeline, batch_size=batch_size, **options
    )


def batches(detector, dataset, batch_size: int):
    view = evaluation_view(dataset, PIPELINE)
    for batch in DataLoader(view, batch_size, collate_fn=scoring_collate):
        with torch.no_grad():
            yield detector.eval().data_preprocessor(batch)


def test_scores_are_what_the_head_predicts_for_every_sample():
    detector, dataset = build()
    scores = score_samples(detector, dataset, PIPELINE, batch_size=4)
    assert detector.training
    predicted = [
        sample
        for batch in batches(detector, dataset, 4)
        for sample in detector(**batch, mode='predict')
    ]
    expected = dict(
        clean_prob=torch.cat([sample.clean_prob for sample in predicted]),
        pred_label=torch.cat([sample.pred_label for sample in predicted]),
        pred_prob=torch.stack([sample.pred_score.max() for sample in predicted]),
        given_label=torch.from_numpy(given_labels_of(dataset)),
    )
    for name, values in expected.items():
        np.testing.assert_array_equal(getattr(scores, name), values.detach().numpy(), err_msg=name)
    assert scores.readable.all() and scores.loss is None and scores.feature is None


def test_loss_and_unprojected_feature_are_there_for_a_selector_that_needs_them():
    detector, dataset = build()
    out_type = detector.backbone.out_type
    scores = score_samples(detector, dataset, PIPELINE, 4, needs=('feature', 'loss'))
    losses, features = [], []
    for batch in batches(detector, dataset, 4):
        feats = detector.extract_feat(batch['inputs'])
        labels = torch.cat([sample.gt_label for sample in batch['data_samples']])
        losses.append(F.cross_entropy(detector.head(feats), labels, reduction='none'))
        detector.backbone.out_type = 'token'
        features.append(detector.extract_feat(batch['inputs'])[0])
        detector.backbone.out_type = out_type
    np.testing.assert_array_equal(scores.loss, torch.cat(losses).detach())
    np.testing.assert_array_equal(scores.feature, torch.cat(features).detach())
    # The heads that compare with text have the projected one, as before.
    assert out_type == 'projected' and detector.backbone.out_type == out_type
    assert scores.feature.shape[1] != feats[-1].size(1)
    assert scores.loss.dtype == scores.feature.dtype == np.float32


@pytest.mark.parametrize(
    'head', [None, dict(type='ZeroShotHead', num_classes=10, temperature=0.5)], ids=str
)
def test_similarity_is_the_cosine_with_the_text_of_the_given_class(head):
    if head is not None:
        head = dict(head, clip=TINY_CLIP, class_names=[f'class {i}' for i in range(10)])
    detector, dataset = build(head)
    scores = score_samples(detector, dataset, PIPELINE, 4, needs=('similarity',))
    text_CE = detector.head.eval().class_features().detach()
    expected = []
    for batch in batches(detector, dataset, 4):
        image_BE = F.normalize(detector.extract_feat(batch['inputs'])[-1], dim=-1)
        labels = torch.cat([sample.gt_label for sample in batch['data_samples']])
        expected.append((image_BE * text_CE[labels]).sum(dim=1))
    np.testing.assert_allclose(scores.similarity, torch.cat(expected).detach(), atol=1e-6)


def test_margin_is_of_the_given_label_against_the_best_other_one():
    detector, dataset = build()
    margin = score_samples(detector, dataset, PIPELINE, 4, needs=('margin',)).margin
    given, expected = given_labels_of(dataset), []
    for batch in batches(detector, dataset, 4):
        feats = detector.extract_feat(batch['inputs'])
        for logits in class_scores(detector.head, feats, ['logits'])['logits'].tolist():
            own = logits.pop(given[len(expected)])
            expected.append(own - max(logits))
    np.testing.assert_allclose(margin, expected, rtol=1e-5, atol=1e-5)
    assert (margin > 0).any() and (margin < 0).any()


def test_similarity_needs_a_head_with_text():
    detector, dataset = build(dict(type='LinearClsHead', num_classes=10, in_channels=16))
    with pytest.raises(ValueError, match="'similarity'.*LinearClsHead does not give"):
        score_samples(detector, dataset, PIPELINE, needs=('similarity',))


def test_unknown_need_is_named():
    detector, dataset = build()
    with pytest.raises(ValueError, match="needs 'gradient'"):
        score_samples(detector, dataset, PIPELINE, needs=('gradient',))


def test_text_is_encoded_once_and_no_sample_is_filled_in(monkeypatch):
    detector, dataset = build()
    encoded, prepared = [], []
    encode, prepare = detector.head._encode, detector.data_preprocessor.forward
    monkeypatch.setattr(detector.head, '_encode', lambda: encoded.append(1) or encode())
    monkeypatch.setattr(
        detector.data_preprocessor,
        'forward',
        lambda data, training=False: prepared.append(data) or prepare(data, training),
    )
    score_samples(detector, dataset, PIPELINE, batch_size=2)
    assert len(encoded) == 1 and len(prepared) == 6
    assert all(data['inputs'].shape[1:] == (3, 32, 32) for data in prepared)  # one tensor a batch
    assert all('data_samples' not in data for data in prepared)


def test_images_of_several_sizes_are_scored_too(tmp_path):
    for i, size in enumerate([32, 40, 32]):
        (tmp_path / 'cat').mkdir(exist_ok=True)
        image = np.random.RandomState(i).randint(0, 255, (size, 32, 3), dtype=np.uint8)
        cv2.imwrite(str(tmp_path / 'cat' / f'{i}.png'), image)
    (tmp_path / 'cat' / '3.png').write_bytes(b'not an image')
    dataset = DATASETS.build(dict(type='CustomDataset', data_prefix=str(tmp_path)))
    dataset.full_init()
    dataset._metainfo['classes'] = ['cat', *'abcdefghi']  # those of the detector
    pipeline = [dict(type='LoadImageFromFile'), *PIPELINE]
    detector, _ = build()
    needs = ('loss', 'feature', 'similarity')
    scores = score_samples(detector, dataset, pipeline, 4, skip_unreadable=True, needs=needs)
    assert scores.readable.tolist() == [True, True, True, False]
    for values in (scores.clean_prob, scores.loss, scores.feature, scores.similarity):
        assert np.isfinite(values[:3]).all() and np.isnan(values[3]).all()
    assert scores.pred_label[3] == -1


def test_model_without_a_clean_probability_is_scored_but_not_selected_by_one():
    head = dict(type='LinearClsHead', num_classes=10, in_channels=16)
    detector, dataset = build(head)
    scores = score_samples(detector, dataset, PIPELINE, 4, needs=('loss',))
    assert np.isnan(scores.clean_prob).all()
    probability = np.exp(-scores.loss)
    right = scores.pred_label == scores.given_label
    np.testing.assert_allclose(probability[right], scores.pred_prob[right], rtol=1e-5)
    assert (probability[~right] <= scores.pred_prob[~right]).all()
    with pytest.raises(ValueError, match="does not give: use .*type='DualPromptHead'"):
        score_samples(detector, dataset, PIPELINE, needs=('clean_prob',))


def test_weights_that_are_not_finite_are_told_as_such():
    detector, dataset = build()
    with torch.no_grad():
        detector.head.prompts.neg_ctx[0] = torch.nan
    with pytest.raises(
        ValueError, match=r'weights.*not finite, 1 tensors.*\(head\.prompts\.neg_ct'
    ):
        score_samples(detector, dataset, PIPELINE)


def spoil(detector, monkeypatch, samples):
    """The backbone gives infinite features for some samples, counted over batches."""
    seen, extract = [0], detector.extract_feat

    def extract_feat(inputs):
        *others, last = extract(inputs)
        rows = [i for i in range(len(last)) if seen[0] + i in samples]
        seen[0] += len(last)
        last[rows] = torch.inf
        return (*others, last)

    monkeypatch.setattr(detector, 'extract_feat', extract_feat)


def test_a_score_that_is_not_finite_is_none(monkeypatch, caplog):
    detector, dataset = build()
    spoil(detector, monkeypatch, {3, 7})
    scores = score_samples(detector, dataset, PIPELINE, 4, needs=('loss', 'agreed'))
    assert np.flatnonzero(~scores.has_scores).tolist() == [3, 7]
    for values in (scores.clean_prob, scores.pred_prob, scores.loss):
        assert np.flatnonzero(np.isnan(values)).tolist() == [3, 7]
    assert (scores.pred_label[[3, 7]] == -1).all() and not scores.agreed[[3, 7]].any()


def test_scores_of_which_none_is_finite_are_told_as_such(monkeypatch):
    detector, dataset = build()
    spoil(detector, monkeypatch, range(11))
    with pytest.raises(ValueError, match='No score of 11 samples is finite.*dtype=bfloat16'):
        score_samples(detector, dataset, PIPELINE)


@TASK_UTILS.register_module()
class SmallestLosses(Selector):
    """Keeps half of the samples, by loss, and looks at their features."""

    needs = ('loss', 'feature')
    gives_probability = False

    def __call__(self, table) -> tuple[np.ndarray, np.ndarray]:
        assert table.feature.shape == (len(table), TINY_WIDTH)  # before the projection to 16
        return table.loss <= np.median(table.loss), -table.loss


def test_run_selects_by_what_its_selector_needs(tmp_path):
    cfg = tiny(CONFIG, tmp_path)
    cfg.default_hooks.noise_filter.selector = dict(type='SmallestLosses')
    runner = run(cfg)
    kept = next(
        hook for hook in runner.hooks if type(hook).__name__ == 'NoiseFilterHook'
    ).table.kept
    assert kept.sum() == 12
