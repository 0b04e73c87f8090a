"""Filtering once, between the detector and the classifier of DeFT."""

from __future__ import annotations

from mmengine.runner import Runner

from deft_mm.engine.filter_plans.filter_plan import FilterPlan
from deft_mm.engine.scoring_pass import check_needs
from deft_mm.engine.stage_switch import (
    forget_stage,
    is_resuming,
    set_length,
    start_counting,
    start_stage,
)
from deft_mm.models.heads import DualPromptHead
from deft_mm.selection import DualPromptSelector, Selection


class TwoStagePlan(FilterPlan):
    """Train the detector, select with it, train the classifier on what is kept."""

    def start(self, runner: Runner) -> None:
        """Settle the epochs of both stages and start stage 1."""
        self._settle_epochs(runner)
        selector = self.selection_pass.selector
        check_needs(self.model.detector, selector.needs)
        if not selector.needs_scores:
            self.selection = selector.load(self.selection_pass.fingerprint)
        self._check_recipe()
        self._check_selector_warmup()
        if self.model.classifier is not None:
            self.rehearse(runner, self.model.detector, self.model.classifier)
        if 'detector' in runner.optim_wrapper:
            start_stage(runner, 'detector', max(self.detector_epochs, 1))

    def _check_recipe(self) -> None:
        """Training and the selection after it are to ask the same of a clean sample."""
        selector, head = self.selection_pass.selector, getattr(self.model.detector, 'head', None)
        if not (isinstance(selector, DualPromptSelector) and isinstance(head, DualPromptHead)):
            return
        agreement = head.recipe.require_agreement
        if agreement != (selector.recipe == 'real_world'):
            recipe = 'real_world' if agreement else 'synthetic'
            raise ValueError(
                f'NoiseFilterHook.selector has recipe={selector.recipe!r}, but DualPromptHead '
                f'trains with require_agreement={agreement} (model.detector.head.recipe): set '
                "default_hooks.noise_filter.selector=dict(type='DualPromptSelector', "
                f'recipe={recipe!r}).'
            )

    def _check_selector_warmup(self) -> None:
        """A selector that selects once is to be past its warm-up."""
        selector = self.selection_pass.selector
        warmup = getattr(selector, 'warmup_epochs', 0)
        if warmup > self.detector_epochs:
            raise ValueError(
                f'NoiseFilterHook.selector ({type(selector).__name__}) has warmup_epochs={warmup}, '
                f'but selects once, after detector_epochs={self.detector_epochs}, when it would '
                'reject less than its noise_ratio: leave warmup_epochs out.'
            )

    def _settle_epochs(self, runner: Runner) -> None:
        """Check how many epochs each stage has; set the run's length where one is left out."""
        has_classifier = self.model.classifier is not None
        total, first = runner.max_epochs, self.hook.detector_epochs
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
        if self.selection_pass.selector.needs_scores and not is_trained and first != 0:
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
                f'detector and {second} to the classifier.'
            )
        if not self.selection_pass.selector.needs_scores:
            # The detector is not asked, so it is not trained either.
            first, total = 0, second
            if total == 0:
                raise ValueError(
                    'NoiseFilterHook.selector takes the selection from a file, and there is no '
                    'model.classifier: there is nothing to train. Give the model a classifier.'
                )
        self.detector_epochs, self.classifier_epochs = first, second
        self.switch_epoch = first
        set_length(runner, total, total * len(runner.train_dataloader))

    def begin(self, runner: Runner) -> None:
        """Start counting iterations; a new run starts in stage 1 whatever it was loaded from."""
        if not is_resuming(runner):
            self.model.set_stage('detector')
        stage = self.model.active_stage
        epochs = self.detector_epochs if stage == 'detector' else self.classifier_epochs
        if stage in runner.optim_wrapper:
            start_counting(runner, stage, max(epochs, 1), self.begin_iter)

    def before_epoch(self, runner: Runner) -> None:
        """Switch to the classifier when its first epoch is about to begin."""
        if self.model.classifier is None or self.model.active_stage == 'classifier':
            return
        if runner.epoch >= self.switch_epoch:
            if self.selection_pass.selector.needs_scores:
                selection = self._select(runner)
            else:
                selection = self.selection
                self.check(selection)
                self.selection_pass.report(runner, selection, seconds=0.0)
            self._enter_classifier(runner, selection, runner.epoch, runner.iter)
            start_counting(runner, 'classifier', self.classifier_epochs, self.begin_iter)

    def look(self, runner: Runner) -> None:
        """Report what the detector would keep."""
        if self.model.active_stage == 'detector':
            wrapper = runner.optim_wrapper['detector']
            self.selection_pass(runner, self.model.detector, wrapper, epoch=runner.epoch + 1)

    def stopped_early(self, runner: Runner) -> None:
        """Go on with stage 2 when EarlyStoppingHook has ended stage 1."""
        if self.model.active_stage == 'detector' and self.model.classifier is not None:
            runner.train_loop.stop_training = False
            self.switch_epoch = runner.epoch
            runner.logger.info(f'Early stopping ends stage 1 after {runner.epoch} epochs.')

    def end(self, runner: Runner) -> None:
        """Write the selection file of a run of stage 1 alone."""
        if self.model.classifier is None:
            self._select(runner)

    def state(self) -> dict:
        """What a checkpoint carries: plain types and tensors."""
        return dict(super().state(), stage=self.model.active_stage)

    def resume(self, runner: Runner, checkpoint: dict, state: dict) -> None:
        """Enter the stage in which a checkpoint was saved.

        Raises:
            ValueError: If one of checkpoint and config has a classifier, and the other has not.
        """
        in_checkpoint = any(key.startswith('classifier.') for key in checkpoint['state_dict'])
        if in_checkpoint != (self.model.classifier is not None):
            raise ValueError(
                'The checkpoint to resume from and this config differ in whether there is a '
                'model.classifier. To go on from stage 1 alone to stage 2, train anew with '
                'default_hooks.noise_filter.selector=<its selection.csv>.'
            )
        if state['stage'] == 'classifier':
            selection = self.restored(state['selection'])
            self._enter_classifier(runner, selection, state['begin_epoch'], state['begin_iter'])

    def _select(self, runner: Runner) -> Selection:
        # OptimWrapperDict has no `get`; a detector that is not trained has no wrapper.
        wrapper = dict(runner.optim_wrapper.items()).get('detector')
        return self.select(runner, self.model.detector, wrapper)

    def _enter_classifier(self, runner: Runner, selection: Selection, epoch: int, iteration: int):
        """Make the classifier the active model and the kept samples its training data."""
        self.model.set_stage('classifier', begin_epoch=epoch)
        data = self.train_on(runner, selection, epoch, iteration)
        forget_stage(runner, 'detector')
        start_stage(runner, 'classifier', self.classifier_epochs)
        max_iters = iteration + self.classifier_epochs * len(runner.train_dataloader)
        set_length(runner, epoch + self.classifier_epochs, max_iters)
        runner.logger.info(
            f'Stage 2 trains the classifier on {data} '
            f'for {self.classifier_epochs} epochs of {len(runner.train_dataloader)} iterations.'
        )
