"""Nothing in a work directory is lost: to another run, another process, damage or a move."""

import json
import logging
import shutil
import uuid

import mmengine
import numpy as np
import pytest
import torch

from deft_mm.engine.work_folder import LOCK_FILE
from deft_mm.run_lock import RunLock
from deft_mm.selection import read_selection, write_selection
from runner_utils import same_state, scalars, tiny
from tool_utils import tool

CONFIG = 'deft/deft_digits_sym40.py'


@pytest.fixture(scope='module')
def config(tmp_path_factory):
    folder = tmp_path_factory.mktemp('config')
    cfg = tiny(
        CONFIG,
        folder / 'unused',
        train_cfg__max_epochs=4,
        default_hooks__noise_filter__detector_epochs=2,
        default_hooks__noise_filter__selector=dict(type='KeepEvenIndices'),
        default_hooks__checkpoint__max_keep_ckpts=-1,
    )
    cfg.dump(folder / 'config.py')
    return folder / 'config.py'


@pytest.fixture(scope='module')
def finished(config):
    """The work directory of a finished run, which tests leave as it is."""
    work_dir = config.parent / 'finished'
    with pytest.MonkeyPatch.context() as monkeypatch:
        tool(monkeypatch, 'train.py', config, '--work-dir', work_dir)
    return work_dir


@pytest.fixture
def copied(finished, tmp_path):
    """A copy, of which the path in last_checkpoint is that of the original."""
    return shutil.copytree(finished, tmp_path / 'copied')


@pytest.fixture
def killed(copied):
    """A copy of what there was before the last epoch."""
    (copied / 'epoch_4.pth').unlink()
    return copied


def contents(folder) -> dict:
    """The files at the top of a folder, which a run or a test adds logs to."""
    return {
        path.name: path.read_bytes()
        for path in folder.iterdir()
        if path.is_file() and path.name != LOCK_FILE
    }


def weights(path) -> dict:
    return torch.load(path, weights_only=True)['state_dict']


def figures(folder) -> list:
    return mmengine.load(folder / 'summary.json')['epochs']


def resume(monkeypatch, config, folder, *options) -> None:
    # MMEngine names the folder of a log by the second: runs of one second would share it.
    for log in folder.glob('20*'):
        log.rename(folder / f'earlier_{uuid.uuid4().hex}_{log.name}')
    tool(monkeypatch, 'train.py', config, '--work-dir', folder, '--resume', *options)


@pytest.fixture
def warned(monkeypatch):
    """What the runs of a test warn of."""
    said = []
    handle = logging.Logger.handle

    def note(logger, record):
        if record.levelno == logging.WARNING:
            said.append(record.getMessage())
        handle(logger, record)

    monkeypatch.setattr(logging.Logger, 'handle', note)
    return said


def count(warned, *words) -> int:
    return sum(all(word in line for word in words) for line in warned)


@pytest.mark.parametrize(
    'options', [[], ['--cfg-options', 'optim_wrapper.detector.optimizer.lr=1']]
)
def test_no_run_is_trained_over_another_one(finished, config, monkeypatch, options):
    before = contents(finished)
    with pytest.raises(ValueError, match=r'holds a run \(epoch_4.*--resume.*another --work-dir'):
        tool(monkeypatch, 'train.py', config, '--work-dir', finished, *options)
    assert contents(finished) == before


def test_figures_of_a_finished_run_without_checkpoints_are_not_overwritten(
    copied, config, monkeypatch
):
    for path in copied.glob('*.pth'):
        path.unlink()
    with pytest.raises(ValueError, match='holds a run .summary.json'):
        tool(monkeypatch, 'train.py', config, '--work-dir', copied)
    with pytest.raises(ValueError, match='--resume found no whole checkpoint .*summary.json'):
        resume(monkeypatch, config, copied)


