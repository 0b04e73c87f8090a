"""The time that is left of a whole run."""

from __future__ import annotations

from mmengine.hooks import IterTimerHook
from mmengine.runner import EpochBasedTrainLoop, Runner
from mmpretrain.registry import HOOKS


@HOOKS.register_module()
class RunTimerHook(IterTimerHook):
    """MMEngine's IterTimerHook, with an ``eta`` that counts all stages of a run.

    MMEngine counts the iterations up to ``max_iters``, where the current stage ends. Here the
    epochs up to ``max_epochs`` count, each with as many iterations as the current one, at the mean
    time of the iterations on the current training data. How many samples the next stage will train
    on is not known before the selection, so while the detector trains, an epoch of the classifier
    counts as one on all samples: an upper bound of its iterations. Validation, scoring and saving
    are not in it, as in MMEngine's.

    Example:

        .. code:: python

            default_hooks = dict(timer=dict(type='RunTimerHook'))
    """

    def before_train(self, runner: Runner) -> None:
        """Note where training begins."""
        super().before_train(runner)
        self._dataloader = None

    def before_train_epoch(self, runner: Runner) -> None:
        """Begin a new mean where the training data have been exchanged."""
        super().before_train_epoch(runner)
        if runner.train_dataloader is not self._dataloader:
            self._dataloader = runner.train_dataloader
            self.time_sec_tot, self.start_iter = 0, runner.iter

    def after_train_iter(self, runner: Runner, batch_idx: int, *args, **kwargs) -> None:
        """Log the time of the iteration, and the time left."""
        super().after_train_iter(runner, batch_idx, *args, **kwargs)
        if not isinstance(runner.train_loop, EpochBasedTrainLoop):
            return
        length = len(runner.train_dataloader)
        left = length - batch_idx - 1 + length * (runner.max_epochs - runner.epoch - 1)
        mean = self.time_sec_tot / (runner.iter - self.start_iter + 1)
        runner.message_hub.update_info('eta', mean * left)
