"""Stage 2 trains with what people have decided, and a resume does, too."""

import numpy as np
import pytest
import torch
from corrections_utils import corrections
from mmpretrain.registry import DATASETS

from deft_mm.datasets import CorrectedLabels
from deft_mm.selection import EXCLUDED, read_selection, write_selection
from runner_utils import run, same_state, tiny
from tool_utils import tool

CONFIG = 'deft/deft_digits_sym40.py'


@pytest.fixture(scope='module')
def corrected(tmp_path_factory):
    """A selection of the training set, of which a person has decided three samples."""
    folder = tmp_path_factory.mktemp('first')
    run(config(folder, epochs=2, detector_epochs=1))
    table = read_selection(folder / 'selection.csv')
    labels = np.full(len(table), -1)
    rejected, kept = (np.flatnonzero(mask)[:2] for mask in (~table.kept, table.kept))
    labels[rejected[0]] = (table.given_label[rejected[0]] + 1) % 10
    labels[kept[0]] = EXCLUDED
    labels[kept[1]] = table.given_label[kept[1]]
    path = folder / 'corrected.csv'
    write_selection(path, table.with_columns(corrected_label=labels))
    return path


def config(work_dir, epochs, selection=None, **options):
    return tiny(
        CONFIG,
        work_dir,
        train_cfg__max_epochs=epochs,
        default_hooks__noise_filter__selection=selection and str(selection),
        default_hooks__noise_filter__selector=dict(type='KeepEvenIndices'),
        default_hooks__checkpoint__max_keep_ckpts=-1,
        **{f'default_hooks__noise_filter__{name}': value for name, value in options.items()},
    )


def test_stage_2_trains_with_the_corrected_labels_resumed_or_not(corrected, tmp_path):
    table = read_selection(corrected)
    runner = run(config(tmp_path / 'whole', 3, corrected))
    dataset = runner.train_dataloader.dataset
    indices = np.unique(dataset.indices)
    np.testing.assert_array_equal(indices, np.flatnonzero(table.kept))
    labels = dict(zip(dataset.indices, dataset.given_labels, strict=True))
    assert all(labels[i] == table.label[i] for i in indices)
    assert (table.label != table.given_label).sum() == 1

    cfg = config(tmp_path / 'whole', 3, corrected)
    cfg.load_from, cfg.resume = str(tmp_path / 'whole/epoch_1.pth'), True
    cfg.work_dir = str(tmp_path / 'resumed')
    resumed = run(cfg)
    assert same_state(runner.model.state_dict(), resumed.model.state_dict())
    state = torch.load(tmp_path / 'resumed/epoch_2.pth', weights_only=True)['deft']
    np.testing.assert_array_equal(state['selection']['corrected_label'], table.corrected_label)


@pytest.fixture(scope='module')
def reviewed(corrected, tmp_path_factory):
    """The same decisions as a file of corrections."""
    table = read_selection(corrected)
    rows = [
        (i, 'exclude', '') if label == EXCLUDED else (i, 'relabel', table.class_names[label])
        for i, label in enumerate(table.corrected_label)
        if label != -1
    ]
    return corrections(tmp_path_factory.mktemp('reviewed') / 'corrections.csv', corrected, *rows)


def test_a_detector_is_trained_on_corrections_and_does_not_doubt_them(
    corrected, reviewed, tmp_path
):
    table = read_selection(corrected)
    cfg = config(tmp_path, 3, detector_epochs=2)
    cfg.train_dataloader.dataset = dict(
        type='CorrectedLabels', dataset=cfg.train_dataloader.dataset, corrections=str(reviewed)
    )
    runner = run(cfg)
    selection = read_selection(tmp_path / 'selection.csv')
    left = np.flatnonzero(table.corrected_label != EXCLUDED)
    assert len(selection) == len(left) == len(table) - 1
    np.testing.assert_array_equal(selection.given_label, table.label[left])
    np.testing.assert_array_equal(selection.corrected_label, table.corrected_label[left])
    assert selection.kept[selection.decided].all() and not selection.kept.all()
    seen = {i for epoch, batch in runner.order.batches for i in batch if epoch < 2}
    assert seen == set(left)
    dataset = runner.train_dataloader.dataset
    assert set(dataset.indices) == set(np.flatnonzero(selection.kept))
    log = next(tmp_path.glob('*/vis_data/scalars.json')).read_text()
    assert log.count('selection/f1') == 2  # of both epochs of the detector


def test_true_labels_stay_true_where_they_are_known(reviewed, tmp_path):
    cfg = config(tmp_path, 2)
    inner = DATASETS.build(cfg.train_dataloader.dataset)
    dataset = CorrectedLabels(inner, reviewed)
    np.testing.assert_array_equal(dataset.clean_labels, inner.clean_labels[dataset.indices])
    assert '1 relabelled, 1 confirmed, 1 excluded, 21 undecided' in repr(dataset)
    assert len(dataset) == 23
    for wrong in (3, [], None):
        with pytest.raises(TypeError, match='`corrections` is the path of a corrections.csv'):
            CorrectedLabels(inner, wrong)
    with pytest.raises(FileNotFoundError, match='nowhere.csv'):
        CorrectedLabels(inner, 'nowhere.csv')


def test_train_py_takes_corrections_and_refuses_those_of_other_data(
    corrected, reviewed, tmp_path, monkeypatch
):
    config(tmp_path / 'unused', 3, detector_epochs=2).dump(tmp_path / 'config.py')
    command = ['train.py', tmp_path / 'config.py', '--work-dir', tmp_path / 'run']
    other = corrections(tmp_path / 'other.csv', corrected, fingerprint=OTHER)
    with pytest.raises(ValueError, match='other.csv. belongs to another data set'):
        tool(monkeypatch, *command, '--corrections', other)
    assert not list(tmp_path.glob('run/*.pth'))
    tool(monkeypatch, *command, '--corrections', reviewed)
    selection = read_selection(tmp_path / 'run/selection.csv')
    assert selection.decided.sum() == 2 and selection.kept[selection.decided].all()


OTHER = dict(num_samples=3, class_names='0' * 16, given_labels='0' * 16, images='0' * 16)
