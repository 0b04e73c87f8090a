"""A run's identity changes with what its result depends on, and with nothing else."""

import copy

import pytest
from mmengine.config import Config
from PIL import Image

import deft_mm
from deft_mm.comparison.identity import (
    DataDigests,
    code_version,
    config_digest,
    differing_parts,
)
from tests.test_comparison.comparison_utils import write_config


@pytest.fixture
def cfg(tmp_path):
    return Config.fromfile(write_config(tmp_path))


def changed(cfg: Config, **options) -> Config:
    cfg = copy.deepcopy(cfg)
    cfg.merge_from_dict({key.replace('__', '.'): value for key, value in options.items()})
    return cfg


def test_every_setting_counts_but_not_where_the_run_is_made(cfg):
    same = changed(cfg, work_dir='elsewhere', resume=True, launcher='pytorch')
    assert config_digest(same) == config_digest(cfg)
    for options in (dict(randomness__seed=1), dict(model__head__topk=[1]), dict(newer=None)):
        assert config_digest(changed(cfg, **options)) != config_digest(cfg)


def test_order_of_keys_does_not_count():
    one, two = dict(a=1, b=dict(c=2, d=3)), dict(b=dict(d=3, c=2), a=1)
    assert config_digest(Config(one)) == config_digest(Config(two))


def test_our_code_counts_by_its_version():
    for cfg in ({}, dict(custom_imports=dict(imports=['deft_mm', 'mmpretrain.models']))):
        assert code_version(Config(cfg)) == deft_mm.__version__


@pytest.mark.parametrize('changed_file', ['my_losses.py', 'my_helpers.py', 'mine/sub/deep.py'])
def test_modules_of_the_user_count_by_their_content(tmp_path, monkeypatch, changed_file):
    files = {
        'my_losses.py': 'import torch, my_helpers\nimport deft_mm.models\n',
        'my_helpers.py': 'X = 1\n',
        'unrelated.py': 'X = 1\n',
        'mine/__init__.py': '',
        'mine/sub/deep.py': 'X = 1\n',
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    cfg = Config(dict(custom_imports=dict(imports=['deft_mm', 'my_losses', 'mine.sub'])))
    before = code_version(cfg)
    assert before.startswith(f'{deft_mm.__version__}+') and code_version(cfg) == before
    (tmp_path / 'unrelated.py').write_text('X = 2\n')
    assert code_version(cfg) == before
    (tmp_path / changed_file).write_text(files[changed_file] + 'Y = 2\n')
    assert code_version(cfg) != before


def test_samples_count_and_the_noise_is_the_configs(cfg):
    data = DataDigests()
    key = 'train_dataloader__dataset__'
    assert data.of(cfg) == data.of(changed(cfg, **{f'{key}noise__ratio': 0.2}))
    assert data.of(cfg) != data.of(changed(cfg, **{f'{key}dataset__indices': 23}))
    assert not data.unreadable


def test_data_named_at_the_top_level_are_found_and_compared(tmp_path):
    for i in range(40):
        path = tmp_path / ('cat' if i % 2 else 'dog') / f'{i}.png'
        path.parent.mkdir(exist_ok=True)
        Image.linear_gradient('L').resize((8 + i, 8)).save(path)
    dataset = dict(type='ImageFolderDataset', data_root=None, pipeline=[])
    cfg = Config(dict(data_root=str(tmp_path), train_dataloader=dict(dataset=dataset)))
    before = DataDigests().of(cfg)
    assert before is not None and before == DataDigests().of(cfg)
    path.rename(path.with_name('renamed.png'))
    assert DataDigests().of(cfg) != before


def test_files_with_labels_or_a_selection_count(cfg, tmp_path):
    labels, selection = tmp_path / 'labels.npz', tmp_path / 'selection.csv'
    noise = 'train_dataloader__dataset__noise'
    named = [
        changed(cfg, **{noise: dict(type='HumanNoise', path=str(labels), _delete_=True)}),
        changed(cfg, train_dataloader__dataset__selection=str(selection)),
        changed(cfg, default_hooks__noise_filter__selection=str(selection)),
    ]
    data = DataDigests()
    assert [data.of(c) for c in named] == [None] * 3
    assert set(data.unreadable) == {str(labels), str(selection)}
    labels.write_bytes(b'1')
    selection.write_bytes(b'1')
    before = [data.of(c) for c in named]
    assert before == [DataDigests().of(c) for c in named] and None not in before
    labels.write_bytes(b'2')
    selection.write_bytes(b'2')
    assert all(data.of(c) != old for c, old in zip(named, before, strict=True))


def test_data_that_cannot_be_read_agree_with_all(cfg):
    data = DataDigests()
    missing = changed(cfg, train_dataloader__dataset__dataset__split='no split')
    assert data.of(missing) is None and 'no split' in data.unreadable['DigitsDataset']
    record = dict(config='a', code='b', data='c')
    assert differing_parts(dict(record, data=None), record) == []
    assert differing_parts(dict(config='a', code='x', data='y'), record) == ['code', 'data']
    assert differing_parts(dict(record, config='x'), dict(record, data=None)) == ['config']
