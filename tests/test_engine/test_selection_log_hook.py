"""The log of the running selection warns when it collapses."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.hooks import Hook
from mmengine.logging import MessageHub
from mmengine.registry import DefaultScope
from mmpretrain.registry import HOOKS, MODELS

from deft_mm.engine.hooks import SelectionLogHook
from deft_mm.models.heads import ScoringHead
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


ALL = list(range(10))


def test_a_steady_selection_is_no_reason_to_warn(tmp_path):
    log = log_of(tmp_path, [ALL, ALL, ALL])
    assert 'collapses' not in log and 'nothing is kept of' not in log and 'has fallen' not in log


def test_what_is_selected_in_the_warm_up_is_no_reason_to_warn(tmp_path):
    log = log_of(tmp_path, [ALL, [0, 1], [0, 1]])
    assert 'collapses' not in log and 'has fallen' not in log


def test_a_collapse_is_said_once_with_both_shares(tmp_path):
    log = log_of(tmp_path, [ALL, ALL, [0, 1], [0, 1]])
    assert 'Epoch 3: the selection collapses: it keeps' in log and 'and kept 100% before' in log
    assert log.count('collapses') == log.count('nothing is kept of 8 classes: class 2') == 1


def test_classes_without_a_kept_sample_are_named(tmp_path):
    log = log_of(tmp_path, [ALL, ALL, [0, 1, 2, 3, 4, 5, 6, 8]])
    assert 'nothing is kept of 2 classes: class 7, class 9.' in log
    assert 'collapses' not in log


def messages_of(name: str, *epochs, head=None) -> list[list[str]]:
    """The warnings of each epoch, from the kept shares of ten classes of 100 samples."""
    hook, hub, said = SelectionLogHook(), MessageHub.get_instance(name), []
    model = SimpleNamespace(head=head or ScoringHead())
    runner = SimpleNamespace(message_hub=hub, epoch=5, model=model)
    given = np.repeat(np.arange(10), 100)
    for shares in epochs:
        said.append([])
        runner.logger = SimpleNamespace(warning=said[-1].append)
        kept = np.concatenate([np.arange(100) < round(100 * s) for s in shares])
        hook._warn_of_collapse(runner, list('abcdefghij'), given, kept)
    return said


@pytest.mark.parametrize(
    ('share', 'warned'), [([0.5] + [0.2] * 9, []), ([0.1] + [0.5] * 9, ['1 class: a 50% -> 10%'])]
)
def test_a_class_is_named_if_it_falls_more_than_all(share, warned):
    """Half of what is kept may go, as long as it goes evenly."""
    messages = messages_of(f'drift{share[0]}', [0.5] * 10, share)[1]
    drift = [message for message in messages if 'has fallen most in' in message]
    assert [d.split('fallen most in ')[1] for d in drift] == [f'{w}.' for w in warned]


def test_an_even_collapse_is_no_drift_of_classes_in_the_next_epoch():
    first, second, third = messages_of('even', [0.8] * 10, [0.3] * 10, [0.3] * 10)
    assert not first and not third
    assert len(second) == 1 and 'keeps 30% of the samples, and kept 80% before' in second[0]


def test_a_class_that_comes_back_with_next_to_nothing_is_named_once():
    rest = [0.5] * 9
    epochs = messages_of('flicker', [0.5, *rest], [0, *rest], [0.02, *rest], [0, *rest])
    assert [len(messages) for messages in epochs] == [0, 1, 0, 0]
    assert 'nothing is kept of 1 class: a' in epochs[1][0]
    recovered = messages_of('recovered', [0.5, *rest], [0, *rest], [0.4, *rest], [0, *rest])
    assert 'nothing is kept of 1 class: a' in recovered[3][0]


@pytest.mark.parametrize('recipe', ['synthetic', 'cautious'])
def test_the_cautious_recipe_is_recommended_to_others(recipe):
    cfg = tiny(CONFIG, 'unused').model.detector.head
    cfg.update(recipe=recipe, ctx_init='a photo of a', loss_cls=None, loss_warmup=None)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        head = MODELS.build(cfg)
    (message,) = messages_of(f'of {recipe}', [0.8] * 10, [0.3] * 10, head=head)[1]
    assert ("recipe='cautious'" in message) == (recipe == 'synthetic')
    assert 'lower learning rate' in message


def test_an_epoch_that_is_cut_short_is_judged_by_its_true_labels_too(tmp_path):
    cfg = tiny(CONFIG, tmp_path, train_dataloader__num_batch_per_epoch=3)
    run(cfg)
    log = next(tmp_path.glob('*/*.log')).read_text()
    assert 'running selection (%): kept_share' in log and ', precision ' in log.split('running')[1]
