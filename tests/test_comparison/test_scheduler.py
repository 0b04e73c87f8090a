"""What is missing is run, what was interrupted goes on, what is done stays, whatever fails."""

import json
import os
import zipfile

import pytest

from deft_mm.comparison import RunFolder
from deft_mm.comparison.scheduler import duration
from deft_mm.engine.work_folder import LOCK_FILE
from deft_mm.run_lock import RunLock, is_held
from tests.test_comparison.comparison_utils import calls, planned_runs, scheduler

RUN = 'ce_digits_sym40/seed0'


def record(tmp_path, name: str = RUN) -> dict:
    return json.loads((tmp_path / 'runs' / name / 'compare.json').read_text())


def pretend(tmp_path, **changes) -> None:
    path = tmp_path / 'runs' / RUN / 'compare.json'
    path.write_text(json.dumps({**record(tmp_path), **changes}))


def old_folders(tmp_path) -> list:
    return sorted((tmp_path / 'runs').glob('*/*-old-*'))


def test_missing_runs_are_made_once(tmp_path):
    runs = planned_runs(tmp_path, seeds=[0, 1])
    for _ in range(2):
        assert set(scheduler(tmp_path).run(runs).values()) == {'done'}
    arguments = [call['arguments'] for call in calls(tmp_path)]
    assert len(arguments) == 2
    config, folder = runs[1].config, str(tmp_path / 'runs' / runs[1].name)
    assert arguments[1] == [config, '--work-dir', folder, '--cfg-options', *runs[1].arguments]
    written = record(tmp_path)
    assert written['status'] == 'done' and written['exit_code'] == 0 and written['seconds'] > 0
    assert written['versions'].keys() == {'deft_mm', 'python', 'torch', 'mmengine', 'mmpretrain'}


def test_failed_run_is_told_of_and_the_rest_goes_on(tmp_path):
    bad = planned_runs(tmp_path, seeds=[0], fail=True)
    good = planned_runs(tmp_path, seeds=[1])
    said = []
    states = scheduler(tmp_path, said).run(bad + good)
    assert states == {RUN: 'failed', 'ce_digits_sym40/seed1': 'done'}
    assert record(tmp_path)['exit_code'] == 3
    assert record(tmp_path)['error'].endswith('this went wrong')
    assert any(RUN in line and 'FAILED' in line and 'exit code 3' in line for line in said)
    scheduler(tmp_path).run(bad + good)  # tries it again, and it alone
    assert len(calls(tmp_path)) == 3


@pytest.mark.parametrize('content', ['{"format": "deft_mm-c', None])
def test_damaged_run_is_left_alone_and_the_rest_goes_on(tmp_path, content):
    runs = planned_runs(tmp_path, seeds=[0, 1])
    scheduler(tmp_path).run(runs[:1])
    damaged = tmp_path / 'runs' / RUN / 'compare.json'
    if content is None:
        pretend(tmp_path, identity=None)
        content = damaged.read_text()
    damaged.write_text(content)
    scheduler_ = scheduler(tmp_path)
    assert scheduler_.run(runs) == {RUN: 'damaged', 'ce_digits_sym40/seed1': 'done'}
    assert str(damaged) in scheduler_.why[RUN] and 'Move its folder' in scheduler_.why[RUN]
    assert damaged.read_text() == content


def test_interrupted_run_is_ended_and_resumes_from_its_checkpoint(tmp_path):
    runs = planned_runs(tmp_path, hang=True)
    log = tmp_path / 'runs' / RUN / 'compare.log'

    class CtrlC:
        """Comes when the run is at work."""

        def __call__(self, line: str) -> None:
            if 'started' in line:
                while 'hanging' not in log.read_text():
                    pass
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        scheduler(tmp_path, say=CtrlC()).run(runs)
    written = record(tmp_path)
    assert written['status'] == 'interrupted' and written['exit_code'] == -15
    before = written['seconds']

    train = scheduler(tmp_path)
    train.train.write_text(train.train.read_text().replace("'hang' in options", 'False'))
    assert train.survey(runs) == {RUN: 'interrupted'}
    assert train.run(runs) == {RUN: 'done'}
    arguments = calls(tmp_path)[1]['arguments']
    checkpoint = str(tmp_path / 'runs' / RUN / 'epoch_1.pth')
    assert arguments[3:5] == ['--resume', checkpoint]
    assert record(tmp_path)['attempts'] == 2 and record(tmp_path)['seconds'] > before
    assert not old_folders(tmp_path)


