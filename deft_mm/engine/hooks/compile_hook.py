"""``torch.compile`` for the part of a model where it pays."""

from __future__ import annotations

import torch
from mmengine.dist import is_distributed
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpretrain.registry import HOOKS
from torch import nn

from deft_mm.engine.stage_switch import bare_model


@HOOKS.register_module()
class CompileHook(Hook):
    """Compile the image towers only, where the config says ``compile=True``.

    MMEngine's own ``compile`` compiles the whole ``train_step``: pre-processing, the lists of
    samples, the losses' bookkeeping and the optimiser, which breaks into dozens of graphs. With
    this hook the same key, with the same options, compiles the ``backbone`` of every classifier
    in the model and nothing else, in training, validation and the scoring pass alike. The names in
    the state dict stay as they are, and DDP, EMA, the switch of stages and a resume see the model
    that they know.

    A backbone is compiled with ``dynamic=True``: one graph for batches of all sizes. So a resumed
    run computes with the kernels of an uninterrupted one, whichever batch comes first, and the last
    batch of an epoch starts no compilation.

    In a distributed run Dynamo's cut of a graph at DDP's gradient buckets
    (``torch._dynamo.config.optimize_ddp``) is switched off for the process: it does not know
    ``dynamic=True``. A tower's gradients are then averaged once its backward pass is through.

    Example:

        .. code:: python

            default_hooks = dict(compile=dict(type='CompileHook'))
            compile = True  # or a dict of options of torch.compile, such as dict(mode='...')
    """

    def before_run(self, runner: Runner) -> None:
        """Compile the backbones, in place.

        Raises:
            TypeError: If ``compile`` is neither a bool nor a dict.
            ValueError: If torch.compile refuses the options, this PyTorch can't compile a module in
                place, or the model has no backbone.
        """
        # Taken out of the config: MMEngine would compile `train_step` as well.
        options = runner.cfg.pop('compile', None)
        if options is None or options is False:
            return
        if options is not True and not isinstance(options, dict):
            raise TypeError(
                f'compile={options!r}: it is True, False or a dict of options of torch.compile, '
                "such as compile=dict(backend='inductor')."
            )
        if not hasattr(nn.Module, 'compile'):
            raise ValueError(
                f'compile={options!r} needs a PyTorch that compiles modules in place (2.2 or '
                'newer): install one, or remove `compile` from the config.'
            )
        model = bare_model(runner)
        names = [name for name, _ in model.named_modules() if name.split('.')[-1] == 'backbone']
        if not names:
            raise ValueError(
                f'compile={options!r}: {type(model).__name__} has no module named `backbone`, '
                'which is what is compiled: remove `compile` from the config.'
            )
        if is_distributed():
            # It fails where a number of a dynamic graph is needed on both sides of a cut.
            torch._dynamo.config.optimize_ddp = False
        try:
            for name in names:
                settings = {'dynamic': True, **({} if options is True else options)}
                model.get_submodule(name).compile(**settings)
        except (TypeError, RuntimeError) as error:
            raise ValueError(
                f'compile={options!r}: torch.compile does not take these options. {error}'
            ) from error
        runner.logger.info(f'Compiled: {", ".join(names)}. Their first batches take longer.')
