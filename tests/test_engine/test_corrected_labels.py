"""Stage 2 trains with what people have decided, and a resume does, too."""

import numpy as np
import pytest
import torch

from deft_mm.selection import EXCLUDED, read_selection, write_selection
from runner_utils import run, same_state, tiny

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
