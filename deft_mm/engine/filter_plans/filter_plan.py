"""What all plans of filtering share: the data that are trained on, and what a resume needs."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import numpy as np
import torch
from mmengine.runner import Runner
from mmpretrain.registry import DATASETS
from torch import nn

from deft_mm.datasets import class_names_of, given_labels_of, img_paths_of
from deft_mm.datasets.selection_wrapper import SelectionWrapper
from deft_mm.engine.sample_fields import check_sample_fields
from deft_mm.engine.stage_switch import build_train_dataloader, replace_train_dataset
from deft_mm.registered_class import registered_class
from deft_mm.selection import Selection, Selector, check_selection

if TYPE_CHECKING:
    from deft_mm.engine.hooks.noise_filter_hook import NoiseFilterHook

# The columns of a selection that a checkpoint carries; the rest follows from the data set.
_COLUMNS = ('kept', 'clean_prob', 'pred_label', 'pred_prob')


class FilterPlan(ABC):
    """When :class:`~deft_mm.engine.hooks.NoiseFilterHook` selects, and what follows.

    Args:
        hook (NoiseFilterHook): The hook, for its settings and its selection pass.
        model (nn.Module): The bare model.

    Attributes:
        selection (Selection, optional): What the training data consist of; None while that is
            every sample.
        begin_epoch (int): The epoch at which they were last exchanged.
        begin_iter (int): The iteration at which they were last exchanged.
    """

    def __init__(self, hook: NoiseFilterHook, model: nn.Module) -> None:
        self.hook = hook
        self.model = model
        self.selection_pass = hook.selection_pass
        self.selection: Selection | None = None
        self.begin_epoch = 0
        self.begin_iter = 0

    @abstractmethod
    def start(self, runner: Runner) -> None:
        """Check the settings, before weights are loaded."""

    def begin(self, runner: Runner) -> None:  # noqa: B027  (not every plan has something to do)
        """Prepare for the first epoch, after weights are loaded."""

    @abstractmethod
    def before_epoch(self, runner: Runner) -> None:
        """Select, where that is due."""

    @abstractmethod
    def look(self, runner: Runner) -> None:
        """Report at the end of an epoch what would be kept, if all samples are trained on."""

    def stopped_early(self, runner: Runner) -> None:  # noqa: B027
        """Say what is left to do when a hook has ended the training early."""

    @abstractmethod
    def end(self, runner: Runner) -> None:
        """Write the last selection file."""

    @abstractmethod
    def resume(self, runner: Runner, checkpoint: dict, state: dict) -> None:
        """Take up where a checkpoint was saved, before weights and optimisers are loaded."""

    def state(self) -> dict:
        """What a checkpoint carries: plain types and tensors."""
        selection = self.selection
        return dict(
            begin_epoch=self.begin_epoch,
            begin_iter=self.begin_iter,
            selection=None
            if selection is None
            else {name: torch.from_numpy(getattr(selection, name)) for name in _COLUMNS},
        )

    def select(self, runner: Runner, scorer: nn.Module, optim_wrapper) -> Selection:
        """Score, select, write and report; refuse to go on with nothing.

        Raises:
            ValueError: If nothing is kept.
        """
        selection = self.selection_pass(runner, scorer, optim_wrapper)
        self.check(selection)
        return selection

    def check(self, selection: Selection) -> None:
        """Refuse a selection of nothing, and warn of what is suspicious."""
        check_selection(
            selection.kept,
            type(self.selection_pass.selector).__name__,
            given_label=selection.given_label,
            class_names=selection.class_names,
        )

    def rehearse(self, runner: Runner, scorer: nn.Module, model: nn.Module) -> None:
        """Make a batch of the data that a selection will leave, before any training.

        Args:
            runner (Runner): The runner.
            scorer (nn.Module): What will score the samples.
            model (nn.Module): What will be trained on them.

        Raises:
            ValueError: If data set, dataloader and model don't fit each other.
        """
        name = 'NoiseFilterHook.classifier_dataset'
        registered_class(
            DATASETS, self.hook.classifier_dataset.get('type'), SelectionWrapper, name, 'wrappers'
        )
        if self.selection is not None:
            dataset = self._filtered(runner, self.selection)
        else:
            # How many samples there will be is not known yet.
            dataset = self._wrapped(self._made_up_selection(), num_samples=None)
        if self.selection_pass.limits is not None and not dataset.uses_kept:
            raise ValueError(
                f'NoiseFilterHook.limits says what is kept, but {name} is '
                f'{type(dataset).__name__}, which trains on all samples: remove one of the two.'
            )
        if self.selection is None and not dataset.uses_kept:
            self._check_clean_prob(scorer, name, type(dataset).__name__)
        loader = build_train_dataloader(runner, dataset, self.hook.classifier_dataloader)
        check_sample_fields(model, loader, name, self.selection_pass.skip_unreadable)

    def _check_clean_prob(self, scorer: nn.Module, name: str, wrapper: str) -> None:
        """Weights are clean probabilities: those of the selector, or of the head."""
        selector, head = self.selection_pass.selector, getattr(scorer, 'head', None)
        if type(selector).score is Selector.score and not hasattr(head, 'dual_logits'):
            raise ValueError(
                f'{name} is {wrapper}, which weights samples by their clean probability, but '
                f'neither {type(selector).__name__} nor {type(head).__name__} gives one: '
                'use a detector with a DualPromptHead, or a GMMSelector.'
            )

    def _made_up_selection(self) -> Selection:
        """Every other sample kept."""
        dataset = self.selection_pass.dataset
        given, n = given_labels_of(dataset), len(dataset)
        return Selection(
            fingerprint=self.selection_pass.fingerprint,
            class_names=class_names_of(dataset),
            img_path=[''] * n,
            given_label=given,
            clean_prob=np.full(n, 0.5),
            pred_label=given,
            pred_prob=np.ones(n),
            kept=np.arange(n) % 2 == 0,
        )

    def train_on(self, runner: Runner, selection: Selection, epoch: int, iteration: int) -> str:
        """Exchange the training data for those of a selection.

        Returns:
            str: What is trained on, for the log: '740 of 1297 samples'.
        """
        self.selection, self.begin_epoch, self.begin_iter = selection, epoch, iteration
        dataset = self._filtered(runner, selection)
        replace_train_dataset(runner, dataset, self.hook.classifier_dataloader)
        text = f'{len(np.unique(dataset.indices))} of {len(selection)} samples'
        name = type(dataset).__name__
        return text if name == 'CleanSubset' else f'{text} ({name})'

    def _filtered(self, runner: Runner, selection: Selection) -> SelectionWrapper:
        dataset = self._wrapped(selection)
        if not self.hook.keep_num_updates:
            return dataset
        before = runner.cfg.train_dataloader.batch_size
        now = (self.hook.classifier_dataloader or {}).get('batch_size', before)
        num_samples = math.ceil(len(self.selection_pass.dataset) * now / before)
        if num_samples < len(dataset):
            runner.logger.warning(
                'NoiseFilterHook.keep_num_updates: with classifier_dataloader.batch_size='
                f'{now} in place of {before}, {len(dataset)} samples are more updates an epoch '
                'than there were. Each is trained on once.'
            )
            return dataset
        return self._wrapped(selection, num_samples=num_samples)

    def _wrapped(self, selection: Selection, **changes) -> SelectionWrapper:
        whole, cfg = self.selection_pass.dataset, self.hook.classifier_dataset
        return DATASETS.build(dict(cfg, dataset=whole, selection=selection, **changes))

    def restored(self, columns: dict[str, torch.Tensor]) -> Selection:
        """The selection that a checkpoint carries."""
        dataset = self.selection_pass.dataset
        return Selection(
            fingerprint=self.selection_pass.fingerprint,
            class_names=class_names_of(dataset),
            img_path=img_paths_of(dataset),
            given_label=given_labels_of(dataset),
            method=type(self.selection_pass.selector).__name__,
            **{name: columns[name].cpu().numpy() for name in _COLUMNS},
        )