def test_killed_run_without_a_checkpoint_starts_anew_and_loses_nothing(tmp_path):
    runs = planned_runs(tmp_path)
    scheduler(tmp_path).run(runs)
    pretend(tmp_path, status='interrupted')
    summary = tmp_path / 'runs' / RUN / 'summary.json'
    summary.write_text(summary.read_text().replace('true', 'false'))
    assert scheduler(tmp_path).run(runs) == {RUN: 'done'}
    assert '--resume' not in calls(tmp_path)[1]['arguments']
    (old,) = old_folders(tmp_path)
    assert '"finished": false' in (old / 'summary.json').read_text()


def test_run_with_another_override_is_outdated_and_kept_until_asked_for(tmp_path, monkeypatch):
    scheduler(tmp_path).run(planned_runs(tmp_path))
    changed = planned_runs(tmp_path, lr=0.1)
    train = scheduler(tmp_path)
    assert train.run(changed) == {RUN: 'outdated'} and len(calls(tmp_path)) == 1
    assert train.why[RUN] == 'other config'
    assert scheduler(tmp_path, rerun_outdated=True).run(changed) == {RUN: 'done'}
    assert 'lr=0.1' in record(tmp_path)['arguments']
    (old,) = old_folders(tmp_path)
    assert 'lr=0.1' not in json.loads((old / 'compare.json').read_text())['arguments']

    monkeypatch.setattr('deft_mm.comparison.scheduler.code_version', lambda cfg: 'new code')
    train = scheduler(tmp_path)
    assert train.survey(changed) == {RUN: 'outdated'}
    assert train.why[RUN] == 'other code'


def test_unfinished_run_of_another_config_is_not_resumed(tmp_path):
    scheduler(tmp_path).run(planned_runs(tmp_path))
    pretend(tmp_path, status='failed')
    folder = tmp_path / 'runs' / RUN
    (folder / 'summary.json').unlink()
    zipfile.ZipFile(folder / 'epoch_1.pth', 'w').close()
    assert scheduler(tmp_path).run(planned_runs(tmp_path, lr=0.1)) == {RUN: 'done'}
    assert '--resume' not in calls(tmp_path)[1]['arguments']
    assert not (folder / 'epoch_1.pth').exists() and len(old_folders(tmp_path)) == 1


def test_run_of_another_process_is_left_to_it(tmp_path):
    runs = planned_runs(tmp_path, seeds=[0, 1])
    lock = RunLock.acquire(RunFolder(tmp_path / 'runs' / RUN).lock_path)
    states = scheduler(tmp_path).run(runs)
    assert states == {RUN: 'running', 'ce_digits_sym40/seed1': 'done'}
    lock.release()
    assert set(scheduler(tmp_path).run(runs).values()) == {'done'} and len(calls(tmp_path)) == 2


def test_run_that_somebody_resumes_by_hand_is_left_to_them(tmp_path):
    runs = planned_runs(tmp_path)
    scheduler(tmp_path).run(runs)
    pretend(tmp_path, status='failed')
    lock = RunLock.acquire(tmp_path / 'runs' / RUN / LOCK_FILE)
    late = scheduler(tmp_path, rerun_outdated=True)
    assert late.survey(planned_runs(tmp_path, lr=0.1)) == {RUN: 'running'}
    lock.release()
    assert late.survey(runs) == {RUN: 'done'}


@pytest.mark.parametrize('made', [True, False])
def test_what_another_process_has_left_is_looked_at_again(tmp_path, made):
    """It has made its run when this one is ready, or was ended without a word."""
    runs = planned_runs(tmp_path, seeds=[0, 1])
    lock = RunLock.acquire(RunFolder(tmp_path / 'runs' / RUN).lock_path)

    def say(line: str) -> None:
        if 'seed1: done' in line:
            lock.release()
            if made:
                scheduler(tmp_path).run(runs[:1])

    assert set(scheduler(tmp_path, say=say).run(runs).values()) == {'done'}
    assert len(calls(tmp_path)) == 2


def test_run_that_another_process_made_meanwhile_is_not_made_again(tmp_path, monkeypatch):
    runs = planned_runs(tmp_path)
    late = scheduler(tmp_path)
    monkeypatch.setattr(late, 'survey', lambda runs: {run.name: 'missing' for run in runs})
    scheduler(tmp_path).run(runs)
    assert late.run(runs) == {RUN: 'done'} and len(calls(tmp_path)) == 1


