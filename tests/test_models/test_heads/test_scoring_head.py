"""What heads say of every class: those of the package, one of the user's own, and any other."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.registry import DefaultScope
from mmpretrain.models.heads import LinearClsHead
from mmpretrain.registry import DATASETS, MODELS

from deft_mm.datasets import sample_table_of
from deft_mm.engine.scoring_pass import check_needs, score_samples
from deft_mm.models.heads import DualPromptHead, ScoringHead, ZeroShotHead, class_scores
from runner_utils import tiny


class OwnHead(ScoringHead, LinearClsHead):
    """Tells a similarity of its own, and asks for more than one half."""

    offers = ('similarity', 'yes_prob')

    def class_scores(self, feats, names):
        scores = super().class_scores(feats, names)
        if 'similarity' in names:
            scores['similarity'] = torch.tanh(scores['logits'])
        if 'yes_prob' in names:
            scores['yes_prob'] = torch.sigmoid(scores['logits'])
        return scores


def classifier(head):
    """A classifier with this head, and a data set."""
    cfg = tiny('deft/deft_digits_sym40.py', 'unused', num_samples=11)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        cfg.model.detector.head = dict(type='LinearClsHead', num_classes=10, in_channels=16)
        model = MODELS.build(cfg.model.detector)
        dataset = DATASETS.build(cfg.train_dataloader.dataset)
    model.head = head
    return model, dataset


def score(head, needs):
    model, dataset = classifier(head)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return score_samples(
            model, dataset, sample_table_of(dataset), [dict(type='PackInputs')], needs
        )


def test_head_of_the_users_own_is_scored_by_what_it_offers():
    table = score(
        OwnHead(num_classes=10, in_channels=16),
        ('similarity', 'clean_prob', 'agreed', 'loss', 'probs'),
    )
    # The logit of the given class, up to a constant, by three ways.
    logit = torch.atanh(torch.from_numpy(table.similarity))
    torch.testing.assert_close(torch.sigmoid(logit), torch.from_numpy(table.clean_prob))
    given = table.probs[range(11), table.given_label]
    torch.testing.assert_close(
        torch.from_numpy(given), torch.exp(-torch.from_numpy(table.loss)), rtol=1e-5, atol=1e-6
    )
    assert table.agreed.all()  # nothing else is asked, unless the head says so
    assert table.has_scores.all()


def test_any_other_head_gives_logits_alone_in_single_precision():
    head = LinearClsHead(num_classes=10, in_channels=16).bfloat16()
    feats = (torch.randn(3, 16, dtype=torch.bfloat16),)
    scores = class_scores(head, feats, ('similarity', 'yes_prob'))
    assert set(scores) == {'logits'} and scores['logits'].dtype == torch.float32
    torch.testing.assert_close(scores['logits'], head(feats).float())


def test_heads_with_text_tell_what_they_offer():
    assert DualPromptHead.offers == ('yes_prob', 'similarity', 'negative_similarity')
    assert ZeroShotHead.offers == ('similarity',)


@pytest.mark.parametrize('needs', [('loss',), ('probs', 'feature', 'loss')])
def test_what_follows_from_logits_every_head_gives(needs):
    check_needs(SimpleNamespace(head=LinearClsHead(num_classes=2, in_channels=4)), needs)


@pytest.mark.parametrize(
    ('need', 'remedy'),
    [
        ('clean_prob', "a detector with head=dict.type='DualPromptHead'"),
        ('agreed', "a detector with head=dict.type='DualPromptHead'"),
        ('similarity', 'a detector with a ZeroShotHead or DualPromptHead'),
    ],
)
def test_what_a_head_does_not_give_is_an_error_with_a_remedy(need, remedy):
    model = SimpleNamespace(head=LinearClsHead(num_classes=2, in_channels=4))
    with pytest.raises(
        ValueError,
        match=f"^Mine needs the '{need}' of samples, which LinearClsHead does not give: use "
        f'{remedy}.*, or another selector.$',
    ):
        check_needs(model, ('loss', need), 'Mine')
    check_needs(SimpleNamespace(head=OwnHead(num_classes=2, in_channels=4)), (need,))


def test_what_no_scoring_pass_has_is_an_error_that_lists_what_there_is():
    model = SimpleNamespace(head=OwnHead(num_classes=2, in_channels=4))
    listed = "The selector needs 'gradient'.*loss, margin, probs.*similarity"
    with pytest.raises(ValueError, match=listed):
        check_needs(model, ('gradient',))
    with pytest.raises(ValueError, match='NoneType does not give'):
        check_needs(torch.nn.Module(), ('similarity',))
