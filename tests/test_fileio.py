"""Files are written whole, and nothing is left of those that were not."""

import errno
import os
import time

import pytest

from deft_mm.fileio import (
    new_folder,
    remove_leftovers,
    require_new_folder,
    write_atomically,
)


@pytest.mark.parametrize('number', [errno.ENOSPC, errno.EIO])
def test_error_names_the_file_and_keeps_the_old_one(tmp_path, monkeypatch, number):
    path = tmp_path / 'selection.csv'
    write_atomically(b'old', path)

    def fails(handle):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, 'fsync', fails)
    with pytest.raises(OSError, match='selection.csv') as caught:
        write_atomically(b'new', path)
    assert caught.value.errno == number and caught.value.filename == str(path)
    assert path.read_bytes() == b'old' and list(tmp_path.iterdir()) == [path]


def test_what_killed_processes_left_goes_and_nothing_else(tmp_path, monkeypatch):
    def killed(source, target):
        raise SystemExit

    monkeypatch.setattr(os, 'unlink', lambda path: None)
    monkeypatch.setattr(os, 'replace', killed)
    for name in ('epoch_1.pth', 'selection.csv', 'selection.parquet', 'summary.json', 'config.py'):
        with pytest.raises(SystemExit):
            write_atomically(b'', tmp_path / name)
    monkeypatch.undo()
    assert len(list(tmp_path.iterdir())) == 5
    kept = [
        '.deft_mm.lock',
        '.notes.json',
        'a.json.abcdefgh',
        '.epoch_1.pth.abcdefgh',
        '.vimrc.py.disabled',
        '.x.abcdefghi.deft_mm-tmp',
        'x.abcdefgh.deft_mm-tmp',
    ]
    for name in kept:
        (tmp_path / name).touch()
    (tmp_path / '.folder.json.abcdefgh.deft_mm-tmp').mkdir()
    newer = tmp_path / '.x.abcdefgh.deft_mm-tmp'
    newer.touch()
    now = time.time()
    os.utime(newer, (now + 9, now + 9))
    remove_leftovers(tmp_path, before=now + 5)
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == sorted([*kept, newer.name, '.folder.json.abcdefgh.deft_mm-tmp'])


def test_a_folder_is_there_with_all_that_is_in_it_or_not_at_all(tmp_path):
    out = tmp_path / 'deep/out'
    with pytest.raises(KeyError), new_folder(out) as folder:
        (folder / 'a.txt').write_text('half')
        assert not out.exists()
        raise KeyError
    assert list(out.parent.iterdir()) == []
    out.mkdir()  # an empty one is as good as none
    with new_folder(out) as folder:
        (folder / 'a.txt').write_text('all')
    assert (out / 'a.txt').read_text() == 'all' and list(out.parent.iterdir()) == [out]
    plain = tmp_path / 'plain'
    plain.mkdir()
    assert out.stat().st_mode == plain.stat().st_mode
    with pytest.raises(OSError, match='not empty'), new_folder(out) as folder:
        (folder / 'a.txt').write_text('other')
    assert (out / 'a.txt').read_text() == 'all' and list(out.parent.iterdir()) == [out]


def test_what_is_there_is_no_new_folder(tmp_path):
    (tmp_path / 'file').touch()
    (tmp_path / 'link').symlink_to(tmp_path / 'nowhere')
    for name in ('file', 'link', ''):
        with pytest.raises(ValueError, match="--out '.*' is there already, and is left alone"):
            require_new_folder(tmp_path / name, '--out')
    with pytest.raises(ValueError, match="file' is a file, not a folder"):
        require_new_folder(tmp_path / 'file/out', '--out')
    require_new_folder(tmp_path / 'new/out', '--out')
    assert not (tmp_path / 'new').exists()
