"""What all plans of filtering share: the data that are trained on, and what a resume needs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import torch
from mmengine.runner import Runner
from mmpretrain.registry import DATASETS
from torch import nn

from deft_mm.datasets import class_names_of, given_labels_of, img_paths_of
from deft_mm.engine.stage_switch import replace_train_dataset
from deft_mm.selection import Selection, check_selection

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

    def train_on(self, runner: Runner, selection: Selection, epoch: int, iteration: int) -> None:
        """Exchange the training data for those of a selection."""
        self.selection, self.begin_epoch, self.begin_iter = selection, epoch, iteration
        whole = self.selection_pass.dataset
        cfg = dict(self.hook.classifier_dataset, dataset=whole, selection=selection)
        if self.hook.keep_num_updates:
            cfg['num_samples'] = len(whole)
        replace_train_dataset(runner, DATASETS.build(cfg), self.hook.classifier_dataloader)

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
