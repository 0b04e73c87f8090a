"""What losses need to know of the run: the epoch, sizes, class counts, the samples of a batch."""

from __future__ import annotations

from typing import Any

import torch
from mmengine.dataset import ConcatDataset
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS
from torch import Tensor, nn

from deft_mm.datasets import NoisyLabelDataset, given_labels_of
from deft_mm.datasets.selection_wrapper import SelectionWrapper
from deft_mm.engine.sample_fields import check_sample_fields
from deft_mm.engine.stage_switch import is_resuming, is_training


@HOOKS.register_module()
class LossContextHook(Hook):
    """Tell losses what MMPretrain's heads don't: a loss gets scores and targets alone.

    Any module of the model that has one of these methods gets

    - ``set_num_samples(int)`` before training, and before a checkpoint is loaded: the number of
      training samples, before any of them are filtered out, as ``sample_idx`` counts them;
    - ``forget_samples()`` before a run that is not resumed, after weights are loaded: what it keeps
      of each training sample is another run's;
    - ``set_class_counts(Tensor)`` before training and every epoch: how often each label is given in
      the current training data, int64 of shape (C,);
    - ``set_epoch(int)`` before every epoch: how many epochs of its stage are finished, on which
      warm-ups depend;
    - ``set_data_samples(list[DataSample])`` before every iteration: the samples of the batch.

    Of a :class:`~deft_mm.models.algorithms.DeFT` model the active child alone is told of classes,
    epochs and batches. Where no module asks for something, it is not computed.

    Example:

        .. code:: python

            default_hooks = dict(loss_context=dict(type='LossContextHook'))
            model = dict(head=dict(loss=dict(type='ELRLoss', num_classes=100)))
    """

    # After NoiseFilterHook, which exchanges the training data; before EMAHook, which copies the
    # model when its buffers must have their sizes.
    priority = 'ABOVE_NORMAL'

    def __init__(self) -> None:
        self._takers: list[nn.Module] = []
        self._counted: tuple[Any, Tensor] | None = None

    def before_run(self, runner: Runner) -> None:
        """Tell the number of samples and the first class counts.

        Raises:
            ValueError: If ``sample_idx`` is that of another sample, too, or if samples have a field
                that no loss reads, or lack one that is read.
        """
        if not is_training(runner):
            return
        takers = _with_method(_bare_model(runner), 'set_num_samples')
        if takers:
            num_samples = _num_samples(_training_data(runner))
            for module in takers:
                module.set_num_samples(num_samples)
        self._tell_class_counts(runner)
        # Data that are exchanged later are looked at by the hook that does it.
        if not any(getattr(hook, 'exchanges_data', False) for hook in runner.hooks):
            _check_fields(runner)

    def before_train(self, runner: Runner) -> None:
        """Have losses forget what a checkpoint given as ``load_from`` says of samples."""
        if not is_resuming(runner):
            for module in _with_method(_bare_model(runner), 'forget_samples'):
                module.forget_samples()

    def before_train_epoch(self, runner: Runner) -> None:
        """Tell the epoch, and the class counts of the data that it trains on."""
        epoch = runner.epoch - getattr(_bare_model(runner), 'stage_begin_epoch', 0)
        for module in _with_method(_active_model(runner), 'set_epoch'):
            module.set_epoch(epoch)
        self._tell_class_counts(runner)
        # Once an epoch: walking through a large model takes longer than telling the batch.
        self._takers = _with_method(_active_model(runner), 'set_data_samples')

    def before_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: dict | None = None
    ) -> None:
        """Tell the samples of the batch."""
        for module in self._takers:
            module.set_data_samples(data_batch['data_samples'])

    def _tell_class_counts(self, runner: Runner) -> None:
        takers = _with_method(_active_model(runner), 'set_class_counts')
        if not takers:
            return
        dataset = _training_data(runner)
        if self._counted is None or self._counted[0] is not dataset:
            labels = torch.from_numpy(given_labels_of(dataset))
            num_classes = len(dataset.metainfo.get('classes') or ())
            self._counted = dataset, torch.bincount(labels, minlength=num_classes)
        for module in takers:
            module.set_class_counts(self._counted[1])


def _check_fields(runner: Runner) -> None:
    model, data = _active_model(runner), _training_data(runner)
    # Making a batch takes a moment: not where neither side can have such a field.
    if isinstance(data, SelectionWrapper) or _with_method(model, 'sample_fields'):
        check_sample_fields(model, runner.train_dataloader, 'train_dataloader.dataset')


def _bare_model(runner: Runner) -> nn.Module:
    return getattr(runner.model, 'module', runner.model)


def _active_model(runner: Runner) -> nn.Module:
    model = _bare_model(runner)
    return getattr(model, 'active', model)


def _with_method(model: nn.Module, name: str) -> list[nn.Module]:
    return [module for module in model.modules() if hasattr(module, name)]


def _training_data(runner: Runner) -> Any:
    """The training data without MMEngine's cut to ``num_batch_per_epoch``."""
    dataset = runner.train_dataloader.dataset
    return getattr(dataset, '_dataset', dataset)


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
