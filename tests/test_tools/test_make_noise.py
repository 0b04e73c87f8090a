"""The tool that draws a config's noise, run as a user runs it."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from deft_mm.datasets import DigitsDataset, NoisyLabelDataset
from runner_utils import REPO
from tool_utils import tool

DIGITS = REPO / 'configs' / 'deft' / 'deft_digits_sym40.py'
NOISE_KEY = 'train_dataloader.dataset.noise'


def make_noise(monkeypatch, *arguments) -> None:
    tool(monkeypatch, 'make_noise.py', *arguments)


def test_it_writes_the_noise_of_the_config_and_prints_what_came_out(tmp_path, monkeypatch, capsys):
    out, plot = tmp_path / 'noise.npz', tmp_path / 'noise.png'
    make_noise(monkeypatch, DIGITS, '--out', out, '--plot', plot)
    printed = capsys.readouterr().out
    noisy = NoisyLabelDataset(DigitsDataset(), dict(type='SymmetricNoise', ratio=0.4))
    rate = np.mean(noisy.given_labels != noisy.clean_labels)
    assert 'requested  40.00%' in printed and f'realised   {rate:.2%}' in printed
    zeros = noisy.given_labels[noisy.clean_labels == 0]
    row = ''.join(f'{100 * np.mean(zeros == label):6.1f}' for label in range(10))
    assert f'   0 zero {row}' in printed
    assert f'noise file written: {out}' in printed
    np.testing.assert_array_equal(np.load(out)['labels'], noisy.given_labels)
    with Image.open(plot) as image:
        assert image.format == 'PNG' and len(image.convert('L').getcolors()) > 10

    make_noise(monkeypatch, DIGITS, '--cfg-options', f'train_dataloader.dataset.noise_file={out}')
    assert f'noise file is there and fits: {out}' in capsys.readouterr().out
    with pytest.raises(ValueError, match='ratio=0.4.*ratio=0.2'):
        make_noise(monkeypatch, DIGITS, '--out', out, '--cfg-options', f'{NOISE_KEY}.ratio=0.2')


def test_many_classes_are_summed_up(tmp_path, monkeypatch, capsys):
    config = tmp_path / 'config.py'
    data = "dict(type='MadeUpImages', num_classes=50, num_samples=500)"
    noise = "dict(type='AsymmetricNoise', ratio=0.4, mapping={3: 8})"
    config.write_text(
        'train_dataloader = dict(dataset=dict(type="RepeatDataset", times=2, dataset=dict('
        f"type='NoisyLabelDataset', dataset={data}, noise={noise})))"
    )
    make_noise(monkeypatch, config)
    printed = capsys.readouterr().out
    assert '500 in 50 classes' in printed
    assert len(printed.splitlines()) < 15
    transitions = [line.split() for line in printed.splitlines() if ' -> ' in line]
    assert [line[:3] for line in transitions[1:]] == [['3', '->', '8:']]
    assert 'noise file' not in printed
    assert list(tmp_path.iterdir()) == [config]


def test_mistakes_are_named(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match='nowhere.py'):
        make_noise(monkeypatch, 'nowhere.py')
    with pytest.raises(ValueError, match='deft_digits_sym40.py adds no noise'):
        make_noise(monkeypatch, DIGITS, '--cfg-options', f'{NOISE_KEY}=None')


@pytest.mark.parametrize(
    ('options', 'match'),
    [
        (['--out', '{dir}/n.npz', '--plot', '{dir}/n.npz'], r"--plot '.*n\.npz' is no image file"),
        (['--plot', '{dir}/n.xyz'], r"--plot '.*n\.xyz' is no image file: .*\.pdf, .*\.png"),
        (['--plot', '{dir}'], r"--plot '.*' is a folder"),
        (['--plot', '{file}/n.png'], r'--plot .* is a file, not a folder'),
        (['--out', '{file}/n.npz'], r'--out .* is a file, not a folder'),
        (['--out', '{dir}'], r'--out .* is a folder'),
        (['--out', '/proc/n/n.npz'], r"--out .*'/proc' cannot be written to"),
    ],
)
def test_files_that_cannot_be_written_cost_no_drawing(tmp_path, monkeypatch, options, match):
    if '/proc' in options[1] and not Path('/proc').is_dir():
        pytest.skip('this system has no folder that nobody writes to')
    file, folder = tmp_path / 'file', tmp_path / 'folder'
    file.touch()
    folder.mkdir()
    options = [option.format(dir=folder, file=file) for option in options]
    with pytest.raises((ValueError, PermissionError), match=match):
        make_noise(monkeypatch, 'nowhere.py', *options)  # before the config is read
    assert not list(folder.iterdir())
