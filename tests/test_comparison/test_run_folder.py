"""What a run's folder says there is to do."""

import re
import zipfile

import pytest

from deft_mm.comparison import RunFolder, RunSetting
from deft_mm.comparison.run_folder import is_old
from tests.test_comparison.comparison_utils import write_run, write_summary

SETTING = RunSetting('CE', 'Digits', 'sym', 0.4)
SAME = dict(config='config0', code='code', data=None)
OTHER = dict(SAME, code='other code')


@pytest.mark.parametrize(
    ('status', 'identity', 'state'),
    [
        ('done', SAME, 'done'),
        ('done', None, 'done'),
        ('done', OTHER, 'outdated'),
        ('failed', SAME, 'failed'),
        ('failed', OTHER, 'missing'),
        ('interrupted', SAME, 'interrupted'),
        ('running', SAME, 'interrupted'),  # nothing holds its lock
        ('running', OTHER, 'missing'),
    ],
)
def test_state_follows_from_status_and_identity(tmp_path, status, identity, state):
    assert RunFolder(tmp_path / 'none').state(identity) == ('missing', '')
    why = 'other code' if identity is OTHER else ''
    assert write_run(tmp_path / 'run', SETTING, 0, status).state(identity) == (state, why)


def test_run_that_outlived_its_scheduler_is_done(tmp_path):
    run = write_run(tmp_path / 'run', SETTING, 0, 'running')
    write_summary(run.path, [('model', 1.0)], finished=False)
    assert run.state(SAME)[0] == 'interrupted'
    write_summary(run.path, [('model', 1.0)])
    assert run.state(SAME)[0] == 'done'


@pytest.mark.parametrize('summary', ['', '{"finished": tru', '[]', '{"finished": false}', None])
def test_run_that_was_done_and_has_lost_its_figures_is_damaged(tmp_path, summary):
    run = write_run(tmp_path / 'run', SETTING, 0)
    assert run.state(SAME)[0] == 'done'
    path = run.path / 'summary.json'
    path.unlink() if summary is None else path.write_text(summary)
    for identity in (SAME, OTHER):
        state, why = run.state(identity)
        assert state == 'damaged' and re.search(r'is damaged.*Move .* away', why)


def test_checkpoint_is_the_newest_whole_one_wherever_the_folder_is_now(tmp_path):
    run = RunFolder(tmp_path / 'run')
    assert run.checkpoint() is None and not run.has_results()
    run.path.mkdir()
    (run.path / 'last_checkpoint').write_text('/cluster/runs/run/epoch_10.pth')
    (run.path / 'epoch_10.pth').touch()
    assert run.checkpoint() is None and run.has_results()
    for number in (2, 9):
        zipfile.ZipFile(run.path / f'epoch_{number}.pth', 'w').close()
    assert run.checkpoint() == run.path / 'epoch_9.pth'


def test_folder_moves_aside_as_often_as_need_be(tmp_path):
    run = RunFolder(tmp_path / 'seed0')
    names = set()
    for i in range(2):
        run.path.mkdir()
        (run.path / 'file').write_text(str(i))
        old = run.move_aside()
        assert is_old(old.name) and (old / 'file').read_text() == str(i)
        names.add(old)
    assert len(names) == 2 and not run.path.exists() and not is_old('seed0')


@pytest.mark.parametrize('text', ['', '[]', '{"format": "another"}'])
def test_damaged_record_is_named(tmp_path, text):
    (tmp_path / 'compare.json').write_text(text)
    state, why = RunFolder(tmp_path).state(SAME)
    assert state == 'damaged' and re.search(r'compare\.json.*[Mm]ove its folder away', why)


def test_last_lines_are_the_end_of_the_log(tmp_path):
    run = RunFolder(tmp_path)
    assert run.last_lines() == ''
    run.log_path.write_text(''.join(f'line {i}\n' for i in range(5000)))
    assert run.last_lines(2) == 'line 4998\nline 4999'
