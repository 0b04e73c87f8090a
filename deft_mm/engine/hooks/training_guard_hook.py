"""Stopping a run that trains nothing: epochs without an iteration, losses that are not finite."""

from __future__ import annotations

import math

import torch
from mmengine.dist import all_gather_object
from mmengine.hooks import Hook
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS

from deft_mm.engine.finite import non_finite_weights
from deft_mm.engine.loop_checks import check_loops
from deft_mm.engine.stage_switch import active_model, active_optim_wrapper, bare_model, is_training
from deft_mm.models.algorithms import DeFT


@HOOKS.register_module()
class TrainingGuardHook(Hook):
    """Refuse loops that do nothing before a run, and stop it where loss or weights aren't finite.

    The first loss that is infinite or not a number ends the run, in one sentence that says where it
    is, which of its terms it comes from, and what to change. So do weights that are not finite at
    the end of an epoch, before they are validated, saved or select anything.

    Under loss scaling (``AmpOptimWrapper`` in float16) a step whose gradients overflow is skipped,
    and the scale halved: that is how the scale is found, and no fault. So many in a row are. With a
    fixed ``loss_scale`` only those count whose loss is not finite.

    It costs no waiting for the device: MMEngine reads the losses of every iteration for its log. In
    a distributed run processes tell each other every ``interval`` iterations and at the end of an
    epoch, and all of them stop with the same sentence.

    Example:

        .. code:: python

            default_hooks = dict(guard=dict(type='TrainingGuardHook'))

    Args:
        max_skipped_steps (int): How many steps in a row may be skipped under loss scaling. Defaults
            to 16, which take the scale from 65536, PyTorch's first, to 1: gradients that overflow
            without being scaled are not for want of a scale.
        interval (int): After how many iterations processes tell each other. Defaults to 50.

    Raises:
        ValueError: If an argument is out of range.
    """

    # Before all that selects with the weights, averages them or saves them.
    priority = 'VERY_HIGH'

    def __init__(self, max_skipped_steps: int = 16, interval: int = 50) -> None:
        for key, value, least in (
            ('max_skipped_steps', max_skipped_steps, 0),
            ('interval', interval, 1),
        ):
            if value < least:
                raise ValueError(f'TrainingGuardHook.{key} is {value}: set it to {least} or more.')
        self.max_skipped_steps = max_skipped_steps
        self.interval = interval
        # The first fault of this process: the iteration, and the sentence.
        self._fault: tuple[int, str] | None = None
        self._skipped = 0
        self._is_spoiled = False
        # Whether the weights are those that were looked at.
        self._is_seen = False

    def before_run(self, runner: Runner) -> None:
        """Refuse loops that do nothing.

        Raises:
            ValueError: If an epoch has no iteration, or an interval or a number of epochs is out of
                range.
        """
        check_loops(runner)

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch=None) -> None:
        """Note the loss scale that an epoch begins with, of the optimiser that it has."""
        if batch_idx == 0:
            wrapper = active_optim_wrapper(runner)
            self._scale = wrapper.loss_scaler.get_scale() if _scales_losses(wrapper) else None

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch=None, outputs: dict | None = None
    ) -> None:
        """Look at the losses of the iteration.

        Raises:
            ValueError: If they are not finite, here or in another process.
        """
        self._is_seen = False
        losses = _non_finite_losses(outputs or {})
        wrapper = active_optim_wrapper(runner)
        if _scales_losses(wrapper):
            self._count_skipped(runner, batch_idx, wrapper, losses)
        elif losses:
            what = f'The loss is not finite ({losses}) in {_place(runner, batch_idx)}.'
            self._note(runner, what, batch_idx)
        if self.every_n_train_iters(runner, self.interval if runner.world_size > 1 else 1):
            self._stop_at_fault()

    def after_train_epoch(self, runner: Runner) -> None:
        """Look at the weights, before they are validated, saved or used to select.

        Raises:
            ValueError: If they are not finite, or the loss of a process is not.
        """
        self._look_at_weights(runner)
        self._stop_at_fault()

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Refuse to save weights that are not finite: a checkpoint may be due within an epoch.

        Raises:
            ValueError: If they, or the losses before, are not finite.
        """
        if is_training(runner):
            self._look_at_weights(runner)
            # The main process is alone here.
            if self._fault is not None:
                raise ValueError(self._fault[1])

    def _count_skipped(
        self, runner: Runner, batch_idx: int, wrapper: AmpOptimWrapper, losses: str
    ) -> None:
        """Count steps that the scaler has skipped, of which it tells by a lower scale."""
        self._is_spoiled |= losses != ''
        if not wrapper.should_update():  # gradients are accumulated
            return
        scale = wrapper.loss_scaler.get_scale()
        self._skipped = self._skipped + 1 if self._is_spoiled or scale < self._scale else 0
        self._scale, self._is_spoiled = scale, False
        if self._skipped > self.max_skipped_steps:
            loss = f'the loss is not finite ({losses})' if losses else 'their gradients overflow'
            what = (
                f'Loss scaling has skipped {self._skipped} steps in a row up to '
                f'{_place(runner, batch_idx)}: {loss} at a scale of {scale:g}, too.'
            )
            self._note(runner, what, batch_idx)

    def _look_at_weights(self, runner: Runner) -> None:
        if self._is_seen:
            return
        self._is_seen = True
        names = non_finite_weights(active_model(runner))
        if names:
            tensors = f'{len(names)} tensors ({_key(runner)}.{names[0]})'
            self._note(runner, f'Weights are not finite after {_place(runner)}: {tensors}.')

    def _note(self, runner: Runner, what: str, batch_idx: int | None = None) -> None:
        if self._fault is None:
            self._fault = runner.iter, f'{what} {_remedy(runner, batch_idx)}'

    def _stop_at_fault(self) -> None:
        """Stop all processes if one has found a fault; all of them call it."""
        faults = [fault for fault in all_gather_object(self._fault) if fault is not None]
        if faults:
            # What follows in other processes comes of the first.
            raise ValueError(min(faults)[1])


def _scales_losses(wrapper: OptimWrapper | None) -> bool:
    return isinstance(wrapper, AmpOptimWrapper) and wrapper.loss_scaler.is_enabled()


def _non_finite_losses(outputs: dict) -> str:
    """The losses of a batch that aren't finite, as text: its terms, where there are several."""
    if 'loss' not in outputs or math.isfinite(torch.as_tensor(outputs['loss']).item()):
        return ''
    losses = {
        name: torch.as_tensor(value).item() for name, value in outputs.items() if 'loss' in name
    }
    bad = {name: value for name, value in losses.items() if not math.isfinite(value)}
    terms = [f'{name} {value}' for name, value in bad.items() if name != 'loss']
    return ', '.join(terms or [f'loss {losses["loss"]}'])


