"""Methods that train a prompt: CoOp, PTNL and NLPrompt, by their configs."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmpretrain.registry import HOOKS

from deft_mm.models.backbones import CLIPVisionTransformer
from deft_mm.selection import read_selection
from runner_utils import REPO, run, same_state, scalars, tiny

CONFIG = 'nlprompt/nlprompt_digits_sym40.py'
NUM_SAMPLES = 24


@HOOKS.register_module()
class NoteFlags(Hook):
    """Notes which samples a loss was told are kept, and which the selection keeps."""

    def __init__(self) -> None:
        self.told, self.selected = {}, {}

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        (hook,) = (hook for hook in runner.hooks if hasattr(hook, 'selector'))
        for sample in data_batch['data_samples']:
            key = runner.epoch, int(sample.sample_idx)
            self.told[key] = bool(sample.kept)
            self.selected[key] = bool(hook.table.kept[sample.sample_idx])


def config(work_dir, max_epochs=3, **options):
    """NLPrompt with a random CLIP, that learns fast enough to change its mind."""
    cfg = tiny(CONFIG, work_dir, NUM_SAMPLES, train_cfg__max_epochs=max_epochs, **options)
    cfg.optim_wrapper.optimizer.lr = 1.0
    cfg.default_hooks.checkpoint.max_keep_ckpts = -1
    return cfg


@pytest.mark.parametrize('method', ['coop', 'ptnl', 'nlprompt'])
def test_the_context_alone_learns_and_the_model_still_knows_the_digits(tmp_path, method):
    cfg = Config.fromfile(REPO / f'configs/{method}/{method}_digits_sym40.py')
    cfg.work_dir = str(tmp_path)
    cfg.train_dataloader.dataset.dataset.indices = 256
    cfg.val_dataloader.dataset.indices = 250
    cfg.train_cfg.max_epochs = 2
    runner = run(cfg)
    trained = {name for name, p in runner.model.named_parameters() if p.requires_grad}
    assert trained == {'head.prompts.pos_ctx'}
    first = torch.load(tmp_path / 'epoch_1.pth', weights_only=False)['state_dict']
    changed = {k for k, v in runner.model.state_dict().items() if not torch.equal(v, first[k])}
    assert changed == trained
    summary = json.loads((tmp_path / 'summary.json').read_text())
    assert summary['epochs'][-1]['metrics']['accuracy/top1'] > 80
    if method == 'nlprompt':
        assert summary['detection'][-1]['f1'] > 85


def test_the_first_epoch_is_a_warm_up_and_a_cosine_follows(tmp_path):
    cfg = tiny('coop/coop_digits_sym40.py', tmp_path, NUM_SAMPLES, train_cfg__max_epochs=4)
    cfg.optim_wrapper.optimizer.lr = 0.002  # of the other configs
    run(cfg)
    rates = list(dict.fromkeys(line['lr'] for line in scalars(tmp_path)))
    cosine = [0.002 * (1 + math.cos(math.pi * epoch / 4)) / 2 for epoch in range(1, 4)]
    assert rates == pytest.approx([1e-5, *cosine])


def test_tokens_of_the_image_tower_learn_beside_the_context(tmp_path):
    cfg = tiny('coop/coop_digits_sym40.py', tmp_path)
    cfg.model.backbone.peft = dict(type='VPT', num_tokens=2)
    runner = run(cfg)
    trained = {name for name, p in runner.model.named_parameters() if p.requires_grad}
    assert 'head.prompts.pos_ctx' in trained and len(trained) > 1
    assert all(name.startswith(('backbone.', 'head.prompts.')) for name in trained)


def test_every_sample_is_trained_on_and_says_whether_the_last_selection_keeps_it(tmp_path):
    cfg = config(tmp_path)
    cfg.custom_hooks = [*cfg.get('custom_hooks', []), dict(type='NoteFlags')]
    runner = run(cfg)
    note = next(hook for hook in runner.hooks if isinstance(hook, NoteFlags))
    assert note.told == note.selected
    flags = [{i: kept for (e, i), kept in note.told.items() if e == epoch} for epoch in range(3)]
    assert all(sorted(of_epoch) == list(range(NUM_SAMPLES)) for of_epoch in flags)
    assert all(0 < sum(of_epoch.values()) < NUM_SAMPLES for of_epoch in flags)
    assert flags[0] != flags[2]  # it selects anew


@pytest.mark.parametrize('averaged', [False, True])
@pytest.mark.parametrize('epoch', [1, 2])
def test_resume_equals_an_uninterrupted_run(tmp_path, epoch, averaged):
    def make(name):
        cfg = config(tmp_path / name, default_hooks__noise_filter__interval=2)
        if averaged:
            cfg.custom_hooks = [*cfg.get('custom_hooks', []), dict(type='EMAHook', momentum=0.1)]
        return cfg

    whole, cfg = run(make('whole')), make('resumed')
    cfg.resume, cfg.load_from = True, str(tmp_path / 'whole' / f'epoch_{epoch}.pth')
    resumed = run(cfg)
    assert [item for item in whole.order.batches if item[0] >= epoch] == resumed.order.batches
    assert same_state(whole.model.state_dict(), resumed.model.state_dict())
    found, expected = (
        read_selection(tmp_path / name / 'selection.csv') for name in ('resumed', 'whole')
    )
    np.testing.assert_array_equal(found.kept, expected.kept)
    np.testing.assert_array_equal(found.score, expected.score)


def test_averaged_weights_select(tmp_path):
    scores = []
    for averaged in (False, True):
        cfg = config(tmp_path / str(averaged))
        if averaged:
            cfg.custom_hooks = [*cfg.get('custom_hooks', []), dict(type='EMAHook', momentum=0.1)]
        run(cfg)
        scores.append(read_selection(tmp_path / str(averaged) / 'selection.csv').score)
    assert np.isfinite(scores).all() and np.abs(scores[0] - scores[1]).max() > 1e-4


def test_images_are_scored_by_the_tower_once(tmp_path, monkeypatch):
    seen, embed = [], CLIPVisionTransformer._embed
    monkeypatch.setattr(
        CLIPVisionTransformer, '_embed', lambda self, x: seen.append(len(x)) or embed(self, x)
    )
    run(config(tmp_path))
    trained, validated, rehearsed = 3 * NUM_SAMPLES, 3 * 6, sum(seen) - NUM_SAMPLES
    assert trained + validated <= rehearsed < trained + validated + NUM_SAMPLES


@pytest.mark.parametrize(
    ('options', 'match'),
    [
        (dict(default_hooks__noise_filter__begin=1), r"RefilterHook\.begin=1 .*'kept': set begin="),
        (
            dict(default_hooks__noise_filter__classifier_dataset__type='CleanSubset'),
            r"classifier_dataset: .*reads the 'kept' .*CleanSubset does not give.* KeptFlagDataset",
        ),
        (
            dict(model__head__loss=dict(_delete_=True, type='CrossEntropyLoss')),
            r"KeptFlagDataset gives its samples a 'kept'.*head\.loss=dict\(type='SplitLoss'\)",
        ),
    ],
)
def test_half_of_the_method_is_refused_before_training(tmp_path, options, match):
    with pytest.raises(ValueError, match=match):
        run(config(tmp_path, **options))
    assert not list(tmp_path.glob('epoch_*.pth'))
