"""What others' code keeps, from the command line to stage 2."""

import numpy as np
import pytest

from deft_mm.selection import read_selection
from runner_utils import REPO, run, tiny
from tool_utils import tool

DIGITS = REPO / 'configs/deft/deft_digits_sym40.py'


@pytest.fixture
def small(tmp_path):
    """A config of few made-up samples, and its file."""
    cfg = tiny(DIGITS, tmp_path / 'run', num_samples=24)
    cfg.custom_imports = dict(imports=['deft_mm', 'runner_utils'], allow_failed_imports=False)
    cfg.dump(tmp_path / 'small.py')
    return cfg, tmp_path / 'small.py'


def test_stage_two_trains_on_what_the_list_keeps(small, tmp_path, monkeypatch, capfd):
    cfg, path = small
    np.save(tmp_path / 'unicon.npy', np.array([3, 1, 20, 11, 7]))
    out = tmp_path / 'kept.csv'
    tool(monkeypatch, 'import_selection.py', path, '--kept', tmp_path / 'unicon.npy', '--out', out)
    told = ''.join(capfd.readouterr())
    assert 'Kept 5 of 24 samples' in told and 'detection precision' in told
    table = read_selection(out)
    assert np.flatnonzero(table.kept).tolist() == [1, 3, 7, 11, 20]
    assert (table.method, table.config) == ('unicon', 'small.py')
    cfg.default_hooks.noise_filter.selection = str(out)
    runner = run(cfg)
    assert {i for _, batch in runner.order.batches for i in batch} == {1, 3, 7, 11, 20}


def test_scores_become_the_score_of_the_selection(small, tmp_path, monkeypatch):
    prob = np.linspace(0, 1, 24)
    np.savez(tmp_path / 'p.npz', prob1=prob, prob2=prob[::-1])
    options = ['--kept', tmp_path / 'p.npz', '--name', 'prob2', '--threshold', 0.5]
    options += ['--out', tmp_path / 'x.parquet', '--method', 'DivideMix']
    tool(monkeypatch, 'import_selection.py', small[1], *options)
    table = read_selection(tmp_path / 'x.parquet')
    np.testing.assert_array_equal(table.score, prob[::-1])
    np.testing.assert_array_equal(table.kept, prob[::-1] > 0.5)
    assert table.method == 'DivideMix'


def test_a_list_of_other_data_and_a_selection_of_them_are_told(small, tmp_path, monkeypatch):
    (tmp_path / 'kept.txt').write_text('0 24')
    options = ['--kept', tmp_path / 'kept.txt', '--out', tmp_path / 'kept.csv']
    with pytest.raises(ValueError, match=r"kept\.txt': 1 of 2 indices \(24\) .* 24 samples"):
        tool(monkeypatch, 'import_selection.py', small[1], *options)
    assert not (tmp_path / 'kept.csv').exists()
    (tmp_path / 'kept.txt').write_text('22 23')
    tool(monkeypatch, 'import_selection.py', small[1], *options)
    other = [*options, '--cfg-options', 'train_dataloader.dataset.noise.seed=5']
    with pytest.raises(ValueError, match=r'which would be replaced, .* given labels differ'):
        tool(monkeypatch, 'import_selection.py', small[1], *other)
