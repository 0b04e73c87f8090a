"""The log of the running selection warns when it collapses."""

import torch
from mmengine.hooks import Hook
from mmpretrain.registry import HOOKS

from runner_utils import run, tiny

CONFIG = 'deft/deft_digits_sym40.py'


@HOOKS.register_module()
class ForgeSelection(Hook):
    """Replaces what the detector selected: everything at first, later only some classes."""

    priority = 'HIGHEST'

    def __init__(self, kept_classes: list) -> None:
        self.kept_classes = kept_classes

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        if runner.model.active_stage == 'detector':
            head = runner.model.detector.head
            index, _ = head.batch_selection
            given = torch.from_numpy(runner.train_dataloader.dataset.given_labels)[index]
            kept = torch.tensor(self.kept_classes[runner.epoch])
            head.batch_selection = index, torch.isin(given, kept)


def log_of(tmp_path, kept_classes) -> str:
    cfg = tiny(CONFIG, tmp_path, num_samples=200, train_cfg__max_epochs=len(kept_classes) + 1)
    cfg.train_dataloader.batch_size = 40
    cfg.default_hooks.noise_filter.update(
        detector_epochs=len(kept_classes), selector=dict(type='KeepEvenIndices')
    )
    cfg.custom_hooks = [dict(type='ForgeSelection', kept_classes=kept_classes)]
    run(cfg)
    return next(tmp_path.glob('*/*.log')).read_text()


def test_a_steady_selection_is_no_reason_to_warn(tmp_path):
    log = log_of(tmp_path, [list(range(10)), list(range(10))])
    assert 'collapses' not in log and 'nothing is kept of' not in log and 'has fallen' not in log


def test_a_collapse_is_said_with_both_shares(tmp_path):
    log = log_of(tmp_path, [list(range(10)), [0, 1]])
    assert 'Epoch 2: the selection collapses: it keeps' in log and 'and kept 100% before' in log


def test_classes_without_a_kept_sample_are_named(tmp_path):
    log = log_of(tmp_path, [list(range(10)), [0, 1, 2, 3, 4, 5, 6, 8]])
    assert 'nothing is kept of the 2 classes class 7, class 9.' in log
    assert 'collapses' not in log