def _place(runner: Runner, batch_idx: int | None = None) -> str:
    """Where in the run: the stage, the epoch and the iteration."""
    model, text = bare_model(runner), f'epoch {runner.epoch + 1}'
    if batch_idx is not None:
        text += f', iteration {batch_idx + 1} of {len(runner.train_dataloader)}'
    if not isinstance(model, DeFT):
        return text
    number = dict(detector=1, classifier=2)[model.active_stage]
    return f'stage {number} (the {model.active_stage}), {text}'


def _key(runner: Runner, owner: str = 'model') -> str:
    """The config key of what the active stage has of its own."""
    model = bare_model(runner)
    return f'{owner}.{model.active_stage}' if isinstance(model, DeFT) else owner


def _remedy(runner: Runner, batch_idx: int | None) -> str:
    """What to change: what a step depends on, what is likely first."""
    head = f'{_key(runner)}.head'
    if batch_idx == 0 and runner.epoch == getattr(bare_model(runner), 'stage_begin_epoch', 0):
        return (
            'No step came before, so that the learning rate is not to blame: look at the images, '
            f'the weights that training begins with, and the settings of the loss ({head}).'
        )
    wrapper, optim, rate = active_optim_wrapper(runner), _key(runner, 'optim_wrapper'), ''
    if wrapper is not None:
        rates = [group.get('initial_lr', group['lr']) for group in wrapper.param_groups]
        rate = f' ({max(rates):g})'
    text = (
        f'ower {optim}.optimizer.lr{rate}, bound the gradients by {optim}.clip_grad='
        f'dict(max_norm=1.0), or change the settings of the loss ({head}).'
    )
    if isinstance(wrapper, AmpOptimWrapper) and wrapper.cast_dtype in (None, torch.float16):
        return f'Numbers of float16 end at 65504: set optim_wrapper.dtype=bfloat16, or l{text}'
    return f'L{text}'
