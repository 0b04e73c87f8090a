"""Score every sample of a data set with a model.

Shapes: N samples of the data set, n of them that the model is asked about, B of a batch, C classes
of the data, K classes of the model that are looked at, E width of a feature, F fields.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from itertools import chain

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.dataset import DefaultSampler
from mmengine.dist import all_reduce, get_world_size
from mmengine.logging import print_log
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Subset

from deft_mm.datasets import evaluation_view, scoring_collate
from deft_mm.engine.finite import non_finite_weights
from deft_mm.engine.kept_features import FeatureFolder, KeptFeatures, gives_projected
from deft_mm.models.heads import ScoringHead, class_scores
from deft_mm.progress import Progress
from deft_mm.selection import ON_DEMAND, RESULTS, ClassMatching, SampleTable
from deft_mm.selection.sample_details import TOP_CLASSES
from deft_mm.shorten import first_few

# What every model gives, and what the scores of some heads are good for.
_ALWAYS = ('loss', 'margin', 'probs', 'feature', 'top_label', 'top_prob')
_BY_OFFER = {
    'yes_prob': ('clean_prob', 'agreed'),
    'similarity': ('similarity',),
    'negative_similarity': ('negative_similarity',),
}
# What a model must have to give the rest.
_REMEDIES = dict.fromkeys(
    (*_BY_OFFER['yes_prob'], 'negative_similarity'),
    "a detector with head=dict(type='DualPromptHead', ...)",
) | {'similarity': 'a detector with a ZeroShotHead or DualPromptHead'}
# Rows of wide columns that are summed over processes at once: on a GPU they pass through its
# memory.
_ROWS = 65536
# The columns of the most probable classes.
_TOP = ('top_label', 'top_prob')


@torch.no_grad()
def score_samples(
    model: nn.Module,
    dataset: Dataset,
    table: SampleTable,
    pipeline: Sequence[dict | Callable],
    needs: Sequence[str] = (),
    batch_size: int = 64,
    num_workers: int = 0,
    skip_unreadable: bool = False,
    matching: ClassMatching | None = None,
    among_all: bool = False,
    features: FeatureFolder | None = None,
) -> SampleTable:
    """Run a model over all samples, once each, in evaluation mode and with evaluation transforms.

    In a distributed run every process scores its share and all of them get all scores. What is
    computed is what the head predicts, for a whole batch at once: no DataSample is filled in, and
    nothing but the wide columns waits for the device before the last batch.

    Args:
        model (nn.Module): An ``ImageClassifier``. A :class:`~deft_mm.models.heads.ScoringHead`
            tells more than predictions; of another head, ``forward`` gives logits.
        dataset (Dataset): The data set, of N samples; its own transforms are not used.
        table (SampleTable): Its samples, see :func:`~deft_mm.datasets.sample_table_of`.
        pipeline (Sequence[dict | Callable]): Evaluation transforms, ending in ``PackInputs``.
        needs (Sequence[str]): Columns to fill in beside predictions, see :func:`check_needs`.
            Defaults to none.
        batch_size (int): Samples a forward pass, in each process. Defaults to 64.
        num_workers (int): Data-loading workers of each process. Defaults to 0.
        skip_unreadable (bool): Mark images that can't be read instead of raising. Defaults to
            False.
        matching (ClassMatching, optional): Which classes of the model those of the data are, where
            they differ: samples of others are left out. None where they are the same. Defaults to
            None.
        among_all (bool): With a matching, whether a prediction may be a class of the model that the
            data don't have; its label is then -1. Defaults to False.
        features (FeatureFolder, optional): Where the features of a frozen CLIP are kept: those that
            are there are not computed, and scores are those of features in its type. Without effect
            on other models. None for nowhere. Defaults to None.

    Returns:
        SampleTable: With predictions, what the selector needs and, of a head that gives one, the
        clean probability.

    A sample whose scores are not finite has none, as one whose image can't be read, and there is a
    warning.

    Raises:
        ValueError: If an image can't be read and ``skip_unreadable`` is False, none can, no sample
            is of a class that the model has, the model does not have what is needed, or its weights
            or the scores of all samples are not finite.
        RuntimeError: If a sample was not scored exactly once.
    """
    check_needs(model, needs)
    _check_weights(model)
    asked = _Asked(table, matching, among_all)
    view = evaluation_view(dataset, pipeline, skip_unreadable=skip_unreadable)
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    kept, wanted_N = None, asked.scored_N
    if features is not None:
        kept = features.open(model, dataset, pipeline, asked.scored_N)
    if kept is not None:
        print_log(str(kept), 'current')
        wanted_N = wanted_N & ~kept.has_N
    if not wanted_N.all():
        view = Subset(view, np.flatnonzero(wanted_N))
    loader = DataLoader(
        view,
        batch_size,
        # Not rounded up: a padded sampler would score some samples twice.
        sampler=DefaultSampler(view, shuffle=False, round_up=False),
        num_workers=num_workers,
        collate_fn=scoring_collate,
        pin_memory=device.type == 'cuda',
        # Not the run's: an epoch draws what it draws without the pass.
        generator=torch.Generator(),
    )
    with _both_features(model, kept is not None or 'feature' in needs), kept or nullcontext():
        batches = _computed(model, loader, kept, len(view))
        if kept is not None:
            batches = chain(kept.batches(batch_size, device), batches)
        wide = [name for name in needs if ON_DEMAND.get(name) == 2 and name not in _TOP]
        types = dict.fromkeys(wide, torch.float32)
        if kept is not None and 'feature' in types:
            types['feature'] = kept.dtype
        index, columns, wide = _score_batches(model, batches, asked, device, needs, types)
    model.train(was_training)
    wide = {name: _sum_rows(rows, len(table), types[name]) for name, rows in wide.items()}
    return _gather(table, asked, index, columns, wide, skip_unreadable)


def check_needs(model: nn.Module, needs: Sequence[str], who: str = 'The selector') -> None:
    """Refuse what a model does not give, before anything is computed.

    Args:
        model (nn.Module): The classifier that is to score.
        needs (Sequence[str]): Columns of :class:`~deft_mm.selection.SampleTable`: 'loss', 'margin',
            'probs', 'feature', 'top_label' and 'top_prob' of any model; 'clean_prob', 'agreed',
            'similarity' and 'negative_similarity' of a head that offers what they are made of.
        who (str): Who needs them, for the message. Defaults to 'The selector'.

    Raises:
        ValueError: If ``needs`` names something else, or what the head does not offer.
    """
    head = getattr(model, 'head', None)
    given = columns_of(model)
    for name in needs:
        if name not in _ALWAYS and name not in _REMEDIES:
            known = ', '.join([*_ALWAYS, *_REMEDIES])
            raise ValueError(
                f'{who} needs {name!r}, which a scoring pass does not have: it offers {known}.'
            )
        if name not in given:
            raise ValueError(
                f'{who} needs the {name!r} of samples, which {type(head).__name__} does not give: '
                f'use {_REMEDIES[name]}, or another selector.'
            )


def columns_of(model: nn.Module) -> set[str]:
    """The columns that a scoring pass can fill in; see :func:`check_needs`."""
    head = getattr(model, 'head', None)
    offered = head.offers if isinstance(head, ScoringHead) else ()
    return {*_ALWAYS, *(name for offer in offered for name in _BY_OFFER[offer])}


def _check_weights(model: nn.Module) -> None:
    names = non_finite_weights(model)
    if names:
        raise ValueError(
            f'The {type(model).__name__} that is to score has weights that are not finite, '
            f'{len(names)} tensors of them ({names[0]}): its training diverged (the learning rate '
            'is too high), or its checkpoint is damaged. Take one of an earlier epoch.'
        )


@contextmanager
def _both_features(model: nn.Module, wanted: bool) -> Iterator[None]:
    """Let a CLIP backbone that gives its projected feature give the one before it, too, if wanted.

    Neighbours and fits find more in it; heads with text take the last one, as they always do.
    """
    changes = wanted and gives_projected(model) and model.backbone.out_type == 'projected'
    if changes:
        model.backbone.out_type = 'both'
    try:
        yield
    finally:
        if changes:
            model.backbone.out_type = 'projected'


class _Asked:
    """What a model is asked of which samples.

    Attributes:
        scored_N: (N,) bool, the samples of classes that the model has.
        given_N: (N,) int64 tensor, the given label among the K classes; -1 where not scored.
        columns_K: (K,) int64 tensor, labels of the model's classes; None for all in their order.
        label_K: (K,) int64, their labels in the data, -1 for none; None for their own numbers.
        num_classes: C.
    """

    def __init__(self, table: SampleTable, matching: ClassMatching | None, among_all: bool) -> None:
        self.scored_N = np.ones(len(table), dtype=bool)
        self.num_classes = len(table.class_names)
        given, self.columns_K, self.label_K = table.label, None, None
        if matching is not None:
            classes = matching.matched
            columns = matching.detector_label[classes]
            self.label_K = classes
            if among_all:
                others = matching.other_labels
                columns = np.concatenate([columns, others])
                self.label_K = np.concatenate([classes, np.full(len(others), -1)])
            self.columns_K = torch.from_numpy(columns)
            position_C = np.full(len(matching.data_classes), -1)
            position_C[classes] = np.arange(len(classes))
            given = position_C[given]
            self.scored_N = given >= 0
            if not self.scored_N.any():
                names = first_few(matching.data_classes[label] for label in classes)
                raise ValueError(
                    f'None of the {len(table)} samples is of a class that the detector has '
                    f'({names}).'
                )
        self.given_N = torch.from_numpy(given)

    def in_data_order(self, probs_BK: Tensor) -> Tensor:
        """Probabilities of the classes of the data (B, C): 0 for those that the model lacks."""
        if self.label_K is None:
            return probs_BK
        known = np.flatnonzero(self.label_K >= 0)
        probs_BC = probs_BK.new_zeros(len(probs_BK), self.num_classes)
        probs_BC[:, self.label_K[known]] = probs_BK[:, known]
        return probs_BC


def _computed(
    model: nn.Module, loader: Iterable, kept: KeptFeatures | None, number: int
) -> Iterator[tuple[list[int], tuple[Tensor, ...]]]:
    """Indices and features of this process's share of so many images, which are computed."""
    progress = Progress('Scored', number, 'samples')
    for batch in loader:
        if batch is None:  # no image of it could be read
            continue
        index_B = [sample.sample_idx for sample in batch['data_samples']]
        # Without the samples, among which the preprocessor would distribute the labels.
        inputs = {key: value for key, value in batch.items() if key != 'data_samples'}
        feats = model.extract_feat(model.data_preprocessor(inputs, False)['inputs'])
        yield index_B, feats if kept is None else kept.add(index_B, feats)
        # Processes advance together.
        progress.advance(len(index_B) * get_world_size())


