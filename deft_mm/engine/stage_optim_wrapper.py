"""One optimiser per stage, of which one is in use at a time."""

from __future__ import annotations

import copy

from mmengine.optim import OptimWrapperDict, build_optim_wrapper
from mmpretrain.registry import OPTIM_WRAPPER_CONSTRUCTORS
from torch import nn

from deft_mm.models.algorithms.deft import STAGES


class StageOptimWrapper(OptimWrapperDict):
    """An ``OptimWrapperDict`` with one wrapper a stage that reports the active stage's rates only.

    Attributes:
        active (str): The stage whose learning rate and momentum are logged. Defaults to the first
            wrapper's name.
    """

    def __init__(self, **optim_wrappers) -> None:
        super().__init__(**optim_wrappers)
        self.active = next(iter(optim_wrappers))

    def get_lr(self) -> dict[str, list[float]]:
        """Learning rates of the active stage, as a single optimiser would report them."""
        return self[self.active].get_lr()

    def get_momentum(self) -> dict[str, list[float]]:
        """Momenta of the active stage, as a single optimiser would report them."""
        return self[self.active].get_momentum()


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class StageOptimWrapperConstructor:
    """Build one optimiser wrapper for each stage of :class:`~deft_mm.models.algorithms.DeFT`.

    Keys beside the stage names (``type``, ``accumulative_counts``, ``clip_grad``, ``loss_scale``,
    ...) are shared by the stages; a stage's own keys win. So ``--amp``, which sets
    ``optim_wrapper.type``, holds for both.

    Example:

        .. code:: python

            optim_wrapper = dict(
                constructor='StageOptimWrapperConstructor',
                detector=dict(optimizer=dict(type='SGD', lr=0.03, momentum=0.9)),
                classifier=dict(optimizer=dict(type='SGD', lr=5e-4, momentum=0.9)),
            )

    Args:
        optim_wrapper_cfg (dict): The shared keys, and one dict a stage with its ``optimizer`` and,
            if wanted, its own ``paramwise_cfg``.
        paramwise_cfg (dict, optional): Parameter-wise options shared by the stages. Defaults to
            None.

    Raises:
        ValueError: If a stage of the model has no optimiser, or trains no parameter.
    """

    def __init__(self, optim_wrapper_cfg: dict, paramwise_cfg: dict | None = None) -> None:
        cfg = copy.deepcopy(optim_wrapper_cfg)
        self.stage_cfgs = {stage: cfg.pop(stage) for stage in STAGES if stage in cfg}
        self.shared_cfg = dict(cfg)
        if paramwise_cfg is not None:
            self.shared_cfg['paramwise_cfg'] = paramwise_cfg

    def __call__(self, model: nn.Module) -> StageOptimWrapper:
        model = getattr(model, 'module', model)
        wrappers = {}
        for stage in STAGES:
            child = getattr(model, stage, None)
            if child is not None:
                wrappers[stage] = self._build_stage(stage, child)
        return StageOptimWrapper(**wrappers)

    def _build_stage(self, stage: str, child: nn.Module):
        cfg = {**copy.deepcopy(self.shared_cfg), **copy.deepcopy(self.stage_cfgs.get(stage, {}))}
        if 'optimizer' not in cfg:
            raise ValueError(
                f'optim_wrapper.{stage}.optimizer is missing: give the {stage} an optimiser, for '
                f"example optim_wrapper=dict({stage}=dict(optimizer=dict(type='SGD', lr=0.01)))."
            )
        if not any(param.requires_grad for param in child.parameters()):
            raise ValueError(
                f'model.{stage} has no trainable parameter: set model.{stage}.backbone.peft, or a '
                'head that trains.'
            )
        return build_optim_wrapper(child, cfg)
