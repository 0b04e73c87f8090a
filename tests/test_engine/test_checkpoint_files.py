"""Which checkpoints there are, and which of them are whole."""

import zipfile

import pytest
import torch

from deft_mm.engine.checkpoint_files import checkpoints_in, damage_of, newest_whole
from deft_mm.engine.checkpoint_loading import load_local_checkpoint

CONTENT = dict(state_dict={f'w{i}': torch.arange(5.0) + i for i in range(3)}, meta=dict(epoch=1))


def save(path, content=CONTENT):
    torch.save(content, path)
    return path


def test_no_flipped_bit_loads_as_something_else(tmp_path):
    whole = save(tmp_path / 'epoch_1.pth').read_bytes()
    expected = repr(load_local_checkpoint(str(tmp_path / 'epoch_1.pth')))
    path, refused = tmp_path / 'flipped.pth', 0
    for i in range(0, len(whole), 3):
        path.write_bytes(whole[:i] + bytes([whole[i] ^ 1 << i % 8]) + whole[i + 1 :])
        try:
            loaded = load_local_checkpoint(str(path))
        except ValueError as error:
            assert f'Checkpoint {path} is damaged: ' in str(error)
            refused += 1
        else:  # between the parts, or in their dates
            assert repr(loaded) == expected
    assert refused > 300


def test_file_without_its_end_is_damaged_wherever_it_was_cut(tmp_path):
    whole = save(tmp_path / 'epoch_1.pth').read_bytes()
    path = tmp_path / 'cut.pth'
    for length in range(0, len(whole), 97):
        path.write_bytes(whole[:length])
        assert damage_of(path) is not None
    path.write_bytes(whole)
    assert damage_of(path) is None


def test_file_of_an_old_pytorch_loads_unchecked(tmp_path):
    path = tmp_path / 'old.pth'
    torch.save(CONTENT, path, _use_new_zipfile_serialization=False)
    assert damage_of(path) is None
    assert repr(load_local_checkpoint(str(path))) == repr(CONTENT)


def test_checkpoints_are_ordered_by_number_and_the_best_is_none_of_them(tmp_path):
    for name in ('epoch_2.pth', 'epoch_10.pth', 'epoch_9.pth'):
        save(tmp_path / name)
    for name in ('best_accuracy_epoch_11.pth', 'epoch_x.pth', 'selection_12.pth', '.epoch_13.pth'):
        save(tmp_path / name)
    (tmp_path / 'epoch_99.pth').mkdir()
    assert [path.name for path in checkpoints_in(tmp_path)] == [
        'epoch_10.pth',
        'epoch_9.pth',
        'epoch_2.pth',
    ]
    assert checkpoints_in(tmp_path / 'nowhere') == []


@pytest.mark.parametrize(
    ('hook', 'order'),
    [
        (dict(), ['epoch_4', 'epoch_2', 'iter_84', 'iter_9']),
        (dict(by_epoch=False), ['iter_84', 'iter_9', 'epoch_4', 'epoch_2']),
        (
            dict(filename_tmpl='ep {:3d}+.pth'),
            ['ep  10+', 'ep   9+', 'epoch_4', 'epoch_2', 'iter_84', 'iter_9'],
        ),
        (dict(filename_tmpl='x.pth'), ['x', 'epoch_4', 'epoch_2', 'iter_84', 'iter_9']),
    ],
)
def test_those_of_the_run_s_own_name_come_first_and_iterations_are_no_epochs(tmp_path, hook, order):
    for name in ('epoch_2', 'epoch_4', 'iter_9', 'iter_84', 'x', 'ep  10+', 'ep   9+'):
        (tmp_path / f'{name}.pth').touch()
    found = checkpoints_in(tmp_path, dict(default_hooks=dict(checkpoint=hook)))
    assert [path.stem for path in found] == order


@pytest.mark.parametrize(
    ('default', 'custom', 'order'),
    [
        (dict(), [dict(filename_tmpl='ep {:3d}+.pth')], ['ep  10+', 'ep   9+', 'epoch_4']),
        (None, [dict(filename_tmpl='ep {:3d}+.pth')], ['ep  10+', 'ep   9+', 'epoch_4']),
        (None, [dict(by_epoch=False)], ['iter_84', 'iter_9', 'epoch_4']),
        (dict(), [dict(by_epoch=False), dict(filename_tmpl='x.pth')], ['epoch_4', 'epoch_2', 'x']),
        (dict(), [dict(filename_tmpl='ep {:3d}+.pth', out_dir='other')], ['epoch_4', 'epoch_2']),
        (dict(), [dict(type='EMAHook', filename_tmpl='ep {:3d}+.pth')], ['epoch_4', 'epoch_2']),
    ],
)
def test_those_of_further_hooks_count_where_they_count_the_same(tmp_path, default, custom, order):
    for name in ('epoch_2', 'epoch_4', 'iter_9', 'iter_84', 'x', 'ep  10+', 'ep   9+'):
        (tmp_path / f'{name}.pth').touch()
    hooks = [dict(type='CheckpointHook') | hook for hook in custom]
    cfg = dict(default_hooks=dict(checkpoint=default), custom_hooks=hooks)
    found = [path.stem for path in checkpoints_in(tmp_path, cfg)]
    assert found[: len(order)] == order


@pytest.mark.parametrize('template', ['ep_{', '{a}.pth', 'sub/{}.pth', 3])
def test_template_that_is_no_name_is_one_sentence(tmp_path, template):
    cfg = dict(default_hooks=dict(checkpoint=dict(filename_tmpl=template)))
    with pytest.raises(ValueError, match=r'checkpoint\.filename_tmpl is .*such as .epoch_{}.pth'):
        checkpoints_in(tmp_path, cfg)


def test_file_is_read_once_to_be_checked_until_it_changes(tmp_path, monkeypatch):
    read, testzip = [], zipfile.ZipFile.testzip
    monkeypatch.setattr(
        zipfile.ZipFile, 'testzip', lambda archive: read.append(archive) or testzip(archive)
    )
    path = save(tmp_path / 'epoch_1.pth')
    assert newest_whole(tmp_path) == (path, {})
    load_local_checkpoint(str(path))
    assert len(read) == 1
    save(path, dict(CONTENT, more=torch.arange(9.0)))
    load_local_checkpoint(str(path))
    assert len(read) == 2


def test_the_newest_whole_one_is_found_behind_damaged_ones(tmp_path):
    paths = [save(tmp_path / f'epoch_{i}.pth') for i in (1, 2, 3, 4)]
    paths[3].write_bytes(b'')
    paths[2].write_bytes(paths[2].read_bytes()[:-40])
    found, damaged = newest_whole(tmp_path)
    assert found == paths[1] and list(damaged) == [paths[3], paths[2]]
    with pytest.raises(ValueError, match=rf'epoch_4\.pth is damaged: it is empty.*{found}'):
        load_local_checkpoint(str(paths[3]))
