"""Selectors on features and probabilities, in runs."""

import numpy as np
import pytest
from process_utils import run_tool

from deft_mm.selection import ScoreSelector, read_selection
from runner_utils import run, same_state, tiny

CONFIG = 'audit/audit_digits_sym40.py'
# Of neighbours there is a vote in 30 samples, too.
VOTE = dict(type='ScoreSelector', score='knn', cut='share', k=5, noise_ratio=0.5)


def config(work_dir, num_samples=250, **options):
    cfg = tiny(CONFIG, work_dir, num_samples, train_cfg__max_epochs=2, **options)
    cfg.train_dataloader.batch_size = cfg.val_dataloader.batch_size = 50
    cfg.default_hooks.checkpoint.max_keep_ckpts = -1
    return cfg


def hook_of(runner):
    return next(hook for hook in runner.hooks if type(hook).__name__ == 'NoiseFilterHook')


def test_a_run_audits_trains_on_what_is_picked_and_resumes_alike(tmp_path):
    whole = run(config(tmp_path / 'whole'))
    hook, found = hook_of(whole), read_selection(tmp_path / 'whole' / 'selection.csv')
    np.testing.assert_array_equal(found.kept, hook.selector.audit.kept)
    np.testing.assert_array_equal(found.score, hook.selector.audit.score)
    assert found.method == 'AuditSelector' and hook.selector.audit.num_planted == 50
    seen = {index for _, batch in whole.order.batches for index in batch}
    assert seen == set(np.flatnonzero(found.kept))

    for epoch, resumes in ((1, 'with the selection of the checkpoint'), (0, 'anew')):
        cfg = config(tmp_path / resumes)
        if epoch:
            cfg.resume, cfg.load_from = True, str(tmp_path / 'whole' / f'epoch_{epoch}.pth')
        again = run(cfg)
        assert [item for item in whole.order.batches if item[0] >= epoch] == again.order.batches
        assert same_state(whole.model.state_dict(), again.model.state_dict())
        columns = hook_of(again).table.results()
        for name, column in hook.table.results().items():
            np.testing.assert_array_equal(columns[name], column, err_msg=name)


def test_a_classifier_selects_its_own_data_by_its_own_features(tmp_path):
    cfg = tiny('gmm/gmm_digits_sym40.py', tmp_path, num_samples=30, train_cfg__max_epochs=2)
    cfg.default_hooks.noise_filter.selector = VOTE
    runner = run(cfg)
    found = read_selection(tmp_path / 'selection.csv')
    assert found.method == ScoreSelector.__name__ and found.num_kept == 15
    seen = {index for epoch, batch in runner.order.batches for index in batch if epoch == 1}
    assert len(seen) == 15


def test_what_a_selector_cannot_have_is_told_before_training(tmp_path):
    cfg = config(tmp_path)
    cfg.default_hooks.noise_filter.selector = dict(VOTE, threshold=0.5)
    with pytest.raises(ValueError, match="'knn' with 'share' has no threshold"):
        run(cfg)


def test_two_processes_select_what_one_selects(tmp_path):
    run(config(tmp_path / 'one', num_samples=60, default_hooks__noise_filter__selector=VOTE))
    alone = read_selection(tmp_path / 'one' / 'selection.csv')
    cfg = config(tmp_path, num_samples=60, default_hooks__noise_filter__selector=VOTE)
    cfg.custom_imports = dict(imports=['deft_mm', 'runner_utils'], allow_failed_imports=False)
    cfg.dump(tmp_path / 'config.py')
    run_tool('train.py', [tmp_path / 'config.py'], tmp_path)
    together = read_selection(tmp_path / 'selection.csv')
    np.testing.assert_allclose(together.score, alone.score, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(together.kept, alone.kept)
