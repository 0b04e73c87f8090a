"""Checkpoints load without unpickling code, and hostile ones are refused."""

import os
import pickle
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader, Runner
from mmengine.runner.checkpoint import _load_checkpoint

from deft_mm.engine import AtomicLocalBackend, launch
from deft_mm.engine.checkpoint_loading import _history_buffer_getattr, load_local_checkpoint
from deft_mm.engine.hooks.safe_checkpoint_hook import SafeCheckpointHook
from deft_mm.safe_globals import takes_renamed_globals
from runner_utils import REPO, run, tiny

CONFIG = 'deft/deft_digits_sym40.py'


class Hostile:
    """Makes a folder when unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.fixture(scope='module')
def finished(tmp_path_factory):
    work_dir = tmp_path_factory.mktemp('run')
    run(tiny(CONFIG, work_dir))
    return work_dir


def test_checkpoints_of_both_stages_hold_plain_types_only(finished):
    for name in ('epoch_1.pth', 'epoch_2.pth'):
        # no allow-list in this subprocess-free check: the safe globals of torch alone
        with torch.serialization.safe_globals([]):
            checkpoint = torch.load(finished / name, weights_only=True)
        assert checkpoint['deft']['stage'] == (
            'detector' if name == 'epoch_1.pth' else 'classifier'
        )
        types = {
            type(value).__name__ for value in checkpoint['message_hub']['log_scalars'].values()
        }
        assert types == {'dict'}


def test_history_buffers_survive_the_round_trip():
    buffer = HistoryBuffer([0.1, 0.2, 1e-9], [1, 2, 3])
    checkpoint = dict(message_hub=dict(log_scalars=dict(loss=buffer)), best=np.float64(0.3))
    hook, runner = (
        SafeCheckpointHook(),
        SimpleNamespace(model=torch.nn.Identity(), _train_loop=None),
    )
    hook.before_save_checkpoint(runner, checkpoint)
    assert type(checkpoint['best']) is float
    hook.after_load_checkpoint(runner, checkpoint)
    restored = checkpoint['message_hub']['log_scalars']['loss']
    assert (restored.data[0] == buffer.data[0]).all() and (restored.data[1] == buffer.data[1]).all()


@pytest.mark.parametrize('how', ['resume', 'load_from'])
def test_hostile_checkpoint_is_refused(tmp_path, how):
    mark = tmp_path / 'opened'
    torch.save(dict(state_dict={}, meta=Hostile(mark)), tmp_path / 'bad.pth')
    cfg = tiny(CONFIG, tmp_path / 'work')
    cfg.resume, cfg.load_from = how == 'resume', str(tmp_path / 'bad.pth')
    with pytest.raises(pickle.UnpicklingError):
        run(cfg)
    assert not mark.exists()


def test_stock_checkpoint_with_history_buffers_loads(tmp_path):
    content = dict(
        message_hub=dict(log_scalars=dict(loss=HistoryBuffer([1.0], [1]))), score=np.float64(0.5)
    )
    torch.save(content, tmp_path / 'stock.pth')
    loaded = _load_checkpoint(str(tmp_path / 'stock.pth'))
    assert loaded['message_hub']['log_scalars']['loss'].mean() == 1.0 and loaded['score'] == 0.5


def test_importing_the_package_leaves_the_loaders_of_mmengine_alone():
    # A process of its own: the tools, which other tests run, do ask for the safe loader.
    program = (
        'from mmengine.runner import CheckpointLoader\n'
        'before = dict(CheckpointLoader._schemes)\n'
        'import deft_mm\n'
        'assert CheckpointLoader._schemes == before\n'
    )
    done = subprocess.run(
        [sys.executable, '-c', program], cwd=REPO, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture
def stock_loader(monkeypatch):
    """MMEngine's table of loaders with one that notes what it is asked for."""
    asked = []

    def load(filename, map_location):
        asked.append(filename)
        return torch.load(filename, map_location=map_location, weights_only=False)

    monkeypatch.setattr(CheckpointLoader, '_schemes', dict(CheckpointLoader._schemes))
    CheckpointLoader.register_scheme('', loader=load, force=True)
    return asked


def stock(work_dir, **options):
    """A config of MMEngine alone, as a user of another package has it."""
    cfg = tiny('ce/ce_digits_sym40.py', work_dir, **options)
    hooks = dict(checkpoint=dict(type='CheckpointHook', interval=1))
    return Config({**cfg, 'default_hooks': hooks, 'custom_imports': None})