def _score_batches(model, batches, asked: _Asked, device, needs, types):
    """Score this process's share.

    Returns:
        tuple: The samples' indices (list), their fields by name (each a list of tensors (B,), still
        on the device), and wide columns of all samples by name, 0 where they are another process's.
    """
    index, columns = [], {}
    wide = dict.fromkeys(types)
    for index_B, feats in batches:
        given_B = asked.given_N[index_B].to(device)
        fields = _score_batch(model.head, feats, given_B, asked.columns_K, needs)
        if 'probs' in needs:
            fields['probs'] = asked.in_data_order(fields['probs'])
        if 'feature' in needs:
            fields['feature'] = _feature(model, feats)
        for name in wide:
            values_BX = fields.pop(name).to(types[name]).cpu()
            if wide[name] is None:
                shape = len(asked.given_N), values_BX.size(1)
                wide[name] = torch.zeros(shape, dtype=types[name])
            wide[name][index_B] = values_BX
        for name, column_B in fields.items():
            columns.setdefault(name, []).append(column_B)
        index.extend(index_B)
    return index, columns, wide


def _score_batch(
    head: nn.Module,
    feats: tuple[Tensor, ...],
    given_B: Tensor,
    columns_K: Tensor | None,
    needs: Sequence[str],
) -> dict[str, Tensor]:
    """The fields of a batch, each (B,), but for the wide ones."""
    offered = head.offers if isinstance(head, ScoringHead) else ()
    # A clean probability costs next to nothing where there is one.
    names = [name for name in offered if name == 'yes_prob' or name in needs]
    scores = class_scores(head, feats, names)
    if columns_K is not None:
        columns_K = columns_K.to(given_B.device)
        scores = {name: score_BC[:, columns_K] for name, score_BC in scores.items()}
    logits_BK = scores['logits']
    prob_BK = F.softmax(logits_BK, dim=1)
    fields = dict(pred_label=prob_BK.argmax(dim=1), pred_prob=prob_BK.amax(dim=1))
    if 'yes_prob' in scores:
        fields['clean_prob'] = scores['yes_prob'].gather(1, given_B[:, None])[:, 0]
    if 'agreed' in needs:
        fields['agreed'] = head.agrees(scores['yes_prob'], fields['pred_label'], given_B)
    if 'loss' in needs:
        fields['loss'] = F.cross_entropy(logits_BK, given_B, reduction='none')
    if 'margin' in needs:
        fields['margin'] = _margin(logits_BK, given_B)
    for name in {'similarity', 'negative_similarity'}.intersection(needs):
        fields[name] = scores[name].gather(1, given_B[:, None])[:, 0]
    if set(_TOP).intersection(needs):
        top = prob_BK.topk(min(TOP_CLASSES, prob_BK.size(1)), dim=1)
        fields |= dict(zip(_TOP, (top.indices, top.values), strict=True))
    if 'probs' in needs:
        fields['probs'] = prob_BK
    return fields


