"""Data sets, dicts and keys are found at any depth of a config."""

from deft_mm.engine.config_walk import datasets_in, dicts_in, has_key, parts_of, pipeline_of

INNER = [dict(type='A'), dict(type='Repeat', dataset=dict(type='B', pipeline=[1, 2]))]
CFG = dict(train_dataloader=dict(dataset=dict(type='Concat', datasets=INNER)), val_dataloader=None)


def test_wrapped_data_sets_are_found_with_their_keys():
    top = 'train_dataloader.dataset'
    keys = [top, f'{top}.datasets.0', f'{top}.datasets.1', f'{top}.datasets.1.dataset']
    assert [key for key, _ in datasets_in(CFG)] == keys
    assert [dataset['type'] for _, dataset in datasets_in(CFG)] == ['Concat', 'A', 'Repeat', 'B']
    assert list(datasets_in(CFG, ['val_dataloader', 'test_dataloader'])) == []


def test_pipeline_is_that_of_the_innermost_data_set():
    assert pipeline_of(CFG['train_dataloader']['dataset']) == [1, 2]
    assert pipeline_of(dict(type='A')) is None and pipeline_of(None) is None


def test_every_part_is_found_outer_ones_first():
    cfg = dict(a=[dict(b=1), (2,)])
    found = [('', cfg), ('a', cfg['a']), ('a.0', dict(b=1)), ('a.0.b', 1), ('a.1', (2,))]
    assert list(parts_of(cfg)) == [*found, ('a.1.0', 2)]
    assert list(dicts_in(cfg)) == [cfg, dict(b=1)]


def test_key_with_none_is_there():
    cfg = dict(a=[dict(b=None)])
    assert all(has_key(cfg, key.split('.')) for key in ('a', 'a.0', 'a.0.b'))
    assert not any(has_key(cfg, key.split('.')) for key in ('b', 'a.1', 'a.b', 'a.0.b.c', 'a.-1'))