def test_jobs_run_side_by_side_and_share_the_cores(tmp_path, monkeypatch):
    monkeypatch.delenv('OMP_NUM_THREADS', raising=False)
    monkeypatch.setattr(os, 'sched_getaffinity', lambda pid: set(range(6)), raising=False)
    runs = planned_runs(tmp_path, seeds=[0, 1, 2], meet=3)
    assert set(scheduler(tmp_path, jobs=3).run(runs).values()) == {'done'}
    assert [call['env']['OMP_NUM_THREADS'] for call in calls(tmp_path)] == ['2', '2', '2']


def test_jobs_get_gpus_of_their_own(tmp_path, monkeypatch):
    monkeypatch.setattr('torch.cuda.device_count', lambda: 4)
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '2,3,6,7')
    both = scheduler(tmp_path, jobs=2, gpus=2)
    devices = [both._environment(slot)['CUDA_VISIBLE_DEVICES'] for slot in range(2)]
    assert devices == ['2,3', '6,7']
    assert scheduler(tmp_path)._environment(0)['CUDA_VISIBLE_DEVICES'] == '2,3,6,7'


def test_gpus_start_as_many_processes_of_a_run(tmp_path):
    assert scheduler(tmp_path, gpus=2).run(planned_runs(tmp_path)) == {RUN: 'done'}
    assert [call['env']['WORLD_SIZE'] for call in calls(tmp_path)] == ['2', '2']
    assert '--launcher pytorch' in ' '.join(calls(tmp_path)[0]['arguments'])


def test_run_that_outlives_its_scheduler_keeps_its_lock(tmp_path):
    runs = planned_runs(tmp_path, hang=True)
    first = scheduler(tmp_path)
    folder = RunFolder(tmp_path / 'runs' / RUN)

    def say(line: str) -> None:  # the scheduler is gone, its lock with it
        os.close(first._active[0].lock.inherited[0])
        assert scheduler(tmp_path).survey(runs) == {RUN: 'running'}
        first._active[0].process.kill()
        first._active[0].process.wait()
        assert not is_held(folder.lock_path)
        first._active.clear()
        raise InterruptedError

    first.say = say
    with pytest.raises(InterruptedError):
        first.run(runs)


def test_run_that_ends_without_figures_has_failed(tmp_path):
    said = []
    runs = planned_runs(tmp_path, silent=True)
    assert scheduler(tmp_path, said).run(runs) == {RUN: 'failed'}
    assert any('FAILED' in line and 'SummaryHook' in line for line in said)


def test_without_the_data_nothing_is_read(tmp_path, monkeypatch):
    def read(*_) -> None:
        raise AssertionError

    monkeypatch.setattr('deft_mm.comparison.identity.DataDigests.of', read)
    assert scheduler(tmp_path, reads_data=False).survey(planned_runs(tmp_path)) == {RUN: 'missing'}
    with pytest.raises(AssertionError):
        scheduler(tmp_path).survey(planned_runs(tmp_path))


def test_prefix_and_launcher_are_for_clusters(tmp_path):
    cluster = scheduler(tmp_path, prefix=['env', 'MARK=here'], launcher='slurm')
    assert cluster.run(planned_runs(tmp_path)) == {RUN: 'done'}
    (call,) = calls(tmp_path)
    assert call['env']['MARK'] == 'here' and '--launcher slurm' in ' '.join(call['arguments'])
    assert record(tmp_path)['command'].startswith('env MARK=here ')


def test_prefix_that_is_no_command_leaves_no_lock(tmp_path):
    with pytest.raises(FileNotFoundError, match='no-such-command'):
        scheduler(tmp_path, prefix=['no-such-command']).run(planned_runs(tmp_path))
    assert not is_held(RunFolder(tmp_path / 'runs' / RUN).lock_path)


def test_remaining_time_is_that_of_finished_runs_of_the_same_config(tmp_path):
    runs = planned_runs(tmp_path, seeds=[0, 1, 2])
    scheduler(tmp_path).run(runs[:1])
    pretend(tmp_path, seconds=36000.0)
    said = []
    scheduler(tmp_path, said).run(runs)
    finished = [line for line in said if 'done' in line]
    # the mean of ten hours and of no time at all
    assert '1 left, about 5 h 00 min' in finished[0] and 'none left' in finished[1]


@pytest.mark.parametrize('settings', [dict(jobs=0), dict(gpus=0), dict(gpus=2, launcher='slurm')])
def test_settings_that_cannot_be_are_refused(tmp_path, settings):
    with pytest.raises(ValueError, match=next(iter(settings))):
        scheduler(tmp_path, **settings)


def test_durations_are_for_people():
    assert [duration(s) for s in (3.2, 119, 600, 3599, 11100)] == [
        '3 s',
        '119 s',
        '10 min',
        '1 h 00 min',
        '3 h 05 min',
    ]
