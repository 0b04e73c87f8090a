"""Runs are found by their own files, wherever these are."""

import json
import math
import re
import shutil

import pytest

from deft_mm.comparison import (
    ComparisonTable,
    RunSetting,
    read_results,
    write_expected,
)
from deft_mm.run_lock import RunLock
from tests.test_comparison.comparison_utils import (
    CONFIG,
    planned_runs,
    write_curve,
    write_run,
    write_summary,
)

CE = RunSetting('CE', 'Digits', 'sym', 0.4, 'sym40')


def plain_run(folder, epochs=(('model', 90.0),), config: str = CONFIG, **changes) -> None:
    write_summary(folder, epochs, **changes)
    namespace: dict = {}
    exec(config, namespace)
    cfg = {key: value for key, value in namespace.items() if key[0] != '_'}
    (folder / 'config.json').write_text(json.dumps(cfg))


def test_run_of_a_comparison_is_read_without_its_config(tmp_path):
    write_run(tmp_path / 'ce-sym40' / 'seed3', CE, 3, last=80.0)
    (run,) = read_results([tmp_path]).runs
    assert (run.setting, run.seed, run.status, run.hours) == (CE, 3, 'done', 1.0)
    assert run.metrics == dict(last=80.0, best=80.0)


def test_plain_run_is_read_from_the_config_that_it_wrote(tmp_path):
    plain_run(tmp_path / 'deep' / 'down', config=CONFIG.replace('seed=0)\n', 'seed=5)\n'))
    (run,) = read_results([tmp_path]).runs
    assert run.setting == RunSetting('ce', 'Digits', 'sym', 0.4)
    assert (run.seed, run.status) == (5, 'done')


def test_accuracies_are_those_of_the_last_stage_there_is(tmp_path):
    two_stages = [('detector', 99.0), ('classifier', 70.0), ('classifier', 60.0)]
    stages = dict(one=[('model', 50.0)], two=two_stages, three=[('detector', 40.0)])
    for name, epochs in stages.items():
        plain_run(tmp_path / name, epochs)
    found = {run.folder.name: run.metrics for run in read_results([tmp_path]).runs}
    assert found == dict(
        one=dict(last=50.0, best=50.0),
        two=dict(last=60.0, best=70.0),
        three=dict(last=40.0, best=40.0),
    )


def test_several_test_sets_keep_their_names(tmp_path):
    metrics = {'web/accuracy/top1': 1.0, 'val/accuracy/top1': 2.0}
    plain_run(tmp_path / 'run', [('model', metrics)])
    (run,) = read_results([tmp_path]).runs
    assert run.metrics == {'web last': 1.0, 'web best': 1.0, 'val last': 2.0, 'val best': 2.0}


def test_detection_and_curve_are_read_and_what_is_no_number_is_not(tmp_path):
    figures = dict(precision=90.0, recall=80.0, f1=84.7, auroc=math.nan, average_precision=None)
    write_run(tmp_path / 'run', CE, 0, last=1.0, selection=dict(kept=3, total=4, **figures))
    curve = write_curve(tmp_path / 'run')
    (run,) = read_results([tmp_path]).runs
    assert run.metrics == dict(precision=90.0, recall=80.0, f1=84.7, last=1.0, best=1.0)
    assert run.curve.auroc == curve.auroc
    (tmp_path / 'run' / 'detection_curve.csv').unlink()
    (run,) = read_results([tmp_path]).runs
    assert run.curve is None


def test_status_is_not_taken_for_more_than_it_is(tmp_path):
    write_run(tmp_path / 'failed', CE, 0, 'failed')
    write_run(tmp_path / 'killed', CE, 1, 'running')
    plain_run(tmp_path / 'plain', finished=False)
    states = {run.folder.name: run.status for run in read_results([tmp_path]).runs}
    assert states == dict(failed='failed', killed='interrupted', plain='unfinished')


@pytest.mark.parametrize('status', ['failed', 'interrupted', 'running'])
def test_unfinished_run_that_is_worked_on_is_running(tmp_path, status):
    lock = RunLock.acquire(write_run(tmp_path / 'seed0', CE, 0, status).lock_path)
    assert [run.status for run in read_results([tmp_path]).runs] == ['running']
    lock.release()


def test_old_and_damaged_folders_are_left_out(tmp_path):
    write_run(tmp_path / 'ce' / 'seed0', CE, 0, last=80.0)
    write_run(tmp_path / 'ce' / 'seed0-old-20260101-120000', CE, 0, last=10.0)
    (tmp_path / 'cut').mkdir()
    (tmp_path / 'cut' / 'summary.json').write_text('{"epochs": [')
    write_summary(tmp_path / 'bare', [('model', 1.0)])
    results = read_results([tmp_path])
    assert [run.metrics['last'] for run in results.runs] == [80.0]
    notes = '\n'.join(results.notes)
    assert 'cut is left out' in notes and 'damaged' in notes
    assert 'bare is left out: there is no config in it that can be read' in notes


def test_files_of_others_run_no_code_and_a_bad_one_costs_its_run_alone(tmp_path):
    write_run(tmp_path / 'ce' / 'seed0', CE, 0, last=80.0)
    for name, config in (('code', f"open({str(tmp_path / 'ran')!r}, 'w')"), ('broken', 'x = =')):
        write_summary(tmp_path / name, [('model', 1.0)])
        (tmp_path / name / 'ce_digits_sym40.py').write_text(config)
    (tmp_path / 'compare_plan.json').write_text('[{"seed": 0}')
    plain_run(tmp_path / 'list')
    (tmp_path / 'list' / 'config.json').write_text('[]')
    results = read_results([tmp_path])
    assert [run.folder.name for run in results.runs] == ['seed0']
    assert not (tmp_path / 'ran').exists()
    left_out = {note.split(' is left out')[0].rpartition('/')[2] for note in results.notes}
    assert left_out == {'code', 'broken', 'list', 'compare_plan.json'}