def test_checkpoint_of_elsewhere_is_not_resumed_over_another_run(
    finished, copied, config, monkeypatch
):
    before = contents(copied)
    with pytest.raises(ValueError, match='epoch_2.pth would overwrite the run in'):
        tool(
            monkeypatch,
            'train.py',
            config,
            *('--work-dir', copied, '--resume', finished / 'epoch_2.pth'),
        )
    assert contents(copied) == before


@pytest.mark.parametrize('pointer', [None, '', 'of the original', 'gone'])
def test_resume_goes_by_the_checkpoints_that_are_there(
    finished, killed, config, monkeypatch, pointer
):
    path, before = killed / 'last_checkpoint', contents(finished)
    if pointer is None:
        path.unlink()
    elif pointer == 'of the original':
        assert path.read_text() == str(finished / 'epoch_4.pth')
    else:
        path.write_text(pointer and str(killed / 'epoch_9.pth'))
    resume(monkeypatch, config, killed)
    assert same_state(weights(killed / 'epoch_4.pth'), weights(finished / 'epoch_4.pth'))
    assert {line['epoch'] for line in scalars(killed)} == {4}
    summary = mmengine.load(killed / 'summary.json')
    assert summary['files']['last checkpoint'] == str(killed / 'epoch_4.pth')
    assert contents(finished) == before


def test_checkpoint_of_another_hook_is_not_taken_for_a_newer_one(config, tmp_path, monkeypatch):
    cfg = mmengine.Config.fromfile(config)
    cfg.custom_hooks = [dict(type='CheckpointHook', by_epoch=False, interval=5)]
    cfg.dump(tmp_path / 'config.py')
    work_dir = tmp_path / 'run'
    tool(monkeypatch, 'train.py', tmp_path / 'config.py', '--work-dir', work_dir)
    before = contents(work_dir)
    assert {'epoch_4.pth', 'iter_15.pth'} <= before.keys()
    resume(monkeypatch, tmp_path / 'config.py', work_dir)
    assert contents(work_dir)['epoch_4.pth'] == before['epoch_4.pth']
    assert {line['epoch'] for line in scalars(work_dir)} == {1, 2, 3, 4}  # no newer log


def test_run_with_names_of_its_own_is_found_and_not_overwritten(
    finished, config, tmp_path, monkeypatch, warned
):
    own = ['--cfg-options', 'default_hooks.checkpoint.filename_tmpl=ep_{}.pth']
    tool(monkeypatch, 'train.py', config, '--work-dir', tmp_path, *own)
    before = contents(tmp_path)
    for options in (own, []):  # without its name, by last_checkpoint
        with pytest.raises(ValueError, match=r'holds a run \(ep_4\.pth\)'):
            tool(monkeypatch, 'train.py', config, '--work-dir', tmp_path, *options)
    with pytest.raises(ValueError, match=r'no whole checkpoint .*ep_4\.pth'):
        resume(monkeypatch, config, tmp_path)
    assert contents(tmp_path) == before
    damage(tmp_path / 'ep_4.pth', 'truncated')
    with pytest.raises(ValueError, match=r'ep_4\.pth is damaged: .*ep_3\.pth'):
        tool(monkeypatch, 'test.py', config, tmp_path / 'ep_4.pth')
    resume(monkeypatch, config, tmp_path, *own)
    assert count(warned, 'Damaged', 'ep_4.pth', 'resumes from ep_3.pth') == 1
    assert same_state(weights(tmp_path / 'ep_4.pth'), weights(finished / 'epoch_4.pth'))


