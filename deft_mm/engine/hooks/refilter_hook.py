"""Filtering again and again: a classifier that selects its own training data."""

from __future__ import annotations

from typing import Any

from mmengine.runner import Runner
from mmpretrain.registry import HOOKS

from deft_mm.engine.hooks.filter_hook import FilterHook
from deft_mm.engine.rehearsal import fields_read_by
from deft_mm.engine.stage_switch import set_length
from deft_mm.models.algorithms import DeFT
from deft_mm.selection import SampleTable


@HOOKS.register_module()
class RefilterHook(FilterHook):
    """Train on all samples, then on those that the model itself keeps, selected every few epochs.

    Before every ``interval``-th epoch from epoch ``begin`` on the model scores all samples, and the
    epochs until the next selection train on those kept; the schedule goes on. The GMM baseline
    selects before every epoch after the warm-up. After training it selects a last time, for the
    selection file. Without ``interval`` all epochs train on all samples, and only that is done.

    A run resumes at any epoch.

    Example:

        .. code:: python

            # on what a mixture of two Gaussians takes for clean, anew every epoch
            default_hooks = dict(
                noise_filter=dict(
                    type='RefilterHook', selector=dict(type='GMMSelector'), begin=1, interval=1))

    Args:
        begin (int, optional): The warm-up, epochs on all samples before the first selection; it
            goes with ``interval``. None is 1. Defaults to None.
        interval (int, optional): Epochs between two selections; None trains on all samples.
            Defaults to None.
        **kwargs: Arguments of :class:`FilterHook`.

    Raises:
        ValueError: If an argument is out of range.
    """

    default_selector = 'GMMSelector'

    def __init__(
        self, begin: int | None = None, interval: int | None = None, **kwargs: Any
    ) -> None:
        if 'detector_epochs' in kwargs:
            raise ValueError(
                'RefilterHook.detector_epochs is a setting of the stages of DeFT: set '
                "type='NoiseFilterHook' with model=dict(type='DeFT', ...), or leave it out."
            )
        super().__init__(**kwargs)
        if interval is not None and interval < 1:
            raise ValueError(
                f'RefilterHook.interval is {interval}: set it to 1 or more, or to None for never.'
            )
        if begin is not None and begin < 0:
            raise ValueError(f'RefilterHook.begin is {begin}: set it to 0 or more epochs.')
        if begin is not None and interval is None:
            raise ValueError(
                f'RefilterHook.begin={begin} has no effect without an interval: set interval=1 to '
                'select before every epoch from there on, or leave begin out.'
            )
        self.begin = 1 if begin is None else begin
        self.interval = interval

    @property
    def exchanges_data(self) -> bool:
        """bool: Whether the run will train on other data than those it starts with."""
        return self.interval is not None

    def start(self, runner: Runner) -> None:
        """Check that the settings fit a model without stages.

        Raises:
            TypeError: If the model has stages.
            ValueError: If the selector or a learning-rate schedule does not fit.
        """
        if isinstance(self.model, DeFT):
            raise TypeError(
                'RefilterHook filters the data of one classifier, but model.type is DeFT, which '
                'has two stages: set default_hooks.noise_filter='
                "dict(type='NoiseFilterHook', detector_epochs=...)."
            )
        if self.interval and self.begin >= runner.max_epochs:
            runner.logger.warning(
                f'RefilterHook.begin={self.begin} leaves no epoch of train_cfg.max_epochs='
                f'{runner.max_epochs} to train on a selection.'
            )
        self.prepare_scoring(runner, self.model)
        self.check_epochs(runner, runner.max_epochs, 'train_cfg.max_epochs')
        by_iter = [s for s in runner.param_schedulers or [] if not s.by_epoch]
        if self.interval and by_iter and not self.keep_num_updates:
            raise ValueError(
                f'param_scheduler has {type(by_iter[0]).__name__} by iterations, of which an epoch '
                'has fewer once RefilterHook.interval has the data filtered: schedule by epochs '
                '(by_epoch=True without convert_to_iter_based), or set '
                'RefilterHook.keep_num_updates=True.'
            )
        if self.interval:
            self.rehearse(runner, self.model, self.model)
            self._check_warm_up_data()

    def _check_warm_up_data(self) -> None:
        """The samples of the epochs before the first selection have nothing that it says."""
        for field in {'sample_weight', 'kept'}.intersection(fields_read_by(self.model)):
            if self.begin > 0:
                raise ValueError(
                    f'RefilterHook.begin={self.begin} trains on the samples as they are before '
                    f'the first selection, but the {type(self.model).__name__} needs their '
                    f"'{field}': set begin=0."
                )

    def before_train_epoch(self, runner: Runner) -> None:
        """Select what this epoch trains on, where that is due."""
        if self._is_due(runner.epoch):
            table = self.select(runner, self.model)
            self.check(table)
            self._train_on(runner, table, runner.epoch, runner.iter)

    def look(self, runner: Runner) -> None:
        """Report what the model would keep, unless the next epoch selects anyway."""
        last = runner.epoch + 1 == runner.max_epochs
        if not last and not self._is_due(runner.epoch + 1):
            self.select(runner, self.model, epoch=runner.epoch + 1)

    def after_train(self, runner: Runner) -> None:
        """Write the selection file with the final weights."""
        self.select(runner, self.model)

    def resume(self, runner: Runner, checkpoint: dict, state: dict) -> None:
        """Train on what the checkpoint's last selection kept."""
        if state['selection'] is not None:
            self._train_on(runner, self.restored(state), state['begin_epoch'], state['begin_iter'])

    def _is_due(self, epoch: int) -> bool:
        since = epoch - self.begin
        return self.interval is not None and since >= 0 and since % self.interval == 0

    def _train_on(self, runner: Runner, table: SampleTable, epoch: int, iteration: int) -> None:
        data = self.train_on(runner, table, self.model, epoch, iteration)
        max_iters = iteration + (runner.max_epochs - epoch) * len(runner.train_dataloader)
        set_length(runner, runner.max_epochs, max_iters)
        # Gradient accumulation counts to the last iteration.
        runner.optim_wrapper.initialize_count_status(runner.model, iteration, max_iters)
        runner.logger.info(
            f'Epoch {epoch + 1} trains on {data}, {len(runner.train_dataloader)} iterations.'
        )
