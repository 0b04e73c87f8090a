"""Data-parallel training of a model whose active child changes between stages."""

from __future__ import annotations

import torch
from mmengine.model import MMDistributedDataParallel
from mmengine.registry import MODEL_WRAPPERS
from torch import nn

from deft_mm.models.algorithms.deft import DeFT


@MODEL_WRAPPERS.register_module()
class StageDistributedDataParallel(nn.Module):
    """Wrap :class:`~deft_mm.models.algorithms.DeFT` for distributed training, one stage at a time.

    The bare model stays at ``.module``, so that the state dict has no ``module.`` inside its keys,
    resume finds every weight, and hooks such as EMA see the model as it is. The active child is
    wrapped in ``MMDistributedDataParallel`` when it is first trained, outside the module tree; its
    parameters are broadcast from rank 0 then.

    It is registered in MMEngine's root registry: ``is_model_wrapper`` does not find wrappers of a
    child scope.

    Example:

        .. code:: python

            model_wrapper_cfg = dict(type='StageDistributedDataParallel')

    Args:
        module (DeFT): The bare model, already on its device.
        broadcast_buffers (bool): As in ``DistributedDataParallel``. Defaults to False.
        **kwargs: Further arguments of ``MMDistributedDataParallel``.

    Raises:
        TypeError: If ``module`` is another model, for which the stock wrapper is right.
    """

    def __init__(self, module: DeFT, broadcast_buffers: bool = False, **kwargs) -> None:
        super().__init__()
        if not isinstance(module, DeFT):
            raise TypeError(
                'StageDistributedDataParallel wraps DeFT only, but model.type is '
                f'{type(module).__name__}: remove model_wrapper_cfg from the config.'
            )
        self.module = module
        self._ddp_kwargs = dict(broadcast_buffers=broadcast_buffers, **kwargs)
        self._ddp: dict[str, MMDistributedDataParallel] = {}

    def _active_ddp(self) -> MMDistributedDataParallel:
        stage = self.module.active_stage
        if stage not in self._ddp:
            # A previous stage's reducer holds gradient buckets as large as its parameters.
            self._ddp.clear()
            child = self.module.active
            device = next(child.parameters()).device
            self._ddp[stage] = MMDistributedDataParallel(
                child, device_ids=None if device.type == 'cpu' else [device], **self._ddp_kwargs
            )
        return self._ddp[stage]

    def train(self, mode: bool = True) -> StageDistributedDataParallel:
        """Set the mode of the bare model and of the wrapper that trains it."""
        super().train(mode)
        for ddp in self._ddp.values():
            ddp.train(mode)
        return self

    def train_step(self, data, optim_wrapper) -> dict[str, torch.Tensor]:
        """One step of the active child, gradients averaged over the processes."""
        return self._active_ddp().train_step(data, optim_wrapper[self.module.active_stage])

    def val_step(self, data) -> list:
        """Predictions of the active child on this process's batch."""
        return self.module.val_step(data)

    def test_step(self, data) -> list:
        """Predictions of the active child on this process's batch."""
        return self.module.test_step(data)

    def forward(self, *args, **kwargs):
        """Forward of the bare model, without gradient synchronisation."""
        return self.module(*args, **kwargs)
