"""The running selection, once an epoch: how right it is, and whether it collapses.

Shapes: C classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple

import numpy as np
import torch
from mmengine.dist import all_reduce
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS
from torch.utils.data import Dataset

from deft_mm.datasets import CorrectedLabels, NoisyLabelDataset
from deft_mm.engine.stage_switch import active_model, training_data
from deft_mm.evaluation import DetectionCounts
from deft_mm.models.heads import ScoringHead
from deft_mm.shorten import first_few

# A share of fewer samples says nothing.
_MIN_SAMPLES = 10


@HOOKS.register_module()
class SelectionLogHook(Hook):
    """Log what the detector selected in the training batches of an epoch, and how right that was.

    The selection of each batch is the one that its loss used, made on augmented images while the
    weights changed; the selection that counts is made by a scoring pass after stage 1. Where the
    true labels are unknown, only the kept share is logged. True labels are compared here and reach
    no model.

    It warns when the selection collapses: when the share kept of all samples has fallen far below
    its highest value in an earlier epoch, when that of one given class has fallen much more than
    that of all, and when nothing is kept of a class any more. A detector can talk itself into its
    own mistakes, since it trains on what it keeps; that shows here first. It looks from the epoch
    on in which the loss depends on the selection, before which an untrained head keeps about a
    half, and says a thing once: again only after another such fall.

    Example:

        .. code:: python

            default_hooks = dict(selection_log=dict(type='SelectionLogHook'))

    Args:
        collapse (float): Warn where a kept share is below this part of its highest value, for a
            class times the fall of the share of all. Defaults to 0.5.
    """

    def __init__(self, collapse: float = 0.5) -> None:
        if not 0 <= collapse <= 1:
            raise ValueError(f'SelectionLogHook.collapse is {collapse}: set it between 0 and 1.')
        self.collapse = collapse

    def before_train_epoch(self, runner: Runner) -> None:
        """Start the epoch's count."""
        self._batches: list[tuple[torch.Tensor, torch.Tensor]] = []

    def after_train_iter(self, runner: Runner, batch_idx: int, **kwargs) -> None:
        """Take over the batch's selection; it stays on its device until the epoch ends."""
        head = _head(runner)
        selection = head.batch_selection if isinstance(head, ScoringHead) else None
        if selection is not None and selection[0] is not None:
            self._batches.append(selection)

    def after_train_epoch(self, runner: Runner) -> None:
        """Log the epoch's figures, counted over all processes."""
        if not self._batches:
            return
        index = torch.cat([index for index, _ in self._batches]).cpu().numpy()
        kept = torch.cat([selected for _, selected in self._batches]).cpu().numpy()
        dataset = training_data(runner)
        given_N, clean_N = _labels_by_index(dataset)
        given = None if given_N is None else given_N[index]
        self._log_figures(runner, kept, given, None if clean_N is None else clean_N[index])
        if _head(runner).doubts_labels and given is not None:
            self._warn_of_collapse(runner, dataset.metainfo['classes'], given, kept)

    def _log_figures(self, runner: Runner, kept, given, clean) -> None:
        known = clean is not None
        given, clean = (given, clean) if known else (kept, kept)
        counts = torch.tensor(astuple(DetectionCounts.from_arrays(kept, given, clean)))
        all_reduce(counts)
        metrics = DetectionCounts(*counts.tolist()).metrics()
        figures = dict(kept_share=100 * metrics['n_kept'] / metrics['n_total'])
        if known:
            figures.update({name: metrics[name] for name in ('precision', 'recall', 'f1')})
        scalars = {f'selection/{name}': value for name, value in figures.items()}
        # One value an epoch, as validation metrics are written.
        runner.visualizer.add_scalars(scalars, step=runner.epoch + 1)
        text = ', '.join(f'{name} {value:.2f}' for name, value in figures.items())
        runner.logger.info(f'Epoch {runner.epoch + 1}, running selection (%): {text}')

    def _warn_of_collapse(self, runner: Runner, names: Sequence[str], given, kept) -> None:
        """Compare the kept shares with the highest ones so far; those are kept for a resume."""
        counts_2C = torch.from_numpy(
            np.stack(
                [
                    np.bincount(given[kept], minlength=len(names)),
                    np.bincount(given, minlength=len(names)),
                ]
            )
        )
        all_reduce(counts_2C)
        kept_C, total_C = counts_2C.numpy()
        # All samples come first, then each class.
        total = np.append(total_C.sum(), total_C)
        share = np.append(kept_C.sum(), kept_C) / np.maximum(total, 1)
        hub = runner.message_hub
        highest = np.array(hub.get_info('highest_kept_shares', [0.0] * len(share)))
        lost = np.flatnonzero((kept_C == 0) & (total_C >= _MIN_SAMPLES)).tolist()
        limit = self.collapse * highest
        # What every class loses says nothing of one.
        limit[1:] *= min(1.0, share[0] / highest[0]) if highest[0] else 1.0
        fallen = (share < limit) & (total >= _MIN_SAMPLES)
        said = hub.get_info('classes_without_kept', [])
        # One that comes back with next to nothing, and goes again, is no news.
        still = [c for c in said if share[1 + c] < self.collapse * share[0]]
        remedy = _head(runner).remedy_for_collapse()
        for message in _messages(names, share, highest, fallen, lost, still, remedy):
            runner.logger.warning(f'Epoch {runner.epoch + 1}: {message}')
        hub.update_info('classes_without_kept', sorted({*lost, *still}))
        # What has been said counts from its new value on.
        if fallen[0]:
            highest[1:] *= share[0] / highest[0]
        hub.update_info(
            'highest_kept_shares', np.where(fallen, share, np.maximum(share, highest)).tolist()
        )


def _labels_by_index(dataset: Dataset) -> tuple[np.ndarray | None, np.ndarray | None]:
    """Given and true labels by the ``sample_idx`` that wrappers of ours stamp; None if unknown."""
    if isinstance(dataset, NoisyLabelDataset):
        return dataset.given_labels, dataset.clean_labels
    if not isinstance(dataset, CorrectedLabels):
        return None, None
    given_N, clean_N = _labels_by_index(dataset.dataset)
    if given_N is not None:
        given_N = given_N.copy()
        given_N[dataset.indices] = dataset.given_labels
    return given_N, clean_N


def _head(runner: Runner):
    return getattr(active_model(runner), 'head', None)


def _messages(names, share, highest, fallen, lost: list[int], still: list[int], remedy: str):
    if fallen[0]:
        yield (
            f'the selection collapses: it keeps {share[0]:.0%} of the samples, and kept '
            f'{highest[0]:.0%} before. The detector may be talking itself into its own mistakes: '
            f'try {remedy}'
        )
    new = [c for c in lost if c not in still]
    if new:
        yield f'nothing is kept of {_count(new)}: {first_few(str(names[c]) for c in new)}.'
    drifted = [c for c in np.flatnonzero(fallen[1:]) if c not in lost + still]
    if drifted:
        shares = first_few(
            f'{names[c]} {highest[1 + c]:.0%} -> {share[1 + c]:.0%}' for c in drifted
        )
        yield f'the share kept has fallen most in {_count(drifted)}: {shares}.'


def _count(classes) -> str:
    return '1 class' if len(classes) == 1 else f'{len(classes)} classes'
