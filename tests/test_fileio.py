"""Files are written whole, and nothing is left of those that were not."""

import errno
import os
import time

import pytest

from deft_mm.fileio import remove_leftovers, write_atomically


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
