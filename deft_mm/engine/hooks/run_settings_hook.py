"""What a run's machine makes of its settings, said when it starts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS

from deft_mm.engine.float32_precision import set_float32_precision
from deft_mm.engine.stage_switch import active_optim_wrapper, bare_model
from deft_mm.models.algorithms.deft import STAGES


@HOOKS.register_module()
class RunSettingsHook(Hook):
    """Set the precision of float32, and log what the config alone does not tell:

    - On a GPU: whether float32 uses TF32, see
      :func:`~deft_mm.engine.float32_precision.set_float32_precision`.
    - Where several processes train, at the start of each stage: how many samples a step of the
      optimiser sees (batch size x processes x accumulation), and whether the learning rates are
      scaled to that.
    - Names in ``custom_keys`` of an optimiser that no parameter has, as a warning.

    Example:

        .. code:: python

            default_hooks = dict(run_settings=dict(type='RunSettingsHook'))
            env_cfg = dict(tf32=False)
    """

    # After NoiseFilterHook, which exchanges the training data.
    priority = 'LOW'

    def before_run(self, runner: Runner) -> None:
        """Set the precision.

        Raises:
            TypeError: If ``env_cfg.tf32`` is not a bool.
        """
        precision = set_float32_precision(runner.cfg.get('env_cfg'))
        if precision is not None:
            runner.logger.info(precision)
        self._said = None

    def before_train(self, runner: Runner) -> None:
        """Warn of names that no parameter has."""
        for key, name in _unmatched(runner):
            runner.logger.warning(
                f'{key} has {name!r}, which is in the name of no parameter: it changes nothing.'
            )

    def before_train_epoch(self, runner: Runner) -> None:
        """Log batch and rates where they are not those of the epoch before."""
        line = _batch_and_rates(runner) if runner.world_size > 1 else None
        if line is not None and line != self._said:
            runner.logger.info(line)
            self._said = line


def _unmatched(runner: Runner) -> Iterator[tuple[str, str]]:
    """Names in ``custom_keys`` that MMEngine finds in no name of a parameter, with their place."""
    model, settings = bare_model(runner), runner.cfg.get('optim_wrapper')
    if not isinstance(settings, Mapping):  # built before
        return
    stages = {stage: getattr(model, stage) for stage in STAGES if getattr(model, stage, None)}
    parts = {'optim_wrapper': (settings, list(stages.values()) or [model])}
    for stage, child in stages.items():
        parts[f'optim_wrapper.{stage}'] = (settings.get(stage) or {}, [child])
    for key, (part, modules) in parts.items():
        names = [name for module in modules for name, _ in module.named_parameters()]
        for custom in (part.get('paramwise_cfg') or {}).get('custom_keys') or {}:
            if not any(custom in name for name in names):
                yield f'{key}.paramwise_cfg.custom_keys', custom


def _batch_and_rates(runner: Runner) -> str | None:
    """What a step of the active optimiser sees; None where batches have no one size, or several
    optimisers are active.
    """
    batch, wrapper = runner.train_dataloader.batch_size, active_optim_wrapper(runner)
    if batch is None or wrapper is None:
        return None
    accumulated = getattr(wrapper, '_accumulative_counts', 1)
    rates = [group.get('initial_lr', group['lr']) for group in wrapper.param_groups]
    # By parameter they may differ.
    ends = ' to '.join(f'{rate:.3g}' for rate in sorted({min(rates), max(rates)}))
    samples = batch * runner.world_size * accumulated
    return (
        f'Batch: {batch} x {runner.world_size} processes x {accumulated} accumulated = {samples} '
        f'samples a step, lr {ends} ({_scaling(runner)})'
    )


def _scaling(runner: Runner) -> str:
    scale = runner.auto_scale_lr or {}
    base = scale.get('base_batch_size')
    if scale.get('enable'):
        ratio = runner.cfg.train_dataloader.batch_size * runner.world_size / base
        return f'scaled by {ratio:g}, since the config has it for a batch of {base}'
    if base is None:
        return 'as in the config, not scaled'
    return f'as in the config, for a batch of {base}; --auto-scale-lr would scale it'