def _margin(logits_BK: Tensor, given_B: Tensor) -> Tensor:
    """How far the logit of the given label is ahead of all others (B,), 0 where it is alone."""
    given_B1 = given_B[:, None]
    if logits_BK.size(1) == 1:
        return torch.zeros_like(logits_BK[:, 0])
    others_BK = logits_BK.scatter(1, given_B1, -torch.inf)
    return logits_BK.gather(1, given_B1)[:, 0] - others_BK.amax(dim=1)


def _feature(model: nn.Module, feats: tuple[Tensor, ...]) -> Tensor:
    """What neighbours are looked for in (B, E)."""
    if gives_projected(model) and model.backbone.out_type == 'both':
        return feats[0]
    return model.head.pre_logits(feats)


def _gather(
    table: SampleTable, asked: _Asked, index, columns, wide, skip_unreadable: bool
) -> SampleTable:
    """Put together what the processes have scored."""
    num_samples = len(table)
    # A process without a sample doesn't know the names.
    names = _all_names(columns)
    num_classes = asked.num_classes if asked.label_K is None else len(asked.label_K)
    widths = [min(TOP_CLASSES, num_classes) if name in _TOP else 1 for name in names]
    index = torch.tensor(index, dtype=torch.int64)
    # Sums over processes: each sample's row is filled in by one of them and 0 in the others.
    table_NF = torch.zeros(num_samples, sum(widths), dtype=torch.float64)
    count_N = torch.bincount(index, minlength=num_samples)
    if len(index):
        values = [torch.cat(columns[name]).double().view(len(index), -1) for name in names]
        table_NF[index] = torch.cat(values, dim=1).cpu()
    all_reduce(table_NF)
    all_reduce(count_N)
    seen_N = count_N.numpy()
    missing = int((seen_N[asked.scored_N] == 0).sum())
    if (seen_N > 1).any() or (missing and not skip_unreadable):
        raise RuntimeError(
            f'The scoring pass saw {missing} samples not at all and {int((seen_N > 1).sum())} more '
            'than once: the data set must have a fixed order and length.'
        )
    if missing and not seen_N.any():
        raise ValueError(
            f'None of the {missing} images can be read: check where the data set looks for them '
            '(data_root, data_prefix).'
        )
    is_finite_N = table_NF.isfinite().all(dim=1).numpy()
    _check_scores(table, (seen_N == 1) & ~is_finite_N, int(seen_N.sum()))
    parts = zip(names, table_NF.split(widths, dim=1), strict=True)
    fields = {name: (part if name in _TOP else part[:, 0]).numpy().copy() for name, part in parts}
    fields |= {name: rows.numpy() for name, rows in wide.items()}
    has_none_N = (seen_N == 0) | ~is_finite_N
    for name, values in fields.items():
        values[has_none_N] = RESULTS[name][1] if name in RESULTS else _missing(name)
    if asked.label_K is not None:
        for name in {'pred_label', 'top_label'}.intersection(fields):
            label = fields[name].astype(np.int64)
            fields[name] = np.where(label >= 0, asked.label_K[label], -1)
    return table.with_columns(
        readable=~asked.scored_N | (seen_N == 1), scored=asked.scored_N, **fields
    )


