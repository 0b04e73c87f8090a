"""Precision, recall and F1 of the running selection, once an epoch."""

from __future__ import annotations

import torch
from mmengine.dist import all_reduce
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS

from deft_mm.datasets import NoisyLabelDataset
from deft_mm.evaluation import DetectionCounts


@HOOKS.register_module()
class SelectionLogHook(Hook):
    """Log what the detector selected in the training batches of an epoch, and how right that was.

    The selection of each batch is the one that its loss used, made on augmented images while the
    weights changed; the selection that counts is made by a scoring pass after stage 1. Where the
    true labels are unknown, only the kept share is logged. True labels are compared here and reach
    no model.

    Example:

        .. code:: python

            default_hooks = dict(selection_log=dict(type='SelectionLogHook'))
    """

    def before_train_epoch(self, runner: Runner) -> None:
        """Start the epoch's count."""
        self._batches: list[tuple[torch.Tensor, torch.Tensor]] = []

    def after_train_iter(self, runner: Runner, batch_idx: int, **kwargs) -> None:
        """Take over the batch's selection; it stays on its device until the epoch ends."""
        model = getattr(runner.model, 'module', runner.model)
        head = getattr(getattr(model, 'active', model), 'head', None)
        selection = getattr(head, 'batch_selection', None)
        if selection is not None and selection[0] is not None:
            self._batches.append(selection)

    def after_train_epoch(self, runner: Runner) -> None:
        """Log the epoch's figures, counted over all processes."""
        if not self._batches:
            return
        index = torch.cat([index for index, _ in self._batches]).cpu().numpy()
        kept = torch.cat([selected for _, selected in self._batches]).cpu().numpy()
        dataset = runner.train_dataloader.dataset
        # Only a wrapper of ours stamps the index by which the true label is found.
        known = isinstance(dataset, NoisyLabelDataset) and dataset.clean_labels is not None
        given = dataset.given_labels[index] if known else kept
        clean = dataset.clean_labels[index] if known else kept
        counts = torch.tensor(DetectionCounts.from_arrays(kept, given, clean).as_tuple())
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
