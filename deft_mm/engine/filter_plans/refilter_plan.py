"""Filtering again and again: a classifier that selects its own training data."""

from __future__ import annotations

from mmengine.runner import Runner

from deft_mm.engine.filter_plans.filter_plan import FilterPlan
from deft_mm.engine.sample_fields import fields_read_by
from deft_mm.engine.scoring_pass import check_needs
from deft_mm.engine.stage_switch import set_length
from deft_mm.selection import Selection


class RefilterPlan(FilterPlan):
    """Train on all samples, then on those that the model itself keeps, selected every few epochs.

    The GMM baseline selects before every epoch after the warm-up. Without an interval all epochs
    train on all samples, and only the selection file is written.
    """

    def start(self, runner: Runner) -> None:
        """Check that the settings fit a model without stages.

        Raises:
            TypeError: If they are those of two stages.
            ValueError: If the selector or a learning-rate schedule does not fit.
        """
        name = type(self.model).__name__
        if self.hook.detector_epochs is not None:
            raise TypeError(
                "NoiseFilterHook.detector_epochs is for the stages of model=dict(type='DeFT', "
                f'...), but model.type is {name}: make that the detector of a DeFT model, or set '
                '`begin` and `interval` in place of `detector_epochs`.'
            )
        if not self.selection_pass.selector.needs_scores:
            raise ValueError(
                f'NoiseFilterHook.selector takes the selection from a file, which a {name} can '
                "train on without this hook: wrap its data in dict(type='CleanSubset', "
                'selection=...), or give another selector.'
            )
        check_needs(self.model, self.selection_pass.selector.needs)
        by_iter = [s for s in runner.param_schedulers or [] if not s.by_epoch]
        if self.hook.interval and by_iter and not self.hook.keep_num_updates:
            raise ValueError(
                f'param_scheduler has {type(by_iter[0]).__name__} by iterations, of which an epoch '
                'has fewer once NoiseFilterHook.interval has the data filtered: schedule by epochs '
                '(by_epoch=True without convert_to_iter_based), or set '
                'NoiseFilterHook.keep_num_updates=True.'
            )
        if self.hook.interval:
            self.rehearse(runner, self.model, self.model)
            self._check_warm_up_data()

    def _check_warm_up_data(self) -> None:
        """The samples of the epochs before the first selection have no weights."""
        if self.hook.begin > 0 and 'sample_weight' in fields_read_by(self.model):
            raise ValueError(
                f'NoiseFilterHook.begin={self.hook.begin} trains on the unweighted samples before '
                f'the first selection, but the {type(self.model).__name__} needs their '
                "'sample_weight': set begin=0."
            )

    def before_epoch(self, runner: Runner) -> None:
        """Select what this epoch trains on."""
        if self._is_due(runner.epoch):
            selection = self.select(runner, self.model, runner.optim_wrapper)
            self._train_on(runner, selection, runner.epoch, runner.iter)

    def look(self, runner: Runner) -> None:
        """Report what the model would keep, unless the next epoch selects anyway."""
        last = runner.epoch + 1 == runner.max_epochs
        if not last and not self._is_due(runner.epoch + 1):
            self.selection_pass(runner, self.model, runner.optim_wrapper, epoch=runner.epoch + 1)

    def end(self, runner: Runner) -> None:
        """Write the selection file with the final weights."""
        self.selection_pass(runner, self.model, runner.optim_wrapper)

    def resume(self, runner: Runner, checkpoint: dict, state: dict) -> None:
        """Train on what the checkpoint's last selection kept."""
        if state['selection'] is not None:
            selection = self.restored(state['selection'])
            self._train_on(runner, selection, state['begin_epoch'], state['begin_iter'])

    def _is_due(self, epoch: int) -> bool:
        interval, since = self.hook.interval, epoch - self.hook.begin
        return interval is not None and since >= 0 and since % interval == 0

    def _train_on(self, runner: Runner, selection: Selection, epoch: int, iteration: int) -> None:
        data = self.train_on(runner, selection, epoch, iteration)
        max_iters = iteration + (runner.max_epochs - epoch) * len(runner.train_dataloader)
        set_length(runner, runner.max_epochs, max_iters)
        # Gradient accumulation counts to the last iteration.
        runner.optim_wrapper.initialize_count_status(runner.model, iteration, max_iters)
        runner.logger.info(
            f'Epoch {epoch + 1} trains on {data}, {len(runner.train_dataloader)} iterations.'
        )
