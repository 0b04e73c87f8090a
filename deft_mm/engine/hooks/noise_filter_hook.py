"""Filtering once, between the detector and the classifier of DeFT."""

from __future__ import annotations

from os import PathLike
from typing import Any

import numpy as np
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS

from deft_mm.datasets.feature_dataset import FeatureDataset
from deft_mm.datasets.selection_wrapper import read_selection_of
from deft_mm.engine.hooks.filter_hook import FilterHook
from deft_mm.engine.kept_features import is_frozen_tower
from deft_mm.engine.scoring_pass import score_samples
from deft_mm.engine.select import precision_of
from deft_mm.engine.stage_switch import (
    begin_classifier,
    enter_stage,
    forget_stage,
    is_resuming,
    is_training,
    replace_train_dataset,
    set_length,
    start_counting,
    start_stage,
)
from deft_mm.evaluation import SelectionReport
from deft_mm.models.algorithms import DeFT
from deft_mm.models.data_preprocessors import FeatureInputs
from deft_mm.selection import SampleTable

# What has a say in how samples are scored and selected.
_SCORING = (
    'selector',
    'limits',
    'detection_interval',
    'pipeline',
    'batch_size',
    'num_workers',
    'features',
)


@HOOKS.register_module()
class NoiseFilterHook(FilterHook):
    """Train the detector, select with it, train the classifier on what is kept.

    At the start of epoch ``detector_epochs`` it scores every training sample with the detector,
    lets the selector decide which to keep, writes the selection file, rebuilds the data set without
    the rejected samples, and gives the classifier its own schedule. Stage 2 has the remaining
    epochs of ``train_cfg.max_epochs``. A model without a classifier runs stage 1 alone,
    ``detector_epochs`` long, and writes the selection file at its end. With a ``selection`` there
    is no stage 1, and stage 2 starts at once. So it does with ``detector_epochs=0``, for a detector
    that is not trained, such as zero-shot CLIP.

    A run resumes in either stage. When ``EarlyStoppingHook`` stops stage 1, stage 2 follows.

    It is for :class:`~deft_mm.models.algorithms.DeFT` models. Any other classifier selects its own
    training data with :class:`RefilterHook`.

    Example:

        .. code:: python

            # 10 epochs of detector, 10 of classifier
            train_cfg = dict(by_epoch=True, max_epochs=20, val_interval=1)
            default_hooks = dict(noise_filter=dict(type='NoiseFilterHook', detector_epochs=10))

    Args:
        detector_epochs (int, optional): Epochs of stage 1. None is ``train_cfg.max_epochs``, for a
            model without a classifier. Defaults to None.
        selection (str | PathLike, optional): A selection file of the training data, in place of
            stage 1. Defaults to None.
        train_on_features (bool): Whether stage 1 trains on features of the images as evaluation
            sees them, computed once (``features``, which is then 'features' where it isn't set), in
            place of the images: prompts alone are trained in a fraction of the time, without the
            augmentation of the training data. For a detector whose image tower is frozen, such as
            that of the recipe 'cautious'. Defaults to False.
        **kwargs: Arguments of :class:`FilterHook`.

    Raises:
        ValueError: If an argument is out of range.
    """

    default_selector = 'DualPromptSelector'

    def __init__(
        self,
        detector_epochs: int | None = None,
        selection: str | PathLike | None = None,
        train_on_features: bool = False,
        **kwargs: Any,
    ) -> None:
        moved = dict(begin=kwargs.get('begin'), interval=kwargs.get('interval'))
        moved = {name: value for name, value in moved.items() if value is not None}
        if moved:
            text = ', '.join(f'{name}={value!r}' for name, value in moved.items())
            raise ValueError(
                f'NoiseFilterHook has no {" and no ".join(moved)} any more: a classifier that '
                'selects its own training data has default_hooks.noise_filter='
                f"dict(type='RefilterHook', {text}, selector=...)."
            )
        if train_on_features and kwargs.get('features') is None:
            kwargs['features'] = 'features'
        super().__init__(**kwargs)
        self.detector_epochs = detector_epochs
        self.selection = selection
        self.train_on_features = train_on_features

    @property
    def exchanges_data(self) -> bool:
        """bool: Whether the run will train on other data than those it starts with."""
        return self.model.classifier is not None

    # -- before training ----------------------------------------------------------

    def start(self, runner: Runner) -> None:
        """Settle the epochs of both stages and start stage 1.

        Raises:
            TypeError: If the model has no stages.
            ValueError: If the epochs of a stage are not positive, the selection file is of another
                data set, or the classifier does not fit the data that a selection will leave.
        """
        if not isinstance(self.model, DeFT):
            raise TypeError(
                f"NoiseFilterHook is for model=dict(type='DeFT', ...), but model.type is "
                f'{type(self.model).__name__}: make that the detector of a DeFT model, or set '
                "default_hooks.noise_filter=dict(type='RefilterHook', ...), with which a "
                'classifier selects its own training data.'
            )
        self._settle_epochs(runner)
        if self.selection is None:
            self._prepare_features()
            self.prepare_scoring(runner, self.model.detector)
            self.check_epochs(runner, self.detector_epochs, 'detector_epochs')
        else:
            self.warn_of_unused(runner, _SCORING, 'NoiseFilterHook.selection is a file')
            self.table = read_selection_of(self.dataset, self.selection)
        if self.model.classifier is not None:
            self.rehearse(runner, self.model.detector, self.model.classifier)
        if 'detector' in runner.optim_wrapper:
            start_stage(runner, 'detector', max(self.detector_epochs, 1))

    def _prepare_features(self) -> None:
        """Have the detector take features, too, where it is to be trained on them."""
        detector = self.model.detector
        if not self.train_on_features:
            return
        if not is_frozen_tower(detector):
            raise ValueError(
                'NoiseFilterHook.train_on_features=True trains on features that stay as they are, '
                'but model.detector has no CLIP backbone, or one that is trained: set '
                'model.detector.backbone.peft=None, or leave train_on_features out.'
            )
        detector.data_preprocessor = FeatureInputs(detector.data_preprocessor)

    def _settle_epochs(self, runner: Runner) -> None:
        """Check how many epochs each stage has; set the run's length where one is left out."""
        has_classifier = self.model.classifier is not None
        total, first = runner.max_epochs, self.detector_epochs
        if not has_classifier:
            first = total if first is None else first
            total = first
        elif first is None:
            raise ValueError(
                'NoiseFilterHook.detector_epochs is not set: say how many of the '
                f'train_cfg.max_epochs={total} epochs train the detector.'
            )
        second = total - first
        is_trained = 'detector' in runner.optim_wrapper
        if self.selection is None and not is_trained and first != 0:
            raise ValueError(
                'model.detector has no trainable parameter, but '
                f'NoiseFilterHook.detector_epochs={first} epochs are to train it: set '
                'model.detector.backbone.peft or a head that trains, or detector_epochs=0 to '
                'select with the detector as it is.'
            )
        if first < int(is_trained or not has_classifier) or (has_classifier and second <= 0):
            raise ValueError(
                'Every stage needs at least one epoch, but NoiseFilterHook.detector_epochs='
                f'{first} of train_cfg.max_epochs={runner.max_epochs} leaves {first} to the '
                f'detector and {second} to the classifier: set it between 1 and max_epochs - 1. '
                'Stage 1 alone has model.classifier=None; stage 2 alone takes '
                'NoiseFilterHook.selection=<a selection.csv>.'
            )
        if self.selection is not None:
            # The detector is not asked, so it is not trained either.
            first, total = 0, second
            if total == 0:
                raise ValueError(
                    'NoiseFilterHook.selection takes the selection from a file, and there is no '
                    'model.classifier: there is nothing to train. Give the model a classifier.'
                )
        self.detector_epochs, self.classifier_epochs = first, second
        self.switch_epoch = first
        set_length(runner, total, total * len(runner.train_dataloader))

    # -- the run ----------------------------------------------------------------

    def before_train(self, runner: Runner) -> None:
        """Start counting iterations; a new run starts in stage 1 whatever it was loaded from."""
        super().before_train(runner)
        if not is_resuming(runner):
            enter_stage(runner, 'detector')
        stage = self.model.active_stage
        epochs = self.detector_epochs if stage == 'detector' else self.classifier_epochs
        if stage in runner.optim_wrapper:
            start_counting(runner, stage, max(epochs, 1), self.begin_iter)
        if self.train_on_features and stage == 'detector' and self.selection is None and epochs:
            self._train_on_features(runner)

    def _train_on_features(self, runner: Runner) -> None:
        """Give stage 1 features in place of the images."""
        detector, folder = self.model.detector, self.feature_folder(runner)
        with precision_of(runner):
            score_samples(
                detector,
                self.dataset,
                self._samples,
                self.pipeline,
                skip_unreadable=self.skip_unreadable,
                features=folder,
                **self.scoring_options(runner),
            )
            everything = np.ones(len(self._samples), dtype=bool)
            kept = folder.open(detector, self.dataset, self.pipeline, everything)
        kept.find_here()
        known = np.flatnonzero(kept.has_N)
        if len(known) < len(everything) and not self.skip_unreadable:
            raise ValueError(
                f'{len(everything) - len(known)} of {len(everything)} features are not in '
                f'{folder.path} as this process sees it: set {self.name}.features to a folder that '
                'all machines share.'
            )
        # Where an image can't be read the next one is trained on.
        shown = known[known.searchsorted(np.arange(len(everything))).clip(max=len(known) - 1)]
        dataset = FeatureDataset(self.dataset, kept.projected, shown)
        # A feature is read faster than another process sends it.
        here = dict(num_workers=0, persistent_workers=False, prefetch_factor=None)
        here |= dict(multiprocessing_context=None, collate_fn=dict(type='default_collate'))
        replace_train_dataset(runner, dataset, detector, here)
        runner.logger.info(
            f'Stage 1 trains on the features of {len(dataset)} images as evaluation sees them, '
            'without the augmentation of the training data.'
        )

    def before_train_epoch(self, runner: Runner) -> None:
        """Switch to the classifier when its first epoch is about to begin."""
        if self.model.classifier is None or self.model.active_stage == 'classifier':
            return
        if runner.epoch >= self.switch_epoch:
            if self.selection is None:
                table = self.select(runner, self.model.detector)
            else:
                table = self.table
                report = SelectionReport(table, self.clean_labels)
                self.report(runner, report, runner.epoch, files=[])
            self.check(table)
            begin_classifier(runner)
            self._enter_classifier(runner, table, runner.epoch, runner.iter)
            start_counting(runner, 'classifier', self.classifier_epochs, self.begin_iter)

    def is_final(self, epoch: int) -> bool:
        """Whether stage 1 ends after so many epochs."""
        return epoch >= self.switch_epoch

    def look(self, runner: Runner) -> None:
        """Report what the detector would keep."""
        if self.model.active_stage == 'detector':
            self.select(runner, self.model.detector, epoch=runner.epoch + 1)

    def after_val(self, runner: Runner) -> None:
        """Go on with stage 2 when EarlyStoppingHook has ended stage 1."""
        if not (is_training(runner) and runner.train_loop.stop_training):
            return
        if self.model.active_stage == 'detector' and self.model.classifier is not None:
            runner.train_loop.stop_training = False
            self.switch_epoch = runner.epoch
            runner.logger.info(f'Early stopping ends stage 1 after {runner.epoch} epochs.')

    def after_train(self, runner: Runner) -> None:
        """Write the selection file of a run of stage 1 alone."""
        if self.model.classifier is None:
            self.check(self.select(runner, self.model.detector))

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Add what a resume needs to know of the stages."""
        super().before_save_checkpoint(runner, checkpoint)
        checkpoint['deft'].update(
            stage=self.model.active_stage, detector_epochs=self.detector_epochs
        )

    def resume(self, runner: Runner, checkpoint: dict, state: dict) -> None:
        """Enter the stage in which a checkpoint was saved.

        Raises:
            ValueError: If one of checkpoint and config has a classifier, and the other has not, or
                stage 1 has another length.
        """
        in_checkpoint = any(key.startswith('classifier.') for key in checkpoint['state_dict'])
        if in_checkpoint != (self.model.classifier is not None):
            raise ValueError(
                'The checkpoint to resume from and this config differ in whether there is a '
                'model.classifier. To go on from stage 1 alone to stage 2, train anew with '
                'default_hooks.noise_filter.selection=<its selection.csv>.'
            )
        before = state.get('detector_epochs', self.detector_epochs)
        if before != self.detector_epochs:
            raise ValueError(
                f'NoiseFilterHook.detector_epochs={self.detector_epochs}, but the run of the '
                f'checkpoint to resume from has {before}: with another stage 1 it is another run. '
                f'Set it to {before}, or start anew in another --work-dir.'
            )
        if state['stage'] == 'classifier':
            table = self.restored(state)
            self._enter_classifier(runner, table, state['begin_epoch'], state['begin_iter'])

    def is_own(self, table: SampleTable) -> bool:
        """Whether a selection file is the one that the classifier is trained on, edited or not."""
        return super().is_own(table) and table.created == self.table.created

    def _enter_classifier(self, runner: Runner, table: SampleTable, epoch: int, iteration: int):
        """Make the classifier the active model and the kept samples its training data."""
        enter_stage(runner, 'classifier', begin_epoch=epoch)
        data = self.train_on(runner, table, self.model.classifier, epoch, iteration)
        forget_stage(runner, 'detector')
        start_stage(runner, 'classifier', self.classifier_epochs)
        max_iters = iteration + self.classifier_epochs * len(runner.train_dataloader)
        set_length(runner, epoch + self.classifier_epochs, max_iters)
        runner.logger.info(
            f'Stage 2 trains the classifier on {data} '
            f'for {self.classifier_epochs} epochs of {len(runner.train_dataloader)} iterations.'
        )
