"""The head of the noisy-label detector: a positive and a negative prompt for every class.

Shapes: B samples, C classes, E embedding width, P polarities (positive, negative).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import torch
from mmengine.dist import all_reduce, get_world_size
from mmpretrain.registry import MODELS
from mmpretrain.structures import DataSample
from torch import Tensor

from deft_mm.models.losses import ComplementaryLabelLoss
from deft_mm.models.losses._checks import NO_MIXING, check_not_negative, check_unmixed
from deft_mm.models.text import at_least_float32, without_autocast
from deft_mm.models.training_context import ContextModule

from .learned_text_head import LearnedTextHead
from .recipes import get_recipe


@MODELS.register_module()
class DualPromptHead(ContextModule, LearnedTextHead):
    r"""Dual-prompt head: classifies images and says whether a given label is clean.

    With unit-length image features :math:`v`, text features :math:`t^\pm_c` and CLIP's frozen scale
    :math:`s`

    .. math::
        pos_{ic} = s\, v_i \cdot t^+_c, \qquad neg_{ic} = s\, sg(v_i) \cdot t^-_c, \qquad
        p^{yes}_{ic}, p^{no}_{ic} = softmax([sg(pos_{ic}), neg_{ic}])

    where :math:`sg` stops the gradient. A sample is clean if :math:`p^{yes}` of its given label is
    above 0.5, a threshold learned per sample. The classification loss trains the positive context
    and the backbone, negative learning the negative context alone. From `Vision-Language Models are
    Strong Noisy Label Detectors <https://arxiv.org/abs/2409.19696>`_, Sec. 4.

    Where the paper's text and its authors' reference code differ, this is the code's:

    - The text (Eqs. 6 and 7) stops no gradient.
    - In the text, pseudo labels, the classes that Eq. 1 predicts, take the place of the given
      labels in Eq. 7; in the code they do so for rejected samples alone.
    - In the text (Algorithm 1) the clean set is formed once an epoch, and both losses are of its
      samples; in the code each batch selects for itself, and negative learning takes all samples.

    The loss of an epoch depends on the recipe; the current epoch is that of the
    :class:`~deft_mm.models.training_context.TrainingContext`:

    - ``synthetic``: in the warm-up (1 epoch) cross entropy and the positive term of negative
      learning take every sample with its given label. Afterwards cross entropy takes the clean
      samples of the batch, and in negative learning the predicted class stands for the label of the
      others.
    - ``real_world``, of the reference code for real-world noise: the warm-up (5 epochs) has
      symmetric cross entropy; predicted classes stand for the labels of rejected samples from the
      second epoch on; and a clean sample must also have its highest :math:`p^{yes}` at its given
      label.
    - ``real_world_text``, of the paper's text (Sec. 5.1): as ``synthetic``, but that a clean sample
      must also have its given label predicted (the highest :math:`pos`).
    - ``cautious``, for a CLIP that knows the classes badly; ours, not the paper's: there is no
      classification loss, so that wrong labels cannot undo what the CLIP knows. The positive
      prompts stay at the words of ``ctx_init``, the backbone has no PEFT method, and the negative
      context alone learns, as in ``synthetic`` with a warm-up of 3 epochs.

    A mean over clean samples is over the whole batch of all processes; where there is none, the
    loss is 0. On each process a loss is scaled such that the average over processes, which DDP
    takes of the gradients, is the mean over the whole batch. Mixed labels (Mixup, CutMix) are
    refused; a classifier can have them alone, by ``model.classifier.train_cfg=dict(augments=...)``.

    For every training batch the text tower computes both prompts of every class; what they have in
    common, once (:class:`deft_mm.models.text.PackedPrompts`). What it keeps for the backward pass
    is bounded by ``text_memory_gb``: where all classes would take more, they run in chunks whose
    activations are computed again in the backward pass, which takes the tower about a third more
    time. ViT-B/16 needs 0.2 of these units for CIFAR-100's classes and 2.3 for ImageNet's.

    Args:
        clip (dict | str): The CLIP model, as for :func:`deft_mm.models.clip.load_text_tower`.
        num_classes (int): Number of classes, at least 2.
        class_names (Sequence[str], optional): Class names in the order of the labels; None if the
            data set's metainfo gives them (:meth:`set_class_names`). Defaults to None.
        n_ctx (int): Number of learnable context vectors of a prompt. Defaults to 16.
        class_position (str): Where the class name stands in the prompt: 'end', 'front' or 'middle'.
            Defaults to 'end'.
        class_specific (bool): Whether every class has contexts of its own. Defaults to False.
        ctx_init (str, optional): Words that start the positive context, such as 'a photo of a';
            None for random. Defaults to None.
        neg_ctx_init (str, optional): Words that start the negative context. None for random or, if
            ``ctx_init`` is given, for the positive context plus N(0, ``ctx_init_std``). Defaults to
            None.
        ctx_init_std (float): Standard deviation of the random initial values. Defaults to 0.02.
        recipe (str): 'synthetic', 'real_world', 'real_world_text' or 'cautious'. Defaults to
            'synthetic'.
        warmup_epochs (int, optional): Number of warm-up epochs; None for the recipe's (1, 5, 1 and
            3). Defaults to None.
        require_agreement (bool, optional): Whether a clean sample must also have its highest
            :math:`p^{yes}` (in 'real_world_text', its highest :math:`pos`) at its given label; None
            for the recipe's (no, yes, yes and no). Defaults to None.
        pseudo_labels (bool, optional): False leaves rejected samples out of the positive term of
            negative learning, which is then a mean over the clean ones; None for the recipe's
            (all have pseudo labels). Defaults to None.
        loss_cls (dict): The classification loss, called as MMPretrain's losses are, with sample
            weights. Defaults to ``dict(type='CrossEntropyLoss')``.
        loss_warmup (dict, optional): The classification loss of the warm-up; None for the recipe's
            (``loss_cls``; in 'real_world' SCE with alpha = beta = 1). Defaults to None.
        loss_neg (dict): The negative learning loss. Defaults to
            ``dict(type='NegativeLearningLoss')``.
        text_memory_gb (float, optional): Bound on what the text tower keeps for the backward pass,
            in units of 2**30 bytes and counted in float32 (mixed precision takes less); None for
            no bound. Defaults to 8.0.
        topk (int | tuple[int]): The k of the accuracies of ``cal_acc``. Defaults to ``(1,)``.
        cal_acc (bool): Whether to log the accuracy of training batches against the given labels.
            Defaults to False.
        init_cfg (dict, optional): Initialisation config. Defaults to None.

    Raises:
        ValueError: If a setting is out of range, if class names don't fit in number or length, or
            if the recipe 'cautious' has no ``ctx_init``, or a classification loss.
    """

    offers = ('yes_prob', *LearnedTextHead.offers, 'negative_similarity')
    warmup_setting = 'warmup_epochs'

    def __init__(
        self,
        clip: dict | str,
        num_classes: int,
        class_names: Sequence[str] | None = None,
        n_ctx: int = 16,
        class_position: str = 'end',
        class_specific: bool = False,
        ctx_init: str | None = None,
        neg_ctx_init: str | None = None,
        ctx_init_std: float = 0.02,
        recipe: str = 'synthetic',
        warmup_epochs: int | None = None,
        require_agreement: bool | None = None,
        pseudo_labels: bool | None = None,
        loss_cls: dict | None = None,
        loss_warmup: dict | None = None,
        loss_neg: dict | None = None,
        text_memory_gb: float | None = 8.0,
        topk: int | tuple[int, ...] = (1,),
        cal_acc: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(
            clip=clip,
            num_classes=num_classes,
            loss=loss_cls,
            topk=topk,
            cal_acc=cal_acc,
            init_cfg=init_cfg,
        )
        self.recipe = get_recipe(
            recipe, require_agreement=require_agreement, pseudo_labels=pseudo_labels
        )
        if not self.recipe.train_classifier:
            _check_without_classifier(recipe, ctx_init, loss_cls=loss_cls, loss_warmup=loss_warmup)
        self.warmup_epochs = self.recipe.warmup_epochs if warmup_epochs is None else warmup_epochs
        check_not_negative(self, warmup_epochs=self.warmup_epochs)
        self._begin_prompts(
            class_names,
            text_memory_gb,
            n_ctx=n_ctx,
            class_position=class_position,
            class_specific=class_specific,
            ctx_init=ctx_init,
            neg_ctx_init=neg_ctx_init,
            ctx_init_std=ctx_init_std,
        )
        self.prompts.pos_ctx.requires_grad_(self.recipe.train_classifier)
        loss_warmup = loss_warmup or self.recipe.warmup_loss
        self.loss_warmup = MODELS.build(loss_warmup) if loss_warmup else None
        self.loss_neg = MODELS.build(loss_neg or dict(type='NegativeLearningLoss'))

    # -- logits and probabilities ----------------------------------------------

    def dual_logits(self, feats: tuple[Tensor]) -> tuple[Tensor, Tensor]:
        """Similarity to the positive and to the negative prompts, each float32 of shape (B, C).

        The negative one never moves the backbone.
        """
        text_PCE = self.text_features()
        image_BE = self.image_features(feats)
        with without_autocast(image_BE):
            scale = at_least_float32(self.text.logit_scale).exp()
            pos_BC = scale * image_BE @ text_PCE[0].T
            neg_BC = scale * image_BE.detach() @ text_PCE[1].T
        return pos_BC, neg_BC

    @staticmethod
    def yes_probability(pos: Tensor, neg: Tensor) -> Tensor:
        """Probability that a sample shows a class; of its given label it is the clean probability.

        Of :meth:`dual_logits`: the first part of the softmax over the two, shape (B, C). No
        gradient reaches ``pos``.
        """
        return torch.sigmoid(pos.detach() - neg)

    def forward(self, feats: tuple[Tensor]) -> Tensor:
        """The classification logits ``pos``, float32 of shape (B, C)."""
        return self.dual_logits(feats)[0]

    def select(self, p_yes: Tensor, labels: Tensor, predicted: Tensor) -> Tensor:
        """Which samples the recipe takes for clean, bool of shape (B,).

        Args:
            p_yes (Tensor): Probability that a sample shows a class, shape (B, C).
            labels (Tensor): Given labels, int64 of shape (B,).
            predicted (Tensor): Predicted classes, int64 of shape (B,).
        """
        selected_B = p_yes.gather(1, labels[:, None]).squeeze(1) > 0.5
        return selected_B & self.agrees(p_yes, predicted, labels)

    def agrees(self, yes_prob: Tensor, predicted: Tensor, labels: Tensor) -> Tensor:
        """Whether the recipe's further condition holds; see :meth:`ScoringHead.agrees`."""
        if not self.recipe.require_agreement:
            return super().agrees(yes_prob, predicted, labels)
        by_prediction = self.recipe.agree_with_prediction
        return (predicted if by_prediction else yes_prob.argmax(dim=1)) == labels

    def class_scores(self, feats: tuple[Tensor], names: Collection[str]) -> dict[str, Tensor]:
        """Scores of a batch for every class; see :meth:`ScoringHead.class_scores`."""
        pos_BC, neg_BC = self.dual_logits(feats)
        scores = dict(logits=pos_BC, yes_prob=self.yes_probability(pos_BC, neg_BC))
        if 'similarity' in names:
            scores['similarity'] = self.cosine_similarity(feats)
        if 'negative_similarity' in names:
            scores['negative_similarity'] = neg_BC / at_least_float32(self.text.logit_scale).exp()
        return scores

    # -- training ---------------------------------------------------------------

    @property
    def epoch(self) -> int:
        """int: How many epochs of the detector's training are finished; 0 outside of a run."""
        return 0 if self.context is None else self.context.epoch

    @property
    def in_warmup(self) -> bool:
        """bool: Whether the classification loss takes every sample."""
        return self.epoch < self.warmup_epochs

    @property
    def doubts_labels(self) -> bool:
        """bool: Whether rejected samples have no longer their given label as positive label."""
        begin = self.recipe.pseudo_label_epoch
        return not self.in_warmup or (begin is not None and self.epoch >= begin)

    def remedy_for_collapse(self) -> str:
        """What to do where the selection collapses; see :class:`ScoringHead`."""
        others = super().remedy_for_collapse()
        if not self.recipe.train_classifier:
            return others
        return f"DualPromptHead.recipe='cautious' (deft_folder_cautious.py), {others}"

    @property
    def uses_pseudo_labels(self) -> bool:
        """bool: Whether rejected samples have the predicted class as their positive label."""
        return self.doubts_labels and self.recipe.pseudo_labels

    def draw_complementary_labels(self, labels: Tensor) -> Tensor:
        """A class other than its given label for each sample, int64 of shape (B,)."""
        return ComplementaryLabelLoss.draw_complementary_labels(labels, self.num_classes)

    def loss(
        self, feats: tuple[Tensor], data_samples: list[DataSample], **kwargs
    ) -> dict[str, Tensor]:
        """The losses of a batch; keeps its selection in :attr:`batch_selection`.

        Args:
            feats (tuple[Tensor]): The backbone's output; the last entry is the projected feature,
                shape (B, E).
            data_samples (list[DataSample]): The samples, with their given label ``gt_label``.
            **kwargs: More arguments of the classification loss.

        Returns:
            dict[str, Tensor]: ``loss_cls`` (none in the recipe 'cautious'),
            ``loss_neg_complementary``, ``loss_neg_positive``, the share of samples taken for clean,
            ``selected``, and, with ``cal_acc``, the accuracy in percent, ``accuracy_top-<k>``.

        Raises:
            ValueError: If a sample has no single class as its label (as after Mixup and CutMix), if
                there are no class names, or if the recipe 'cautious' has a backbone that learns.
        """
        labels_B = self._given_labels(data_samples)
        if feats[-1].requires_grad and not self.recipe.train_classifier:
            raise ValueError(
                "DualPromptHead.recipe 'cautious' trains the negative prompts alone, and the "
                'backbone has trainable parameters: set model.detector.backbone.peft=None.'
            )
        pos_BC, neg_BC = self.dual_logits(feats)
        p_yes_BC = self.yes_probability(pos_BC, neg_BC)
        # Not 1 - p_yes, which rounds small probabilities to 0.
        p_no_BC = torch.sigmoid(neg_BC - pos_BC.detach())
        predicted_B = pos_BC.detach().argmax(dim=1)
        selected_B = self.select(p_yes_BC.detach(), labels_B, predicted_B)
        self.batch_selection = (_sample_indices(data_samples, labels_B.device), selected_B)

        n_samples, n_selected = self._mean_counts(selected_B)
        positive_B, of_positive_term = labels_B, {}
        if self.uses_pseudo_labels:
            positive_B = torch.where(selected_B, labels_B, predicted_B)
        elif self.doubts_labels:
            of_positive_term = dict(
                positive_mask=selected_B, positive_avg_factor=self._at_least_one(n_selected)
            )
        complementary_B = self.draw_complementary_labels(labels_B)
        loss_complementary, loss_positive = self.loss_neg(
            p_yes_BC,
            p_no_BC,
            complementary_B,
            positive_B,
            avg_factor=n_samples,
            **of_positive_term,
        )
        losses = dict(
            loss_neg_complementary=loss_complementary,
            loss_neg_positive=loss_positive,
            selected=n_selected / n_samples,
        )
        if self.recipe.train_classifier:
            losses['loss_cls'] = self._loss_cls(
                pos_BC, labels_B, selected_B, n_samples, n_selected, kwargs
            )
        if self.cal_acc:
            losses.update(self._accuracies(pos_BC, labels_B))
        return losses

    def _given_labels(self, data_samples: list[DataSample]) -> Tensor:
        """The given labels, int64 of shape (B,)."""
        if any('gt_label' not in s or s.gt_label.numel() != 1 for s in data_samples):
            raise ValueError(
                'DualPromptHead trains on samples with one given label each (gt_label): check the '
                f'data set, and {NO_MIXING}.'
            )
        # The preprocessor leaves `gt_label` as it was where it mixes.
        if 'gt_score' in data_samples[0]:
            check_unmixed(self, torch.stack([sample.gt_score for sample in data_samples]))
        return torch.cat([sample.gt_label for sample in data_samples])

    def _loss_cls(self, pos_BC, labels_B, selected_B, n_samples, n_selected, kwargs) -> Tensor:
        if self.in_warmup:
            loss = self.loss_module if self.loss_warmup is None else self.loss_warmup
            return loss(pos_BC, labels_B, avg_factor=n_samples, **kwargs)
        # Weights instead of indexing: no wait for the device, and the backbone stays in the graph
        # (as DDP needs it) when nothing is selected and every weight is 0.
        return self.loss_module(
            pos_BC,
            labels_B,
            weight=selected_B.to(pos_BC.dtype),
            avg_factor=self._at_least_one(n_selected),
            **kwargs,
        )

    def _mean_counts(self, selected_B: Tensor) -> tuple[Tensor, Tensor]:
        """Mean over processes of the number of samples and of selected samples, float32 scalars.

        A sum over the samples of one process, divided by this, averages over processes to the mean
        over the whole batch.
        """
        counts = torch.stack(
            [selected_B.new_tensor(len(selected_B), dtype=torch.float32), selected_B.sum()]
        )
        if self._n_processes() > 1:
            all_reduce(counts, op='mean')
        return counts[0], counts[1]

    def _at_least_one(self, n_selected: Tensor) -> Tensor:
        """A divisor for sums over selected samples: where there is none, the sum is 0."""
        return n_selected.clamp(min=1.0 / self._n_processes())

    def _n_processes(self) -> int:
        # An evaluation loss is each process's own: their numbers of batches may differ, and a
        # collective would hang.
        return get_world_size() if self.training else 1

    # -- prediction --------------------------------------------------------------

    def predict(
        self,
        feats: tuple[Tensor],
        data_samples: list[DataSample | None] | None = None,
    ) -> list[DataSample]:
        """Class, scores and the clean probability of the given label.

        Args:
            feats (tuple[Tensor]): The backbone's output; the last entry is the projected feature,
                shape (B, E).
            data_samples (list[DataSample | None], optional): The samples. Defaults to None.

        Returns:
            list[DataSample]: The samples with ``pred_score`` (softmax of the positive logits, shape
            (C,)), ``pred_label`` (its best class, shape (1,)), ``yes_label`` (the class of the
            highest probability "is this class", shape (1,)) and, given a label, ``clean_prob``
            (that probability of the given label, float32 of shape (1,)).
        """
        pos_BC, neg_BC = self.dual_logits(feats)
        predictions = self._get_predictions(pos_BC.detach(), data_samples)
        p_yes_BC = self.yes_probability(pos_BC, neg_BC).detach()
        yes_label_B1 = p_yes_BC.argmax(dim=1, keepdim=True)
        for sample, p_yes_C, yes_label_1 in zip(predictions, p_yes_BC, yes_label_B1, strict=True):
            sample.set_field(yes_label_1, 'yes_label', dtype=Tensor)
            if 'gt_label' in sample and sample.gt_label.numel() == 1:
                clean_prob_1 = p_yes_C[sample.gt_label.to(p_yes_C.device)].reshape(1)
                sample.set_field(clean_prob_1, 'clean_prob', dtype=Tensor)
        return predictions


def _sample_indices(data_samples: list[DataSample], device: torch.device) -> Tensor | None:
    """The samples' indices in the data set, int64 of shape (B,), or None if they have none."""
    if not all('sample_idx' in sample for sample in data_samples):
        return None
    return torch.tensor([int(s.sample_idx) for s in data_samples], dtype=torch.int64, device=device)


def _check_without_classifier(recipe: str, ctx_init: str | None, **losses: dict | None) -> None:
    """Refuse what does not fit a recipe that leaves the positive prompts as they are."""
    for name, loss in losses.items():
        if loss is not None:
            raise ValueError(
                f'DualPromptHead.{name} is set, but recipe={recipe!r} has no classification '
                'loss: leave one of the two out.'
            )
    if ctx_init is None:
        raise ValueError(
            f"DualPromptHead.recipe is {recipe!r}, whose positive prompts aren't trained, "
            "and there are no words for them: set ctx_init, such as 'a photo of a'."
        )
