"""Mixed precision in training, validation and scoring. What needs a GPU is tested where one is."""

from argparse import Namespace

import pytest
import torch
from mmengine.optim.optimizer import amp_optimizer_wrapper

from deft_mm.engine import launch
from deft_mm.models.backbones import clip_vision_transformer
from runner_utils import run, scalars, tiny
from tools import train

CONFIG = 'deft/deft_digits_sym40.py'


@pytest.fixture
def accelerator(monkeypatch):
    """MMEngine's AMP wrapper and the tools believe that there is one; autocast knows better."""
    default = torch.get_autocast_gpu_dtype()
    monkeypatch.setattr(amp_optimizer_wrapper, 'is_cuda_available', lambda: True)
    monkeypatch.setattr(launch, 'get_device', lambda: 'cuda')
    yield
    torch.set_autocast_gpu_dtype(default)


def with_amp(cfg):
    options = Namespace(
        amp=True, no_validate=False, resume=None, auto_scale_lr=False, corrections=[]
    )
    train.apply_training_options(cfg, options)
    return cfg


def test_bfloat16_run_computes_in_it_throughout_and_keeps_weights_in_float32(
    accelerator, tmp_path, monkeypatch
):
    dtypes = set()
    attention = clip_vision_transformer._attention

    def note(qkv, *args):
        dtypes.add((torch.is_grad_enabled(), qkv.dtype))
        return attention(qkv, *args)

    cfgs = []
    for name in ('full', 'mixed'):
        cfg = tiny(CONFIG, tmp_path / name, optim_wrapper__dtype='bfloat16')
        cfg.default_hooks.noise_filter.selector = dict(type='KeepEvenIndices')
        # All samples count: none is selected or rejected by a rounding, or trained on too fast.
        cfg.model.detector.head.warmup_epochs = 1
        cfg.optim_wrapper.detector.clip_grad = dict(max_norm=1.0)
        cfgs.append(cfg)
    del cfgs[0].optim_wrapper.dtype
    run(cfgs[0])
    monkeypatch.setattr(clip_vision_transformer, '_attention', note)
    runner = run(with_amp(cfgs[1]))
    # With gradients, and without: in validation and scoring.
    assert dtypes == {(True, torch.bfloat16), (False, torch.bfloat16)}
    assert {p.dtype for p in runner.model.parameters()} == {torch.float32}
    losses = [[line['loss'] for line in scalars(tmp_path / name)] for name in ('full', 'mixed')]
    assert losses[0] != losses[1]
    assert losses[0] == pytest.approx(losses[1], rel=0.05)


@pytest.mark.parametrize(
    ('dtype', 'loss_scale'),
    [(None, 'dynamic'), ('float16', 'dynamic'), ('bfloat16', dict(enabled=False))],
)
def test_amp_option_scales_the_loss_where_the_type_needs_it(accelerator, dtype, loss_scale):
    cfg = tiny(CONFIG, 'unused')
    if dtype is not None:
        cfg.optim_wrapper.dtype = dtype
    wrapper = with_amp(cfg).optim_wrapper
    assert wrapper.type == 'AmpOptimWrapper' and wrapper.loss_scale == loss_scale
    assert cfg.val_cfg.fp16
    # What MMEngine's loops take, which know only whether.
    assert torch.get_autocast_gpu_dtype() == getattr(torch, dtype or 'float16')


def test_amp_option_keeps_what_the_config_says(accelerator):
    cfg = tiny(CONFIG, 'unused', val_cfg__fp16=False, optim_wrapper__loss_scale=128.0)
    with_amp(cfg)
    assert cfg.optim_wrapper.loss_scale == 128.0 and not cfg.val_cfg.fp16


def test_other_types_are_refused(accelerator):
    with pytest.raises(ValueError, match="optim_wrapper.dtype='bf16'.*'bfloat16'"):
        with_amp(tiny(CONFIG, 'unused', optim_wrapper__dtype='bf16'))