def damage(path, how: str) -> None:
    content = path.read_bytes()
    cut = dict(empty=0, truncated=len(content) // 2)
    if how in cut:
        path.write_bytes(content[: cut[how]])
    else:
        middle = len(content) // 2
        path.write_bytes(content[:middle] + bytes([content[middle] ^ 64]) + content[middle + 1 :])


@pytest.mark.parametrize('how', ['empty', 'truncated', 'flipped'])
def test_resume_skips_damaged_checkpoints_with_one_warning(
    finished, copied, config, monkeypatch, warned, how
):
    damage(copied / 'epoch_4.pth', how)
    resume(monkeypatch, config, copied)
    assert count(warned, 'Damaged', 'epoch_4.pth', 'resumes from epoch_3.pth') == 1
    assert same_state(weights(copied / 'epoch_4.pth'), weights(finished / 'epoch_4.pth'))
    assert figures(copied) == figures(finished)


@pytest.mark.parametrize('how', ['empty', 'truncated', 'flipped'])
def test_damaged_checkpoint_that_is_named_is_refused(copied, config, monkeypatch, how):
    path = copied / 'epoch_4.pth'
    damage(path, how)
    for name, *options in (('train.py', '--resume', path), ('test.py', path)):
        with pytest.raises(ValueError, match=rf'{path} is damaged: .* is {copied}/epoch_3\.pth'):
            tool(monkeypatch, name, config, '--work-dir', copied, *options)


def test_resume_of_nothing_whole_is_refused_and_loses_nothing(copied, config, monkeypatch):
    for path in copied.glob('*.pth'):
        damage(path, 'truncated')
    before = contents(copied)
    with pytest.raises(ValueError, match='no whole checkpoint .*epoch_4.pth .its end is missing'):
        resume(monkeypatch, config, copied)
    assert contents(copied) == before


def test_work_directory_of_a_running_training_is_refused(copied, config, monkeypatch):
    lock = RunLock.acquire(copied / LOCK_FILE)
    before = contents(copied)
    for options in ([], ['--resume']):
        with pytest.raises(ValueError, match='Another process works in the work directory'):
            tool(monkeypatch, 'train.py', config, '--work-dir', copied, *options)
    assert contents(copied) == before
    lock.release()
    with pytest.raises(ValueError, match='detector_epochs'):
        resume(monkeypatch, config, copied, '--cfg-options', 'train_cfg.max_epochs=2')
    resume(monkeypatch, config, copied)  # the lock of one that failed is free


def test_checkpoint_folder_of_a_running_training_is_refused(config, tmp_path, monkeypatch):
    common = tmp_path / 'common'
    options = ['--cfg-options', f'default_hooks.checkpoint.out_dir={common}']
    lock = RunLock.acquire(common / 'run' / LOCK_FILE)  # that of tmp_path/a/run
    with pytest.raises(ValueError, match=rf'works in the checkpoint folder {common}/run.*out_dir'):
        tool(monkeypatch, 'train.py', config, '--work-dir', tmp_path / 'b' / 'run', *options)
    RunLock.acquire(tmp_path / 'b' / 'run' / LOCK_FILE).release()  # it was given back
    lock.release()
    # The work directory by another way: it is locked once.
    options[1] = f'default_hooks.checkpoint.out_dir={common}/run/..'
    tool(monkeypatch, 'train.py', config, '--work-dir', common / 'run', *options)
    assert (common / 'run' / 'epoch_4.pth').is_file()


@pytest.mark.parametrize('is_begun', [False, True])
def test_checkpoints_of_another_work_directory_are_resumed_from_by_name_alone(
    finished, config, tmp_path, monkeypatch, is_begun
):
    """Work directories of one name share a folder in an out_dir."""
    theirs, mine = tmp_path / 'common' / 'run', tmp_path / 'b' / 'run'
    theirs.mkdir(parents=True)
    for name in ('epoch_2.pth', 'epoch_3.pth'):
        shutil.copy(finished / name, theirs)
    options = ['--cfg-options', f'default_hooks.checkpoint.out_dir={tmp_path}/common']
    match = rf'no run of .* {mine} has saved anything, and {theirs} .*out_dir.* holds epoch_3\.pth'
    if is_begun:  # and was killed before its first checkpoint
        mine.mkdir(parents=True)
        (mine / 'config.json').write_bytes((finished / 'config.json').read_bytes())
    before = contents(mine) if is_begun else {}
    with pytest.raises(ValueError, match=match):
        resume(monkeypatch, config, mine, *options)
    assert set(contents(theirs)) == {'epoch_2.pth', 'epoch_3.pth'} and contents(mine) == before
    command = [config, '--work-dir', mine, '--resume', theirs / 'epoch_3.pth', *options]
    tool(monkeypatch, 'train.py', *command)
    assert same_state(weights(theirs / 'epoch_4.pth'), weights(finished / 'epoch_4.pth'))
    (mine / 'last_checkpoint').unlink()
    resume(monkeypatch, config, mine, *options)  # which is its own now


def test_resume_goes_by_the_checkpoints_of_a_further_hook_too(
    finished, config, tmp_path, monkeypatch
):
    cfg = mmengine.Config.fromfile(config)
    cfg.default_hooks.checkpoint.interval = 2
    cfg.custom_hooks = [dict(type='CheckpointHook', interval=1, filename_tmpl='each_{}.pth')]
    cfg.dump(tmp_path / 'config.py')
    work_dir = tmp_path / 'run'
    tool(monkeypatch, 'train.py', tmp_path / 'config.py', '--work-dir', work_dir)
    for name in ('epoch_4.pth', 'each_4.pth'):
        (work_dir / name).unlink()
    resume(monkeypatch, tmp_path / 'config.py', work_dir)
    assert {line['epoch'] for line in scalars(work_dir)} == {4}
    assert same_state(weights(work_dir / 'epoch_4.pth'), weights(finished / 'epoch_4.pth'))


def test_folder_without_locks_is_trained_in_with_a_warning(killed, config, monkeypatch, warned):
    def fails(handle, operation):
        raise OSError('Function not implemented')

    monkeypatch.setattr('fcntl.flock', fails)
    resume(monkeypatch, config, killed)
    assert mmengine.load(killed / 'summary.json')['finished']


@pytest.mark.parametrize('after', [0, 2])
def test_interrupt_while_the_config_is_formatted_names_resume(config, tmp_path, monkeypatch, after):
    calls = []

    def interrupted(text, **kwargs):
        calls.append(text)
        if len(calls) > after:
            raise KeyboardInterrupt
        return text, True

    # The stock stack imports it when it is imported itself, the fork when it formats.
    monkeypatch.setattr('yapf.yapflib.yapf_api.FormatCode', interrupted)
    monkeypatch.setattr('mmengine.config.config.FormatCode', interrupted, raising=False)
    with pytest.raises(KeyboardInterrupt, match=f'--resume .* in {tmp_path}'):
        tool(monkeypatch, 'train.py', config, '--work-dir', tmp_path)
    assert len(calls) == after + 1


def test_testing_leaves_the_files_of_a_run_alone(finished, config, monkeypatch):
    before = contents(finished)
    options = ['--cfg-options', 'randomness.seed=7']
    tool(monkeypatch, 'test.py', config, finished / 'epoch_4.pth', '--work-dir', finished, *options)
    assert contents(finished) == before


@pytest.mark.parametrize(
    ('option', 'match'),
    [
        ('train_dataloader.dataset.noise.seed=7', 'given labels'),
        ('default_hooks.noise_filter.detector_epochs=3', r'detector_epochs=3, but .* has 2'),
    ],
)
def test_refused_start_leaves_the_files_of_a_run_alone(killed, config, monkeypatch, option, match):
    before = contents(killed)
    with pytest.raises(ValueError, match=match):
        resume(monkeypatch, config, killed, '--cfg-options', option)
    assert contents(killed) == before


@pytest.mark.parametrize('how', ['entry', 'file', 'cut', 'list'])
def test_validation_that_is_missing_is_made_on_resume(
    finished, copied, config, monkeypatch, warned, how
):
    path = copied / 'summary.json'
    summary = mmengine.load(path)
    if how == 'entry':
        summary.update(epochs=summary['epochs'][:-1], finished=False)
        path.write_text(json.dumps(summary))
    elif how == 'file':
        path.unlink()
    else:
        path.write_text('[]' if how == 'list' else path.read_text()[:-30])
    resume(monkeypatch, config, copied)
    now, before = mmengine.load(path), mmengine.load(finished / 'summary.json')
    assert now['epochs'] == before['epochs'] and now['finished']
    assert now['detection'] == before['detection']
    aside = copied / 'summary.json.damaged'
    assert aside.is_file() == (how in ('cut', 'list'))
    assert count(warned, f'{path} is damaged', aside.name) == aside.is_file()


@pytest.mark.parametrize('name', ['selection.csv', 'detection_curve.csv'])
@pytest.mark.parametrize('is_cut', [False, True])
def test_selection_file_that_is_gone_or_cut_is_written_again(
    finished, killed, config, monkeypatch, warned, name, is_cut
):
    path = killed / name
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2]) if is_cut else path.unlink()
    resume(monkeypatch, config, killed)
    for written in ('selection.csv', 'detection_curve.csv'):
        assert (killed / written).read_bytes() == (finished / written).read_bytes()
    assert count(warned, f'{path} was gone or damaged') == 1
    aside = killed / 'selection.csv.damaged'
    assert aside.exists() == (is_cut and name == 'selection.csv')


