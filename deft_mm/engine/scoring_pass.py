"""Score every sample of a training set with a detector.

Shapes: N samples of the data set, B of a batch, C classes, E width of a feature, F fields.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.dataset import DefaultSampler
from mmengine.dist import all_reduce
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from deft_mm.datasets import evaluation_view, given_labels_of, scoring_collate
from deft_mm.models.heads import DualPromptHead
from deft_mm.models.text import at_least_float32
from deft_mm.selection import OPTIONAL_SCORES, SampleScores

# What SampleScores holds of a sample whose image can't be read.
_UNREADABLE = dict(
    clean_prob=np.nan,
    pred_label=-1,
    pred_prob=np.nan,
    yes_label=-1,
    loss=np.nan,
    feature=np.nan,
    similarity=np.nan,
)
# Rows of features that are summed over processes at once: on a GPU they pass through its memory.
_ROWS = 65536


@torch.no_grad()
def score_samples(
    detector: nn.Module,
    dataset: Dataset,
    pipeline: Sequence[dict | Callable],
    batch_size: int = 64,
    num_workers: int = 0,
    skip_unreadable: bool = False,
    needs: Sequence[str] = (),
) -> SampleScores:
    """Run a detector over all samples, once each, in evaluation mode and with evaluation
    transforms.

    In a distributed run every process scores its share and all of them get all scores. What is
    computed is what the head predicts, for a whole batch at once: no DataSample is filled in, and
    nothing but the features waits for the device before the last batch.

    Args:
        detector (nn.Module): An ``ImageClassifier``. A head with ``dual_logits``, such as
            :class:`~deft_mm.models.heads.DualPromptHead`, gives a clean probability; of another
            head, whose ``forward`` gives logits, ``clean_prob`` is NaN and ``yes_label`` -1.
        dataset (Dataset): The training set, of N samples; its own transforms are not used.
        pipeline (Sequence[dict | Callable]): Evaluation transforms, ending in ``PackInputs``.
        batch_size (int): Samples a forward pass, in each process. Defaults to 64.
        num_workers (int): Data-loading workers of each process. Defaults to 0.
        skip_unreadable (bool): Mark images that can't be read instead of raising. Defaults to
            False.
        needs (Sequence[str]): Optional fields of ``SampleScores`` to fill in, of 'loss', 'feature'
            and 'similarity'. Defaults to none.

    Returns:
        SampleScores: Arrays of N entries, by index in ``dataset``.

    Raises:
        ValueError: If an image can't be read and ``skip_unreadable`` is False, or if ``needs``
            names something else, or a similarity of a head without text features.
        RuntimeError: If a sample was not scored exactly once.
    """
    check_needs(detector, needs)
    view = evaluation_view(dataset, pipeline, skip_unreadable=skip_unreadable)
    given_label = given_labels_of(dataset)
    device = next(detector.parameters()).device
    loader = DataLoader(
        view,
        batch_size,
        # Not rounded up: a padded sampler would score some samples twice.
        sampler=DefaultSampler(view, shuffle=False, round_up=False),
        num_workers=num_workers,
        collate_fn=scoring_collate,
        pin_memory=device.type == 'cuda',
    )
    was_training = detector.training
    detector.eval()
    index, columns, feature_NE = _score_batches(detector, loader, given_label, device, needs)
    detector.train(was_training)
    return _gather(index, columns, feature_NE, given_label, skip_unreadable, needs)


def check_needs(detector: nn.Module, needs: Sequence[str]) -> None:
    """Refuse optional scores that there are not, before anything is computed.

    Args:
        detector (nn.Module): The classifier that is to score.
        needs (Sequence[str]): Optional fields of ``SampleScores``.

    Raises:
        ValueError: If ``needs`` names something else, or a similarity of a head without text
            features.
    """
    for name in needs:
        if name not in OPTIONAL_SCORES:
            raise ValueError(
                f'A selector `needs` {name!r}, which the scoring pass does not have: it offers '
                f'{OPTIONAL_SCORES}.'
            )
    if 'similarity' in needs and not hasattr(detector.head, 'cosine_similarity'):
        raise ValueError(
            "The selector needs the 'similarity' of image and text, which "
            f'{type(detector.head).__name__} does not have: use a detector with a ZeroShotHead or '
            'DualPromptHead, or another selector.'
        )


def _score_batches(detector, loader, given_label: np.ndarray, device, needs):
    """Score this process's share.

    Returns:
        tuple: The samples' indices (list), their fields by name (each a list of tensors (B,), still
        on the device), and features of all samples (N, E), 0 where they are another process's; None
        if they are not needed, or there is no sample.
    """
    given_N = torch.from_numpy(given_label)
    index, columns, feature_NE = [], {}, None
    for batch in loader:
        if batch is None:  # no image of it could be read
            continue
        index_B = [sample.sample_idx for sample in batch['data_samples']]
        given_B = given_N[index_B].to(device)
        # Without the samples, among which the preprocessor would distribute the labels.
        inputs = {key: value for key, value in batch.items() if key != 'data_samples'}
        feats = detector.extract_feat(detector.data_preprocessor(inputs, False)['inputs'])
        for name, column_B in _score_batch(detector.head, feats, given_B, needs).items():
            columns.setdefault(name, []).append(column_B)
        index.extend(index_B)
        if 'feature' in needs:
            feature_BE = detector.head.pre_logits(feats).float().cpu()
            if feature_NE is None:
                feature_NE = torch.zeros(len(given_N), feature_BE.size(1))
            feature_NE[index_B] = feature_BE
    return index, columns, feature_NE


def _score_batch(
    head: nn.Module, feats: tuple[Tensor, ...], given_B: Tensor, needs: Sequence[str]
) -> dict[str, Tensor]:
    """The fields of a batch, each (B,)."""
    if hasattr(head, 'dual_logits'):
        logits_BC, neg_BC = head.dual_logits(feats)
        p_yes_BC = DualPromptHead.yes_probability(logits_BC, neg_BC)
        clean_prob_B = p_yes_BC.gather(1, given_B[:, None])[:, 0]
        yes_label_B = p_yes_BC.argmax(dim=1)
    else:
        logits_BC = at_least_float32(head(feats))
        clean_prob_B = logits_BC.new_full((len(given_B),), torch.nan)
        yes_label_B = torch.full_like(given_B, -1)
    score_BC = F.softmax(logits_BC, dim=1)
    fields = dict(
        clean_prob=clean_prob_B,
        pred_label=score_BC.argmax(dim=1),
        pred_prob=score_BC.amax(dim=1),
        yes_label=yes_label_B,
    )
    if 'loss' in needs:
        fields['loss'] = F.cross_entropy(logits_BC, given_B, reduction='none')
    if 'similarity' in needs:
        similarity_BC = head.cosine_similarity(feats)
        fields['similarity'] = similarity_BC.gather(1, given_B[:, None])[:, 0]
    return fields


def _gather(
    index, columns, feature_NE, given_label, skip_unreadable: bool, needs: Sequence[str]
) -> SampleScores:
    """Put together what the processes have scored."""
    names = ['clean_prob', 'pred_label', 'pred_prob', 'yes_label']
    names += [name for name in needs if name != 'feature']
    index = torch.tensor(index, dtype=torch.int64)
    # Sums over processes: each sample's row is filled in by one of them and 0 in the others.
    table_NF = torch.zeros(len(given_label), len(names), dtype=torch.float64)
    count_N = torch.bincount(index, minlength=len(given_label))
    if len(index):
        values = [torch.cat(columns[name]).double() for name in names]
        table_NF[index] = torch.stack(values, dim=1).cpu()
    all_reduce(table_NF)
    all_reduce(count_N)
    if (count_N > 1).any() or (not skip_unreadable and (count_N != 1).any()):
        raise RuntimeError(
            f'The scoring pass saw {int((count_N == 0).sum())} samples not at all and '
            f'{int((count_N > 1).sum())} more than once: the data set must have a fixed order and '
            'length.'
        )
    readable = (count_N == 1).numpy()
    fields = {name: table_NF[:, i].numpy().copy() for i, name in enumerate(names)}
    if 'feature' in needs:
        fields['feature'] = _sum_features(feature_NE, len(given_label)).numpy()
    for name, values in fields.items():
        values[~readable] = _UNREADABLE[name]
    return SampleScores(given_label=given_label, readable=readable, **fields)


def _sum_features(feature_NE: Tensor | None, num_samples: int) -> Tensor:
    # A process without a sample doesn't know the width.
    width = torch.tensor(0 if feature_NE is None else feature_NE.size(1))
    all_reduce(width, op='max')
    if feature_NE is None:
        feature_NE = torch.zeros(num_samples, int(width))
    for rows in feature_NE.split(_ROWS):
        all_reduce(rows)
    return feature_NE