def _check_scores(table: SampleTable, bad_N: np.ndarray, num_scored: int) -> None:
    """Refuse scores of which none is finite, and warn where some are not."""
    num_bad = int(bad_N.sum())
    if not num_bad:
        return
    text = (
        'though all weights are. In mixed precision numbers end at 65504 with float16: '
        'optim_wrapper.dtype=bfloat16, or no --amp. Otherwise look at the images that the '
        'evaluation transforms give.'
    )
    if num_bad == num_scored:
        raise ValueError(f'No score of {num_scored} samples is finite, {text}')
    first = int(np.flatnonzero(bad_N)[0])
    print_log(
        f'{num_bad} of {num_scored} samples (first: {first} {table.img_path[first]}) have scores '
        f'that are not finite, and count as rejected, {text}',
        logger='current',
        level=logging.WARNING,
    )


def _all_names(columns: dict[str, list[Tensor]]) -> list[str]:
    """The names of the columns, in one order in every process."""
    known = [*RESULTS, *_TOP, *(name for name, dims in ON_DEMAND.items() if dims == 1)]
    has = torch.tensor([name in columns for name in known], dtype=torch.int64)
    all_reduce(has, op='max')
    return [name for name, there in zip(known, has.tolist(), strict=True) if there]


def _missing(name: str) -> float:
    return dict(agreed=0.0, top_label=-1.0).get(name, np.nan)


def _sum_rows(rows_NX: Tensor | None, num_samples: int, dtype: torch.dtype) -> Tensor:
    # A process without a sample doesn't know the width.
    width = torch.tensor(0 if rows_NX is None else rows_NX.size(1))
    all_reduce(width, op='max')
    if rows_NX is None:
        rows_NX = torch.zeros(num_samples, int(width), dtype=dtype)
    for rows in rows_NX.split(_ROWS):
        all_reduce(rows)
    return rows_NX
