"""The tool that compares methods, run as a user runs it, with real trainings of one epoch."""

import csv
import json
import re
import shutil
from contextlib import redirect_stdout
from io import StringIO

import pytest
from mmpretrain.registry import DATASETS

from deft_mm.comparison import RunFolder
from deft_mm.run_lock import RunLock
from runner_utils import REPO
from tool_utils import tool

CE = REPO / 'configs' / 'ce' / 'ce_digits_sym40.py'
LABEL_MATCH = REPO / 'configs' / 'label_match' / 'label_match_digits_sym40.py'
SMALL = """
_base_ = '{base}'
train_dataloader = dict(batch_size=8, dataset=dict(dataset=dict(indices=24)))
val_dataloader = dict(dataset=dict(indices=12))
train_cfg = dict(max_epochs=2)
"""


def compare(monkeypatch, *arguments) -> int:
    """Run the tool; return its exit code."""
    try:
        return tool(monkeypatch, 'compare.py', *arguments)
    except SystemExit as ended:  # a mistake of the command line
        return ended.code


@pytest.fixture(scope='module')
def compared(tmp_path_factory):
    """A comparison of a baseline, a two-stage method and a config that fails; what it printed."""
    folder = tmp_path_factory.mktemp('compared')
    (folder / 'ce.py').write_text(SMALL.format(base=CE))
    (folder / 'label_match.py').write_text(SMALL.format(base=LABEL_MATCH))
    (folder / 'broken.py').write_text(
        SMALL.format(base=CE) + 'model = dict(head=dict(num_classes=12))\n'
    )
    (folder / 'plan.yml').write_text(
        """
        configs: {CE: ce.py, broken: broken.py, label-match: label_match.py}
        variants: {sym20: {train_dataloader.dataset.noise.ratio: 0.2}}
        """
    )
    with pytest.MonkeyPatch.context() as monkeypatch, redirect_stdout(StringIO()) as printed:
        options = ['--work-dir', folder / 'runs', '--jobs', 2]
        code = compare(monkeypatch, folder / 'plan.yml', *options)
    return folder, code, printed.getvalue()


def copied(compared, tmp_path):
    """The comparison without the failing config, in a place of its own."""
    folder = tmp_path / 'copy'
    shutil.copytree(compared[0], folder)
    (folder / 'plan.yml').write_text(
        (folder / 'plan.yml').read_text().replace('broken: broken.py, ', '')
    )
    shutil.rmtree(folder / 'runs' / 'broken-sym20')
    return folder


def record(folder, name: str) -> dict:
    return json.loads((folder / 'runs' / f'{name}-sym20' / 'seed0' / 'compare.json').read_text())


def test_table_is_of_what_ran_and_failures_are_listed(compared):
    folder, code, printed = compared
    assert code == 1
    assert '1 of 3 runs failed: broken-sym20/seed0' in printed and 'num_classes is 12' in printed
    table = (folder / 'runs' / 'report' / 'table.md').read_text()
    ce, broken, label_match = table.splitlines()[2:5]
    summary = folder / 'runs' / 'label_match-sym20' / 'seed0' / 'summary.json'
    f1 = json.loads(summary.read_text())['selection']['f1']
    assert ce.startswith('| Digits | sym 0.2 | CE | – |') and ce.endswith('| 1 |')
    assert f'| {f1:.2f} |' in label_match
    assert broken.endswith('| 0 of 1 |') and '- broken, sym 0.2: 0 of 1 runs' in table
    names = {path.name for path in (folder / 'runs' / 'report').iterdir()}
    assert {'f1_over_noise.png', 'clean_prob_sym_0.2.png', 'table.tex', 'runs.csv'} <= names


def test_what_is_done_is_not_trained_again(compared, tmp_path, monkeypatch, capsys):
    folder = copied(compared, tmp_path)
    plan = [folder / 'plan.yml', '--work-dir', folder / 'runs']
    assert compare(monkeypatch, *plan) == 0
    assert '2 runs: 2 done' in capsys.readouterr().out
    assert record(folder, 'ce') == record(compared[0], 'ce')
    options = ['--cfg-options', 'optim_wrapper.optimizer.lr=0.5']
    assert compare(monkeypatch, *plan, '--dry-run', *options) == 0
    assert compare(monkeypatch, *plan, *options) == 0
    printed = capsys.readouterr().out
    assert '2 runs: 2 outdated' in printed and 'outdated: ce-sym20/seed0 (other config)' in printed
    assert record(folder, 'ce') == record(compared[0], 'ce')


def test_killed_run_goes_on_where_it_was(compared, tmp_path, monkeypatch):
    folder = copied(compared, tmp_path)
    run = folder / 'runs' / 'ce-sym20' / 'seed0'
    uninterrupted = json.loads((run / 'summary.json').read_text())['epochs']
    (run / 'epoch_2.pth').unlink()
    (run / 'last_checkpoint').write_text(str(run / 'epoch_1.pth'))
    (run / 'summary.json').write_text(
        json.dumps(dict(epochs=uninterrupted[:1], detection=[], seconds={}, finished=False))
    )
    content = dict(record(folder, 'ce'), status='running')
    (run / 'compare.json').write_text(json.dumps(content))
    (run / 'compare.log').unlink()
    assert compare(monkeypatch, folder / 'plan.yml', '--work-dir', folder / 'runs') == 0
    assert json.loads((run / 'summary.json').read_text())['epochs'] == uninterrupted
    assert 'resumed epoch: 1' in (run / 'compare.log').read_text()
    assert record(folder, 'ce')['attempts'] == 2