def test_selection_file_of_another_run_is_put_aside(finished, killed, config, monkeypatch, warned):
    path = killed / 'selection.csv'
    table = read_selection(path)
    # As the same detector with another threshold would write it.
    write_selection(path, table.with_columns(kept=~table.kept, created='2030-01-01T00:00:00'))
    other = path.read_bytes()
    resume(monkeypatch, config, killed)
    assert path.read_bytes() == (finished / 'selection.csv').read_bytes()
    assert (killed / 'selection.csv.other').read_bytes() == other
    assert count(warned, f'{path} is of another selection', 'selection.csv.other') == 1


def test_selection_of_a_run_and_of_the_detect_tool_do_not_overwrite_one_another(
    finished, config, tmp_path, monkeypatch
):
    before, used = contents(finished), (config, finished / 'epoch_4.pth')
    for name in ('selection.csv', 'selection.parquet'):
        with pytest.raises(ValueError, match='place of the selection of the run.*detected'):
            tool(monkeypatch, 'detect.py', *used, '--out', finished / name)
    assert contents(finished) == before
    new = tmp_path / 'new'
    lock = RunLock.acquire(new / LOCK_FILE)  # a run that has not selected yet
    with pytest.raises(ValueError, match='place of the selection of the run'):
        tool(monkeypatch, 'detect.py', *used, '--out', new / 'selection.csv')
    lock.release()
    tool(monkeypatch, 'detect.py', *used, '--out', new / 'selection.csv')
    before = contents(new)
    for option in ([], ['--resume']):
        with pytest.raises(ValueError, match='selection.csv is not of a run in the work directory'):
            tool(monkeypatch, 'train.py', config, '--work-dir', new, *option)
    assert contents(new) == before


