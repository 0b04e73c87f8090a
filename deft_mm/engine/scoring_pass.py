"""Score every sample of a training set with a detector."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields

import torch
from mmengine.dataset import DefaultSampler
from mmengine.dist import all_reduce
from torch import nn
from torch.utils.data import DataLoader, Dataset

from deft_mm.datasets import evaluation_view, given_labels_of, scoring_collate
from deft_mm.selection import SampleScores

# Fields of SampleScores that a detector predicts, and where they stand in a DataSample.
_PREDICTED = dict(
    clean_prob=lambda sample: sample.clean_prob,
    pred_label=lambda sample: sample.pred_label,
    pred_prob=lambda sample: sample.pred_score.max().reshape(1),
    yes_label=lambda sample: sample.yes_label,
    given_label=lambda sample: sample.gt_label,
)
_UNREADABLE = dict(clean_prob=float('nan'), pred_prob=float('nan'), pred_label=-1, yes_label=-1)


@torch.no_grad()
def score_samples(
    detector: nn.Module,
    dataset: Dataset,
    pipeline: Sequence[dict | Callable],
    batch_size: int = 64,
    num_workers: int = 0,
    skip_unreadable: bool = False,
) -> SampleScores:
    """Run a detector over all samples, once each, in evaluation mode and with evaluation
    transforms.

    In a distributed run every process scores its share and all of them get all scores.

    Args:
        detector (nn.Module): An ``ImageClassifier`` whose head predicts ``clean_prob`` and
            ``yes_label``.
        dataset (Dataset): The training set, of N samples; its own transforms are not used.
        pipeline (Sequence[dict | Callable]): Evaluation transforms, ending in ``PackInputs``.
        batch_size (int): Samples a forward pass, in each process. Defaults to 64.
        num_workers (int): Data-loading workers of each process. Defaults to 0.
        skip_unreadable (bool): Mark images that can't be read instead of raising. Defaults to
            False.

    Returns:
        SampleScores: Arrays of shape (N,), by index in ``dataset``.

    Raises:
        ValueError: If an image can't be read and ``skip_unreadable`` is False.
        RuntimeError: If a sample was not scored exactly once.
    """
    view = evaluation_view(dataset, pipeline, skip_unreadable=skip_unreadable)
    # Not rounded up: a padded sampler would score some samples twice.
    sampler = DefaultSampler(view, shuffle=False, round_up=False)
    loader = DataLoader(
        view, batch_size, sampler=sampler, num_workers=num_workers, collate_fn=scoring_collate
    )
    device = next(detector.parameters()).device
    # Sums over processes: each sample's row is filled in by one of them and 0 in the others.
    table_NF = torch.zeros(len(view), len(_PREDICTED), dtype=torch.float64, device=device)
    count_N = torch.zeros(len(view), dtype=torch.int64, device=device)
    was_training = detector.training
    detector.eval()
    for batch in loader:
        if batch is None:  # no image of it could be read
            continue
        samples = detector.test_step(batch)
        index_B = torch.tensor([sample.sample_idx for sample in samples], device=device)
        columns = [torch.cat([get(sample) for sample in samples]) for get in _PREDICTED.values()]
        table_NF[index_B] = torch.stack([column.double() for column in columns], dim=1)
        count_N.index_add_(0, index_B, torch.ones_like(index_B))
    detector.train(was_training)
    all_reduce(table_NF)
    all_reduce(count_N)
    return _to_scores(table_NF.cpu(), count_N.cpu(), given_labels_of(dataset), skip_unreadable)


def _to_scores(table_NF, count_N, given_labels, skip_unreadable: bool) -> SampleScores:
    if (count_N > 1).any() or (not skip_unreadable and (count_N != 1).any()):
        raise RuntimeError(
            f'The scoring pass saw {int((count_N == 0).sum())} samples not at all and '
            f'{int((count_N > 1).sum())} more than once: the data set must have a fixed order and '
            'length.'
        )
    readable = (count_N == 1).numpy()
    columns = {name: table_NF[:, i].numpy().copy() for i, name in enumerate(_PREDICTED)}
    for name, value in _UNREADABLE.items():
        columns[name][~readable] = value
    columns['given_label'][~readable] = given_labels[~readable]
    return SampleScores(
        readable=readable,
        **{f.name: columns[f.name] for f in fields(SampleScores) if f.name in columns},
    )
