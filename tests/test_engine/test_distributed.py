"""Two processes on the CPU do what one does."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from process_utils import free_port, in_processes, run_tool

from runner_utils import REPO, same_state, tiny
from scoring_utils import SIZES, score_all, score_in_process, threads_after_training

CONFIG = 'deft/deft_digits_sym40.py'


def test_scoring_pass_of_two_processes_selects_what_one_selects(tmp_path):
    in_processes(score_in_process, str(tmp_path))
    alone = score_all(SIZES)
    for rank in range(2):
        together = np.load(tmp_path / f'{rank}.npz')
        for name, values in alone.items():
            # batches are of other samples, so the last bits may differ
            np.testing.assert_allclose(together[name], values, rtol=1e-4, atol=1e-5)
        for size in SIZES:
            selections = [scores[f'clean_prob{size}'] > 0.5 for scores in (together, alone)]
            assert (selections[0] == selections[1]).all()


def dist_train(config) -> None:
    command = ['bash', str(REPO / 'tools' / 'dist_train.sh'), str(config), '2']
    env = dict(
        os.environ,
        PYTHONPATH=os.pathsep.join([str(REPO), str(REPO / 'tests')]),
        PORT=str(free_port()),
        OMP_NUM_THREADS='1',
    )
    env['PATH'] = os.path.dirname(sys.executable) + os.pathsep + env['PATH']
    done = subprocess.run(command, capture_output=True, text=True, env=env)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


@pytest.mark.skipif(not os.path.isdir('/proc/self/task'), reason='lists threads as Linux does')
def test_training_leaves_no_gloo_thread_to_abort_the_exit(tmp_path):
    tiny(CONFIG, tmp_path).dump(tmp_path / 'config.py')  # the process imports runner_utils
    in_processes(threads_after_training, str(tmp_path), processes=1)
    threads = (tmp_path / 'threads.txt').read_text()
    assert threads and 'gloo' not in threads


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """Both stages trained by two processes without a GPU."""
    work_dir = tmp_path_factory.mktemp('ddp')
    cfg = tiny(CONFIG, work_dir, num_samples=27, train_cfg__max_epochs=3)
    cfg.default_hooks.checkpoint.max_keep_ckpts = -1
    cfg.default_hooks.noise_filter.selector = dict(type='KeepEvenIndices')
    cfg.custom_imports = dict(imports=['deft_mm', 'runner_utils'], allow_failed_imports=False)
    cfg.dump(work_dir / 'config.py')
    dist_train(work_dir / 'config.py')
    return work_dir


def test_dist_train_runs_both_stages_on_the_cpu(trained):
    summary = json.loads((trained / 'summary.json').read_text())
    assert [entry['stage'] for entry in summary['epochs']] == ['detector'] + 2 * ['classifier']
    state = torch.load(trained / 'epoch_3.pth', weights_only=True)['state_dict']
    assert not [key for key in state if 'module.' in key]


def test_distributed_resume_in_stage_two_equals_uninterrupted_run(trained, tmp_path):
    options = ['--work-dir', tmp_path, '--resume', trained / 'epoch_2.pth']
    run_tool('train.py', [trained / 'config.py', *options], tmp_path)
    whole, resumed = (
        torch.load(folder / 'epoch_3.pth', weights_only=True) for folder in (trained, tmp_path)
    )
    assert same_state(whole['state_dict'], resumed['state_dict'])


def test_a_classifier_in_two_processes_trains_on_one_selection_of_its_own(tmp_path):
    cfg = tiny('gmm/gmm_digits_sym40.py', tmp_path, num_samples=26, train_cfg__max_epochs=2)
    cfg.default_hooks.noise_filter.selector = dict(type='KeepEvenIndices')
    cfg.default_hooks.checkpoint.max_keep_ckpts = -1
    cfg.custom_imports = dict(imports=['deft_mm', 'runner_utils'], allow_failed_imports=False)
    cfg.dump(tmp_path / 'config.py')
    run_tool('train.py', [tmp_path / 'config.py'], tmp_path)
    summary = json.loads((tmp_path / 'summary.json').read_text())
    assert [report['epoch'] for report in summary['detection']] == [1, 2]
    states = [torch.load(tmp_path / f'epoch_{i}.pth', weights_only=True)['deft'] for i in (1, 2)]
    assert states[0]['selection'] is None
    assert states[1]['selection']['kept'].nonzero().flatten().tolist() == list(range(0, 26, 2))