@pytest.mark.parametrize('has_curve', [True, False])
def test_selection_file_that_was_edited_stays(killed, config, monkeypatch, warned, has_curve):
    path = killed / 'selection.csv'
    edited = path.read_text().replace(',1\n', ',0\n', 1)
    path.write_text(edited)
    if not has_curve:
        (killed / 'detection_curve.csv').unlink()
    resume(monkeypatch, config, killed)
    assert path.read_text() == edited


def test_longer_run_has_the_rates_of_a_run_of_that_length(
    finished, copied, config, tmp_path, monkeypatch, warned
):
    longer = ['--cfg-options', 'train_cfg.max_epochs=6']
    resume(monkeypatch, config, copied, *longer)
    tool(monkeypatch, 'train.py', config, '--work-dir', tmp_path / 'at once', *longer)
    rates = [
        [line['lr'] for line in scalars(folder) if line['epoch'] > 4]
        for folder in (copied, tmp_path / 'at once')
    ]
    np.testing.assert_allclose(*rates, rtol=1e-12)
    assert len(set(rates[0])) == 2 and [entry['epoch'] for entry in figures(copied)][-1] == 6
    assert count(warned, 'settings', 'train_cfg.max_epochs 4 -> 6') == 1
    assert count(warned, 'another length') == 1


