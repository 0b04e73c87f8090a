"""RunSettingsHook, and how long processes wait for each other."""

from __future__ import annotations

import re
from argparse import Namespace

import pytest
import torch
import torch.multiprocessing as mp
from process_utils import run_tool

from deft_mm.engine import float32_precision, launch
from runner_utils import run, tiny
from tools import train

CONFIG = 'deft/deft_digits_sym40.py'


def log_of(work_dir) -> str:
    return ''.join(path.read_text() for path in work_dir.glob('*/*.log'))


@pytest.fixture
def gpu(monkeypatch):
    """The precision is set as on a GPU; what is there is the CPU."""
    matmul, cudnn = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    monkeypatch.setattr(float32_precision, 'get_device', lambda: 'cuda')
    yield
    torch.set_float32_matmul_precision(matmul)
    torch.backends.cudnn.allow_tf32 = cudnn


@pytest.mark.parametrize('tf32', [True, False])
def test_float32_on_a_gpu_uses_tf32_unless_the_config_says_no(gpu, tmp_path, tf32):
    cfg = tiny('ce/ce_digits_sym40.py', tmp_path, num_samples=8)
    if not tf32:
        cfg.env_cfg.tf32 = False
    run(cfg)
    assert torch.get_float32_matmul_precision() == ('high' if tf32 else 'highest')
    assert torch.backends.cudnn.allow_tf32 is tf32
    expected = 'uses TF32 where' if tf32 else 'is full float32'
    assert f'float32 on the GPU {expected}' in log_of(tmp_path)


def test_the_cpu_computes_as_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(float32_precision, 'get_device', lambda: 'cpu')
    before = torch.get_float32_matmul_precision()
    assert float32_precision.set_float32_precision(dict(tf32=True)) is None
    assert torch.get_float32_matmul_precision() == before


def test_precision_that_is_no_bool_is_refused(tmp_path):
    with pytest.raises(TypeError, match="env_cfg.tf32='no': it is True or False"):
        run(tiny(CONFIG, tmp_path, env_cfg__tf32='no'))


@pytest.mark.parametrize('config', ['ce/ce_digits_sym40.py', CONFIG])
def test_multipliers_of_no_parameter_are_told(config, tmp_path):
    names = {name: dict(lr_mult=0.1) for name in ('head', 'had')}
    cfg = tiny(config, tmp_path, num_samples=8, train_cfg__max_epochs=2)
    is_deft = 'classifier' in cfg.optim_wrapper
    part = cfg.optim_wrapper.classifier if is_deft else cfg.optim_wrapper
    part.paramwise_cfg = dict(custom_keys=names)
    run(cfg)
    place = f'optim_wrapper{".classifier" * is_deft}.paramwise_cfg.custom_keys'
    told = re.findall(r'(\S+) has (\S+), which is in the name of no parameter', log_of(tmp_path))
    assert told == [(place, "'had'")]


def test_resume_that_finds_nothing_warns_and_names_the_folder(tmp_path):
    cfg = tiny('ce/ce_digits_sym40.py', tmp_path, num_samples=8)
    options = Namespace(
        amp=False, no_validate=False, resume='auto', auto_scale_lr=False, corrections=[]
    )
    train.apply_training_options(cfg, options)
    run(cfg)
    warning = f'WARNING - --resume found no checkpoint in {tmp_path}: training starts anew.'
    assert warning in log_of(tmp_path)
    cfg.train_cfg.max_epochs = 2
    run(cfg)
    assert log_of(tmp_path).count('found no checkpoint') == 1


def spawn(folder, **options) -> str:
    """Train in two processes, of which the first is slow, and return the log."""
    cfg = tiny(CONFIG, folder / 'run', num_samples=16, **options)
    cfg.custom_hooks = [dict(type='SlowFirstProcess', seconds=4)]
    cfg.custom_imports = dict(
        imports=['deft_mm', 'runner_utils', 'scoring_utils'], allow_failed_imports=False
    )
    cfg.default_hooks.noise_filter.selector = dict(type='KeepEvenIndices')
    cfg.dump(folder / 'config.py')
    run_tool('train.py', [folder / 'config.py'], folder)
    return log_of(folder / 'run')


def test_slow_process_is_waited_for_and_the_batch_of_all_is_logged(tmp_path):
    log = spawn(
        tmp_path,
        env_cfg__dist_cfg__timeout=120,
        optim_wrapper__classifier__accumulative_counts=2,
        default_hooks__noise_filter__keep_num_updates=False,
        default_hooks__noise_filter__classifier_dataloader=dict(batch_size=2),
    )
    config = 'as in the config, for a batch of 64; --auto-scale-lr would scale it'
    assert re.findall('Batch: .*', log) == [
        f'Batch: 4 x 2 processes x 1 accumulated = 8 samples a step, lr 0.01 ({config})',
        f'Batch: 2 x 2 processes x 2 accumulated = 8 samples a step, lr 0.02 ({config})',
    ]
    assert (tmp_path / 'run' / 'summary.json').is_file()


def test_process_that_is_too_slow_names_the_setting(tmp_path):
    with pytest.raises(
        mp.ProcessRaisedException, match='TimeoutError: A process has waited .*'
    ) as e:
        spawn(tmp_path, env_cfg__dist_cfg__timeout=2)
    assert 'env_cfg.dist_cfg.timeout allows' in str(e.value)


@pytest.mark.parametrize('timeout', [0, '1 h', True])
def test_timeout_that_is_no_time_is_refused(timeout):
    cfg = tiny(CONFIG, 'unused', env_cfg__dist_cfg__timeout=timeout)
    with pytest.raises(ValueError, match='env_cfg.dist_cfg.timeout=.*give the seconds'):
        launch.join_processes('none', cfg)


def test_other_errors_of_a_run_stay_what_they_are():
    with pytest.raises(RuntimeError, match='^DataLoader timed out'), launch.explained_timeouts():
        raise RuntimeError('DataLoader timed out after 5 seconds')
