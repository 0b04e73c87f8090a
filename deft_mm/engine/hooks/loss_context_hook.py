"""What losses need to know of the run: the epoch, sizes, class counts, the samples of a batch."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.dataset import ConcatDataset
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.models import ImageClassifier
from mmpretrain.registry import HOOKS
from torch import nn

from deft_mm.datasets import NoisyLabelDataset, given_labels_of
from deft_mm.datasets.selection_wrapper import SelectionWrapper
from deft_mm.engine.hooks.filter_hook import FilterHook
from deft_mm.engine.hooks.noise_filter_hook import NoiseFilterHook
from deft_mm.engine.rehearsal import check_sample_fields, fields_read_by, rehearse_step
from deft_mm.engine.select import precision_of
from deft_mm.engine.stage_switch import (
    active_model,
    bare_model,
    is_resuming,
    is_training,
    training_data,
)
from deft_mm.models.training_context import ContextModule, TrainingContext


@HOOKS.register_module()
class LossContextHook(Hook):
    """Keep the :class:`~deft_mm.models.training_context.TrainingContext` of a run up to date.

    Every :class:`~deft_mm.models.training_context.ContextModule` of the model enters it before the
    run, of a :class:`~deft_mm.models.algorithms.DeFT` model those of both stages; again after
    weights are loaded; and the active stage's again when the training data have been exchanged. The
    epoch counts those of the current stage. What no module needs is not counted.

    Example:

        .. code:: python

            default_hooks = dict(loss_context=dict(type='LossContextHook'))
            model = dict(head=dict(loss=dict(type='ELRLoss', num_classes=100)))
    """

    # After the hooks that exchange the training data; before EMAHook, which copies the model when
    # its buffers must have their sizes.
    priority = 'ABOVE_NORMAL'

    def before_run(self, runner: Runner) -> None:
        """Have all modules enter the run.

        Raises:
            ValueError: If ``sample_idx`` is that of another sample, too, or if samples have a field
                that no loss reads, or lack one that is read.
        """
        if not is_training(runner):
            return
        self.context = TrainingContext()
        self.modules = [m for m in bare_model(runner).modules() if isinstance(m, ContextModule)]
        if self._needs('num_samples'):
            self.context.num_samples = _num_samples(training_data(runner))
        self._enter(runner)
        _warn_of_long_warm_ups(runner)
        if not _are_exchanged(runner):
            _check_fields(runner)

    def before_train(self, runner: Runner) -> None:
        """Have losses forget what a checkpoint given as ``load_from`` says of samples.

        Raises:
            ValueError: If a classifier fails on a first batch of the training data.
        """
        self.context.starts_anew = not is_resuming(runner)
        self._enter(runner)
        self.context.starts_anew = False
        if not is_resuming(runner):
            _rehearse(runner)

    def before_train_epoch(self, runner: Runner) -> None:
        """Tell the epoch, and of new training data."""
        self.context.epoch = runner.epoch - getattr(bare_model(runner), 'stage_begin_epoch', 0)
        if training_data(runner) is not self._dataset:
            self._enter(runner, active_model(runner))

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None
    ) -> None:
        """Tell the samples of the batch."""
        if self.modules:
            self.context.data_samples = data_batch['data_samples']

    def _enter(self, runner: Runner, part: nn.Module | None = None) -> None:
        """Count the data, and tell the modules of the whole model, or of a part."""
        self._dataset = training_data(runner)
        if self._needs('class_counts'):
            labels = torch.from_numpy(given_labels_of(self._dataset))
            num_classes = len(self._dataset.metainfo.get('classes') or ())
            self.context.class_counts = torch.bincount(labels, minlength=num_classes)
        inside = set(self.modules if part is None else part.modules())
        for module in self.modules:
            if module in inside:
                module.enter(self.context)

    def _needs(self, name: str) -> bool:
        return any(name in module.context_needs for module in self.modules)


def _warn_of_long_warm_ups(runner: Runner) -> None:
    """A stage may be too short for what is to begin in it; in a trial run that is meant."""
    stages = {}
    for hook in runner.hooks:
        if isinstance(hook, NoiseFilterHook):
            stages = dict(detector=hook.detector_epochs, classifier=hook.classifier_epochs)
    for path, module in bare_model(runner).named_modules():
        if not (isinstance(module, ContextModule) and module.warmup_setting):
            continue
        epochs = stages.get(path.split('.')[0], runner.max_epochs)
        value = getattr(module, module.warmup_setting)
        if value >= epochs > 0:
            key = '.'.join(filter(None, ('model', path, module.warmup_setting)))
            runner.logger.warning(
                f'{key}={value}, and only {epochs} epochs train the {type(module).__name__}: what '
                'comes after this warm-up does not come.'
            )


def _are_exchanged(runner: Runner) -> bool:
    """Whether the training data are; the hook that does it looks at them."""
    return any(isinstance(hook, FilterHook) and hook.exchanges_data for hook in runner.hooks)


def _rehearse(runner: Runner) -> None:
    """Try a step; one of self-supervised learning may change weights that follow others."""
    model = active_model(runner)
    if isinstance(model, ImageClassifier) and not _are_exchanged(runner):
        with precision_of(runner):
            rehearse_step(model, runner.train_dataloader, 'train_dataloader.dataset')


def _check_fields(runner: Runner) -> None:
    model, data = active_model(runner), training_data(runner)
    # Making a batch takes a moment: not where neither side can have such a field.
    if isinstance(data, SelectionWrapper) or fields_read_by(model):
        check_sample_fields(model, runner.train_dataloader, 'train_dataloader.dataset')


def _num_samples(dataset: Any) -> int:
    """Return how many values ``sample_idx`` may take, from 0 on.

    Raises:
        ValueError: If the same value stands for samples of several data sets.
    """
    outermost, is_numbered, sizes = dataset, False, [len(dataset)]
    while not isinstance(dataset, NoisyLabelDataset):
        # It numbers its samples as the data set that it wraps counts them.
        is_numbered |= isinstance(dataset, SelectionWrapper)
        if isinstance(dataset, ConcatDataset):
            if is_numbered:
                break
            raise ValueError(
                f'train_dataloader.dataset ({type(outermost).__name__}) holds a '
                f'{type(dataset).__name__}, whose parts all count their samples from 0, but the '
                'loss tells samples apart by sample_idx: put '
                "dict(type='NoisyLabelDataset', dataset=...) around it."
            )
        if not hasattr(dataset, 'dataset'):
            break
        dataset = dataset.dataset
        sizes.append(len(dataset))
    return max(sizes)