@pytest.mark.parametrize('damaged', ['compare.json', 'summary.json'])
def test_what_the_table_lacks_is_told_and_makes_the_exit_code(
    compared, tmp_path, monkeypatch, capsys, damaged
):
    folder = copied(compared, tmp_path)
    lock = RunLock.acquire(RunFolder(folder / 'runs' / 'ce-sym20' / 'seed0').lock_path)
    path = folder / 'runs' / 'label_match-sym20' / 'seed0' / damaged
    path.write_text(path.read_text()[:-9])
    assert compare(monkeypatch, folder / 'plan.yml', '--work-dir', folder / 'runs') == 1
    printed = capsys.readouterr().out
    assert '1 of 2 runs are being made by another process: ce-sym20/seed0' in printed
    assert 'DAMAGED, left alone: label_match-sym20/seed0' in printed and str(path) in printed
    lock.release()
    shutil.rmtree(path.parent)
    identity = dict(record(folder, 'ce')['identity'], code='other')
    content = dict(record(folder, 'ce'), status='failed', identity=identity)
    (folder / 'runs' / 'ce-sym20' / 'seed0' / 'summary.json').unlink()
    (folder / 'runs' / 'ce-sym20' / 'seed0' / 'compare.json').write_text(json.dumps(content))
    compare(monkeypatch, folder / 'plan.yml', '--work-dir', folder / 'runs', '--dry-run')
    anew = 'unfinished, starts anew: ce-sym20/seed0 (other code)'
    assert anew in capsys.readouterr().out


def test_table_is_made_of_copied_folders_alone(compared, tmp_path, monkeypatch, capsys):
    laptop = tmp_path / 'laptop'
    shutil.copytree(
        compared[0] / 'runs',
        laptop,
        ignore=shutil.ignore_patterns('report', '*.pth', '*.log', '2*', 'selection.csv'),
    )
    out = tmp_path / 'report'
    assert compare(monkeypatch, '--table-only', laptop, '--out', out) == 0
    for name in ('table.md', 'table.csv', 'table.tex'):
        assert (out / name).read_text() == (compared[0] / 'runs' / 'report' / name).read_text()
    assert not (laptop / 'report').exists()


@pytest.mark.parametrize('options', [['--table-only'], ['plan.yml', '--work-dir']])
def test_run_with_a_damaged_file_is_listed_and_makes_the_exit_code(
    compared, tmp_path, monkeypatch, capsys, options
):
    folder = copied(compared, tmp_path)
    monkeypatch.chdir(folder)
    curve = folder / 'runs' / 'label_match-sym20' / 'seed0' / 'detection_curve.csv'
    curve.write_text(curve.read_text()[:-60])
    assert compare(monkeypatch, *options, folder / 'runs') == 1
    printed = capsys.readouterr().out
    assert '| Digits | sym 0.2 | CE | ' in printed
    assert re.search(r"- .*seed0 is left out: '.*curve\.csv' is not a usable detection", printed)


def test_plain_run_is_tabulated_from_its_resolved_config(compared, tmp_path, monkeypatch, capsys):
    shutil.copytree(compared[0] / 'runs' / 'ce-sym20' / 'seed0', tmp_path / 'ce')
    (tmp_path / 'ce' / 'compare.json').unlink()
    (tmp_path / 'ce' / 'ce.py').write_text('this is no Python')
    assert compare(monkeypatch, '--table-only', tmp_path, '--out', tmp_path / 'report') == 0
    assert '| Digits | sym 0.2 | ce | ' in capsys.readouterr().out
    (line,) = csv.DictReader((tmp_path / 'report' / 'runs.csv').open())
    assert (line['seed'], line['status']) == ('0', 'done')


def test_dry_run_reads_no_data(tmp_path, monkeypatch, capsys):
    def build(cfg, *args, **kwargs) -> None:
        raise AssertionError(cfg)

    monkeypatch.setattr(DATASETS, 'build', build)
    configs = ['deft/deft_cifar100_sym60.py', 'deft/deft_folder.py', 'deft/deft_cifar100n.py']
    configs = [REPO / 'configs' / config for config in configs]
    assert compare(monkeypatch, *configs, '--work-dir', tmp_path, '--dry-run') == 0
    assert '3 runs: 3 missing' in capsys.readouterr().out
    with pytest.raises(AssertionError):
        compare(monkeypatch, *configs, '--work-dir', tmp_path)
    assert not list(tmp_path.iterdir())


def test_command_line_names_variants(tmp_path, monkeypatch, capsys):
    noise = 'train_dataloader.dataset.noise'
    variants = ['--variant', 'sym40', '--variant', 'asym', f'{noise}.type=AsymmetricNoise']
    more = ['--seeds', 0, 2, '--work-dir', tmp_path, '--dry-run']
    assert compare(monkeypatch, CE, LABEL_MATCH, *variants, *more) == 0
    assert '8 runs: 8 missing' in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_mistakes_are_named(tmp_path, monkeypatch, capsys):
    plan = tmp_path / 'plan.yml'
    plan.write_text(f'configs: [{CE}]')
    for arguments, match in (([plan, CE], 'is a plan'), ([plan, '--variant', 'x'], 'is a plan')):
        with pytest.raises(ValueError, match=match):
            compare(monkeypatch, *arguments)
    assert compare(monkeypatch) == 2
    assert 'give configs or a plan' in capsys.readouterr().err