def test_run_that_was_done_and_lost_its_figures_is_not_in_the_mean(tmp_path):
    run = write_run(tmp_path / 'ce' / 'seed0', CE, 0, last=80.0)
    (run.path / 'summary.json').unlink()
    assert [found.status for found in read_results([tmp_path]).runs] == ['damaged']


@pytest.mark.parametrize(
    ('name', 'content', 'why'),
    [
        ('config.json', '{"model": 5, "train_dataloader": [1]}', "config.json' is damaged"),
        ('config.json', '{"randomness": [1], "train_dataloader": {}}', "config.json' is damaged"),
        ('config.json', '{"randomness": {"seed": "x"}}', 'seed .*not'),
        ('config.json', '[' * 100_000, 'too deep'),
        ('summary.json', '{"seconds": 5}', 'files are damaged'),
        ('summary.json', '{"epochs": [{"stage": []}]}', 'files are damaged'),
        ('summary.json', '{"selection": {"f1": 1' + '0' * 400 + '}}', 'files are damaged'),
        ('detection_curve.csv', '# format: "deft_mm-det', "detection_curve.csv' is not a usable"),
    ],
)
def test_damaged_files_cost_their_run_alone(tmp_path, name, content, why):
    write_run(tmp_path / 'good', CE, 0, last=80.0)
    plain_run(tmp_path / 'bad')
    (tmp_path / 'bad' / name).write_text(content)
    results = read_results([tmp_path])
    assert [run.metrics['last'] for run in results.runs] == [80.0]
    assert results.left_out == [tmp_path / 'bad'] and results.is_damaged
    (note,) = results.notes
    assert note.startswith(f'{tmp_path / "bad"} is left out: ') and re.search(why, note)
    assert '80.00' in ComparisonTable(results).markdown()


@pytest.mark.parametrize(
    'change',
    [
        {'seed': '1'},
        {'identity': 5},
        {'seconds': 'long'},
        {'setting': [1]},
        {'setting': {'method': ['CE'], 'data': 'Digits', 'noise': 'sym'}},
        {'setting': {'method': 'CE', 'data': 'Digits', 'noise': 'sym', 'ratio': 'half'}},
    ],
    ids=str,
)
def test_damaged_record_costs_its_run_alone(tmp_path, change):
    write_run(tmp_path / 'good', CE, 0, last=80.0)
    path = write_run(tmp_path / 'bad', CE, 1, last=10.0).path / 'compare.json'
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    results = read_results([tmp_path])
    assert results.left_out == [tmp_path / 'bad']
    assert '80.00' in ComparisonTable(results).markdown()


@pytest.mark.parametrize('content', ['5', '[5]', '[{"setting": {"method": [], "data": "x"}}]'])
def test_damaged_note_of_what_is_expected_is_left_out(tmp_path, content):
    write_run(tmp_path / 'good', CE, 0, last=80.0)
    (tmp_path / 'compare_plan.json').write_text(content)
    results = read_results([tmp_path])
    assert len(results.runs) == 1 and results.left_out == [tmp_path / 'compare_plan.json']


def test_where_no_run_can_be_read_the_first_says_why(tmp_path):
    write_run(tmp_path / 'bad', CE, 1).path.joinpath('compare.json').write_text('{')
    with pytest.raises(ValueError, match=r'No run can be read: .*compare\.json.* is damaged'):
        read_results([tmp_path])


def test_parts_of_a_comparison_from_two_machines_make_one(tmp_path):
    runs = planned_runs(tmp_path, seeds=[0, 1])
    for i, run in enumerate(runs):
        work_dir = tmp_path / f'machine{i}'
        write_expected(work_dir, runs)
        write_run(work_dir / run.name, run.setting, run.seed, last=50.0)
    shutil.move(tmp_path / 'machine0', tmp_path / 'elsewhere')
    results = read_results([tmp_path / 'elsewhere', tmp_path / 'machine1'])
    assert {run.setting for run in results.runs} == {runs[0].setting}
    assert results.expected == [(run.setting, run.seed) for run in runs]
    assert results.notes == []


def test_runs_that_differ_in_nothing_known_are_told_apart_by_their_folders(tmp_path):
    for name in ('lr1', 'lr2'):
        plain_run(tmp_path / name)
    variants = [run.setting.variant for run in read_results([tmp_path]).runs]
    assert variants == ['lr1', 'lr2']


def test_mean_over_runs_of_different_code_or_config_is_noted(tmp_path):
    for seed in (0, 1):
        write_run(tmp_path / f'seed{seed}', CE, seed, last=1.0, made_with=('c', f'code{seed}'))
    assert read_results([tmp_path]).notes == ['CE, sym 0.4 (sym40): the runs are of different code']
    write_run(tmp_path / 'seed1', CE, 1, last=1.0, made_with=('d', 'code0'))
    assert 'different configs' in read_results([tmp_path]).notes[0]


def test_nothing_to_read_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match='No run below'):
        read_results([tmp_path])
    with pytest.raises(FileNotFoundError, match='nowhere'):
        read_results([tmp_path / 'nowhere'])
