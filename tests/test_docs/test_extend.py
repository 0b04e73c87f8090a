"""Every example of docs/extend.md as it is printed: registered, built, and used by the tools."""

import json
import runpy
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmpretrain.registry import DATASETS, MODELS

from deft_mm import find_wrong_labels
from deft_mm.datasets import clean_labels_of, given_labels_of
from deft_mm.selection import read_selection
from runner_utils import REPO, scalars
from tests.test_docs.pages import DOCS, blocks, commands, section
from tool_utils import tool

TEXT = (DOCS / 'extend.md').read_text(encoding='utf-8')


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """A folder in which somebody works who has copied all examples."""
    shutil.copytree(REPO / 'configs', tmp_path / 'configs')
    for language, content in blocks(TEXT):
        if language == 'python':
            path = tmp_path / content.splitlines()[0].removeprefix('# ')
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.fixture
def follow(folder, monkeypatch):
    """Run the commands of a section, each training for one epoch."""

    def follow(title: str) -> None:
        for line in commands(section(TEXT, title)):
            words = [word for word in shlex.split(line) if word not in ('PYTHONPATH=.', 'python')]
            path, *arguments = words
            if not path.startswith('tools/'):
                runpy.run_path(path, run_name='__main__')
                continue
            if path == 'tools/train.py':
                arguments += ['--cfg-options', 'train_cfg.max_epochs=1']
            assert not tool(monkeypatch, path.removeprefix('tools/'), *arguments), line

    return follow


def losses(run: str) -> list[float]:
    return [line['loss'] for line in scalars(Path('work_dirs', run))]


def test_every_section_has_commands_and_files():
    titles = [line[3:] for line in TEXT.splitlines() if line.startswith('## ')]
    assert len(titles) == 5
    for title in titles:
        languages = [language for language, _ in blocks(section(TEXT, title))]
        assert languages.count('python') >= 2 and 'bash' in languages


def test_a_loss(follow):
    follow('A loss')
    assert losses('brier_digits') and 0 < max(losses('brier_digits')) <= 2
    loss = MODELS.build(dict(type='BrierLoss', reduction='none'))
    logits = torch.tensor([[0.0, 0.0], [50.0, 0.0], [50.0, 0.0]])
    found = loss(logits, torch.tensor([0, 0, 1]))
    torch.testing.assert_close(found, torch.tensor([0.5, 0.0, 2.0]))


def test_a_selector(follow):
    follow('A selector')
    table = read_selection('work_dirs/runner_up_digits/selection.csv')
    assert table.method == 'RunnerUpSelector'
    np.testing.assert_array_equal(table.kept, table.score >= 0.5)
    assert 0 < table.num_kept < len(table)
    # of the tools, or called with arrays: kept by the same rule
    (path,) = Path('work_dirs/runner_up_digits/detect').glob('*/selection.csv')
    found = read_selection(path)
    np.testing.assert_array_equal(found.kept, found.score >= 0.5)
    probs = np.array([[0.6, 0.4], [0.9, 0.1]])
    found = find_wrong_labels(
        np.eye(2), [1, 1], probs=probs, selector=dict(type='RunnerUpSelector')
    )
    assert found.kept.tolist() == [True, False]
    with pytest.raises(ValueError, match='`share` is 0'):
        find_wrong_labels(
            np.eye(2), [1, 1], probs=probs, selector=dict(type='RunnerUpSelector', share=0)
        )


def test_noise(follow):
    follow('Noise')
    assert losses('neighbour_digits')
    dataset = DATASETS.build(Config.fromfile('neighbour_digits.py').train_dataloader.dataset)
    steps = (given_labels_of(dataset) - clean_labels_of(dataset)) % 10
    assert set(steps) == {0, 1, 9}
    assert np.mean(steps != 0) == pytest.approx(0.3, abs=0.05)
    assert Path('work_dirs/noise/neighbour.npz').is_file()


def test_a_data_set(follow):
    follow('A data set')
    assert losses('array_digits')
    summary = json.loads(Path('work_dirs/array_digits/summary.json').read_text())
    assert 'accuracy/top1' in json.dumps(summary)
    dataset = DATASETS.build(Config.fromfile('array_digits.py').val_dataloader.dataset)
    assert len(dataset) == 500 and dataset.metainfo['classes'][3] == 'three'


def test_a_method(follow, capsys):
    follow('A method to compare with')
    plain = Config.fromfile('work_dirs/brier_digits_sym40/config.json')
    assert plain.model.head.loss.type == 'BrierLoss'
    assert losses('brier_digits_sym40')
    # Two methods, three seeds.
    assert '6 runs: 6 missing' in capsys.readouterr().out
