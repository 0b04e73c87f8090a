"""One optimiser per stage, of which one is in use at a time."""

from __future__ import annotations

import copy
import inspect

import torch
from mmengine.optim import OptimWrapperDict, build_optim_wrapper
from mmengine.utils import digit_version
from mmpretrain.registry import OPTIM_WRAPPER_CONSTRUCTORS, OPTIMIZERS
from torch import nn

from deft_mm.models.algorithms.deft import STAGES

_FUSED = (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW)


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

    def load_state_dict(self, state_dict: dict) -> None:
        """Load the state of every stage's optimiser.

        Whether an optimiser is fused is not loaded: that is a matter of this machine and config,
        not of those that the checkpoint comes from.
        """
        for name, saved in state_dict.items():
            for group, own in zip(saved['param_groups'], self[name].param_groups, strict=False):
                if 'fused' in own:
                    # Before loading: it also decides on which device Adam counts its steps.
                    group['fused'] = own['fused']
        super().load_state_dict(state_dict)


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class StageOptimWrapperConstructor:
    """Build one optimiser wrapper for each stage of :class:`~deft_mm.models.algorithms.DeFT`.

    Keys beside the stage names (``type``, ``accumulative_counts``, ``clip_grad``, ``loss_scale``,
    ...) are shared by the stages; a stage's own keys win. So ``--amp``, which sets
    ``optim_wrapper.type``, holds for both.

    SGD, Adam and AdamW get ``fused=True`` where PyTorch has a fused kernel for the model's device:
    one pass over the weights, with the same result but for rounding. ``optimizer=dict(...,
    fused=False)`` is the ordinary one.

    A detector without a trainable parameter gets no wrapper: the run has no stage 1.

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
        ValueError: If a stage that trains has no optimiser, if nothing is trained, or if a shared
            key has no effect, since each stage has its own.
    """

    def __init__(self, optim_wrapper_cfg: dict, paramwise_cfg: dict | None = None) -> None:
        cfg = copy.deepcopy(optim_wrapper_cfg)
        self.stage_cfgs = {stage: cfg.pop(stage) for stage in STAGES if stage in cfg}
        self.shared_cfg = dict(cfg)
        stages = self.stage_cfgs
        for key in self.shared_cfg:
            if len(stages) == len(STAGES) and all(key in own for own in stages.values()):
                places = ' and '.join(f'optim_wrapper.{stage}.{key}' for stage in stages)
                raise ValueError(
                    f'optim_wrapper.{key} has no effect, since both stages have their own: set '
                    f'{places} instead.'
                )
        if paramwise_cfg is not None:
            self.shared_cfg['paramwise_cfg'] = paramwise_cfg

    def __call__(self, model: nn.Module) -> StageOptimWrapper:
        model = getattr(model, 'module', model)
        wrappers = {}
        for stage in STAGES:
            child = getattr(model, stage, None)
            # A detector may be taken as it is (zero-shot CLIP); a classifier is always trained.
            if child is not None and (stage == 'classifier' or _is_trainable(child)):
                wrappers[stage] = self._build_stage(stage, child)
        if not wrappers:
            raise ValueError(
                'model.detector has no trainable parameter, and there is no model.classifier: '
                'there is nothing to train. tools/detect.py selects with a detector as it is.'
            )
        return StageOptimWrapper(**wrappers)

    def _build_stage(self, stage: str, child: nn.Module):
        cfg = {**copy.deepcopy(self.shared_cfg), **copy.deepcopy(self.stage_cfgs.get(stage, {}))}
        if 'optimizer' not in cfg:
            raise ValueError(
                f'optim_wrapper.{stage}.optimizer is missing: give the {stage} an optimiser, for '
                f"example optim_wrapper=dict({stage}=dict(optimizer=dict(type='SGD', lr=0.01)))."
            )
        if not _is_trainable(child):
            raise ValueError(
                f'model.{stage} has no trainable parameter: set model.{stage}.backbone.peft, or a '
                'head that trains.'
            )
        _fuse(cfg['optimizer'], next(p for p in child.parameters() if p.requires_grad))
        return build_optim_wrapper(child, cfg)


def _is_trainable(child: nn.Module) -> bool:
    return any(param.requires_grad for param in child.parameters())


def _fuse(optimizer: dict, parameter: nn.Parameter) -> None:
    """Ask for the fused kernel, where there is one and the config leaves it open."""
    kind = optimizer.get('type')
    cls = OPTIMIZERS.get(kind) if isinstance(kind, str) else kind
    decided = {'fused', 'foreach', 'differentiable'} & optimizer.keys()
    if cls in _FUSED and not decided and _has_fused_kernel(cls, parameter.device):
        optimizer['fused'] = True


def _has_fused_kernel(optimizer: type, device: torch.device) -> bool:
    # Those for the GPU came with the argument, those for the CPU later.
    devices = ('cuda', 'cpu') if digit_version(torch.__version__) >= (2, 4) else ('cuda',)
    return device.type in devices and 'fused' in inspect.signature(optimizer).parameters
