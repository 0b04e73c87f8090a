"""What part of the training time is spent waiting for data."""

from __future__ import annotations

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS


@HOOKS.register_module()
class DataTimeHook(Hook):
    """Log, once an epoch, what part of the iterations' time the training waited for data.

    The figures are the timer's: ``data_time``, until the batch is there, and
    ``time``, the whole iteration. Work that the data preprocessor does on the device is not
    waiting. If the share is large, use more data-loading workers, or, for small images,
    :class:`~deft_mm.models.data_preprocessors.AugmentingDataPreprocessor`.

    Example:

        .. code:: python

            default_hooks = dict(data_time=dict(type='DataTimeHook'))
    """

    def before_train_epoch(self, runner: Runner) -> None:
        """Note where the epoch begins."""
        self._begin = runner.iter

    def after_train_epoch(self, runner: Runner) -> None:
        """Log the epoch's share."""
        scalars = runner.message_hub.log_scalars
        count = runner.iter - self._begin
        if count == 0 or not {'train/data_time', 'train/time'} <= scalars.keys():
            return
        waited, time = (
            scalars[f'train/{name}'].data[0][-count:].sum() for name in ('data_time', 'time')
        )
        runner.logger.info(
            f'Epoch {runner.epoch + 1} waited for data: {100 * waited / time:.0f}% of the '
            f'iteration time ({1000 * waited / count:.1f} ms of {1000 * time / count:.1f} ms)'
        )