def train_stock(cfg) -> Runner:
    runner = Runner.from_cfg(cfg)
    runner.train()
    return runner


def test_our_run_loads_safely_and_leaves_the_loader_of_others(finished, tmp_path, stock_loader):
    cfg = tiny(CONFIG, tmp_path)
    cfg.resume, cfg.load_from = True, str(finished / 'epoch_1.pth')
    run(cfg)
    assert stock_loader == []
    cfg.load_from = str(tmp_path / 'bad.pth')
    torch.save(dict(state_dict={}, meta=Hostile(tmp_path / 'opened')), tmp_path / 'bad.pth')
    with pytest.raises(pickle.UnpicklingError, match='bad.pth was not loaded'):
        run(cfg)
    _load_checkpoint(str(finished / 'epoch_1.pth'))
    assert stock_loader == [str(finished / 'epoch_1.pth')]


def test_a_stock_run_in_the_same_process_loads_by_the_loader_that_it_finds(tmp_path, stock_loader):
    train_stock(stock(tmp_path / 'one'))
    cfg = stock(tmp_path / 'two', train_cfg__max_epochs=2)
    cfg.resume, cfg.load_from = True, str(tmp_path / 'one' / 'epoch_1.pth')
    assert train_stock(cfg).epoch == 2
    assert stock_loader == [cfg.load_from]


@pytest.mark.skipif(not takes_renamed_globals(), reason='this PyTorch does not take log buffers')
def test_a_stock_run_resumes_where_loading_is_safe(tmp_path, monkeypatch):
    monkeypatch.setenv('TORCH_FORCE_WEIGHTS_ONLY_LOAD', '1')  # the fork would try the other way
    train_stock(stock(tmp_path / 'one'))
    cfg = stock(tmp_path / 'two', train_cfg__max_epochs=2)
    cfg.resume, cfg.load_from = True, str(tmp_path / 'one' / 'epoch_1.pth')
    assert train_stock(cfg).epoch == 2


def test_the_tools_load_safely(monkeypatch, stock_loader):
    monkeypatch.setenv('LOCAL_RANK', '0')
    monkeypatch.setenv('TORCH_FORCE_WEIGHTS_ONLY_LOAD', '0')
    launch.prepare_environment(local_rank=0)
    assert CheckpointLoader._get_checkpoint_loader('epoch_1.pth') is load_local_checkpoint


def test_stand_in_for_getattr_gives_statistics_only():
    assert _history_buffer_getattr(HistoryBuffer, 'mean') is HistoryBuffer.mean
    for owner, name in (
        (HistoryBuffer, '__init__'),
        (os, 'system'),
        (HistoryBuffer, '__globals__'),
    ):
        with pytest.raises(ValueError, match='not allowed'):
            _history_buffer_getattr(owner, name)


def test_interrupted_save_keeps_the_previous_file(tmp_path, monkeypatch):
    path = tmp_path / 'epoch_1.pth'
    backend = AtomicLocalBackend()
    backend.put(b'first', path)

    def killed(handle):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, 'fsync', killed)
    with pytest.raises(KeyboardInterrupt):
        backend.put(b'second, longer', path)
    assert path.read_bytes() == b'first' and list(tmp_path.iterdir()) == [path]


@pytest.fixture(scope='module')
def of_another_model(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp('another')
    run(tiny('ce/ce_digits_sym40.py', folder))
    return str(folder / 'epoch_1.pth')


@pytest.mark.parametrize('what', ['test', 'train'])
def test_weights_of_another_model_are_refused(of_another_model, tmp_path, what):
    cfg = tiny('deft/deft_digits_sym40.py', tmp_path, load_from=of_another_model)
    with pytest.raises(ValueError, match=r'epoch_1\.pth is one of another model than the DeFT'):
        getattr(Runner.from_cfg(cfg), what)()


def test_a_test_with_a_part_of_the_weights_is_refused(of_another_model, tmp_path):
    checkpoint = torch.load(of_another_model, weights_only=True)
    checkpoint['state_dict'].pop('head.fc.bias')
    torch.save(checkpoint, tmp_path / 'part.pth')
    cfg = tiny('ce/ce_digits_sym40.py', tmp_path, load_from=str(tmp_path / 'part.pth'))
    with pytest.raises(ValueError, match=r'1 are missing \(head\.fc\.bias\)'):
        Runner.from_cfg(cfg).test()
    Runner.from_cfg(cfg).train()  # a new head on trained weights is what load_from is for