def test_run_that_would_train_nothing_is_an_error_or_was_at_its_end(
    copied, config, monkeypatch, warned
):
    with pytest.raises(ValueError, match='max_epochs=3, but .*epoch_4.pth.* is of epoch 4'):
        resume(monkeypatch, config, copied, '--cfg-options', 'train_cfg.max_epochs=3')
    before = contents(copied)
    resume(monkeypatch, config, copied)
    after = contents(copied)
    assert {name for name in before if before[name] != after[name]} <= {
        'summary.json',
        'config.json',
        'config.py',
        'last_checkpoint',
    }
    # It named that of the original.
    assert after['last_checkpoint'].decode() == str(copied / 'epoch_4.pth')


def test_checkpoint_of_another_method_is_one_sentence(finished, config, tmp_path, monkeypatch):
    tiny('gmm/gmm_digits_sym40.py', tmp_path / 'gmm').dump(tmp_path / 'gmm.py')
    with pytest.raises(ValueError, match='NoiseFilterHook.*RefilterHook: it is of another method'):
        tool(monkeypatch, 'train.py', tmp_path / 'gmm.py', '--resume', finished / 'epoch_4.pth')
    checkpoint = torch.load(finished / 'epoch_3.pth', weights_only=True)
    checkpoint['optimizer'] = checkpoint['optimizer']['classifier']
    torch.save(checkpoint, tmp_path / 'epoch_3.pth')
    with pytest.raises(ValueError, match='the optimisers one of .* this config makes detector of'):
        tool(
            monkeypatch,
            'train.py',
            config,
            *('--work-dir', tmp_path / 'new', '--resume', tmp_path / 'epoch_3.pth'),
        )
    torch.save(dict(state_dict=checkpoint['state_dict']), tmp_path / 'weights.pth')
    with pytest.raises(ValueError, match='no stage of DeFT'):
        tool(
            monkeypatch,
            'train.py',
            config,
            *('--work-dir', tmp_path / 'new', '--resume', tmp_path / 'weights.pth'),
        )


def test_leftovers_of_a_killed_save_go_when_the_run_resumes(killed, config, monkeypatch):
    users = ['.notes.csv.20261126', '.settings.json.original']
    ours = ['.epoch_4.pth.ab1_2cde.deft_mm-tmp', '.selection.csv.abcdefgh.deft_mm-tmp']
    for name in users + ours:
        (killed / name).write_bytes(b'half')
    before = contents(killed)
    with pytest.raises(ValueError, match='holds a run'):
        tool(monkeypatch, 'train.py', config, '--work-dir', killed)
    with pytest.raises(ValueError, match='given labels'):
        noise = ['--cfg-options', 'train_dataloader.dataset.noise.seed=7']
        resume(monkeypatch, config, killed, *noise)
    assert contents(killed) == before
    resume(monkeypatch, config, killed)
    assert sorted(path.name for path in killed.glob('.*')) == [LOCK_FILE, *users]


def test_copied_run_deletes_no_best_checkpoint_of_the_original(config, tmp_path, monkeypatch):
    options = ['--cfg-options', 'default_hooks.checkpoint.save_best=accuracy/top1']
    original, copy = tmp_path / 'original', tmp_path / 'copy'
    tool(monkeypatch, 'train.py', config, '--work-dir', original, *options)
    shutil.copytree(original, copy)
    (copy / 'epoch_4.pth').unlink()
    checkpoint = torch.load(copy / 'epoch_3.pth', weights_only=True)
    # So that the next one is better, and the best one so far goes.
    checkpoint['message_hub']['runtime_info']['best_score'] = -1.0
    torch.save(checkpoint, copy / 'epoch_3.pth')
    before = contents(original)
    resume(monkeypatch, config, copy, *options)
    assert contents(original) == before and list(copy.glob('best_*'))
