"""The figures show the runs' figures, and say what they show."""

import io
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from deft_mm.comparison import ComparisonTable, read_results, write_report
from deft_mm.comparison.run_setting import RunSetting
from tests.test_comparison.comparison_utils import write_curve, write_run

# Methods at some noises, with two seeds each; F1 is 100 ratio + seed.
NOISES = [('sym', 0.2), ('sym', 0.4), ('asym', 0.4)]


@pytest.fixture
def table(tmp_path: Path) -> ComparisonTable:
    for method in ('CE', 'DeFT'):
        for noise, ratio in NOISES:
            for seed in (0, 1):
                selection = None
                folder = tmp_path / f'{method}-{noise}{ratio}' / f'seed{seed}'
                if method == 'DeFT':
                    selection = dict(precision=90.0, recall=60.0, f1=100 * ratio + seed)
                setting = RunSetting(method, 'Digits', noise, ratio)
                write_run(folder, setting, seed, last=80.0 + seed, selection=selection)
                if method == 'DeFT' and noise == 'sym':
                    write_curve(folder, seed)
    return ComparisonTable(read_results([tmp_path]))


@pytest.fixture
def figures(table, tmp_path, monkeypatch) -> dict[str, Figure]:
    """The figures before they become files, by the names of the files."""
    drawn = []

    def keep(figure: Figure, file, **kwargs) -> None:
        drawn.append(figure)
        figure.canvas.draw()
        file.write(str(len(drawn) - 1).encode())

    monkeypatch.setattr(Figure, 'savefig', keep)
    paths = write_report(table, tmp_path / 'report')
    return {p.name: drawn[int(p.read_text())] for p in paths if p.suffix == '.png'}


def test_report_has_every_file(table, tmp_path):
    names = [path.name for path in write_report(table, tmp_path / 'report')]
    assert names == [
        *('table.md', 'table.csv', 'table.tex', 'runs.csv'),
        *('f1_over_noise.png', 'accuracy_over_noise.png'),
        *('precision_recall_sym_0.2.png', 'clean_prob_sym_0.2.png'),
        *('precision_recall_sym_0.4.png', 'clean_prob_sym_0.4.png'),
    ]
    for path in (tmp_path / 'report').glob('*.png'):
        with Image.open(io.BytesIO(path.read_bytes())) as image:
            assert image.format == 'PNG' and len(image.convert('L').getcolors()) > 10


def test_means_stand_over_their_noise_rate(figures):
    panels = {axes.get_title(): axes for axes in figures['f1_over_noise.png'].axes}
    assert set(panels) == {'sym', 'asym'}
    (container,) = panels['sym'].containers
    assert container.get_label() == 'DeFT'  # CE selects nothing
    np.testing.assert_allclose(container.lines[0].get_xydata(), [[20, 20.5], [40, 40.5]])
    accuracy = figures['accuracy_over_noise.png'].axes[0]
    assert [c.get_label() for c in accuracy.containers] == ['CE', 'DeFT']
    assert accuracy.get_xlabel() == 'nominal noise (%)'
    assert accuracy.get_ylabel() == 'test accuracy, last epoch (%)'


def test_methods_differ_in_colour_line_and_marker(figures):
    one, two = (c.lines[0] for c in figures['accuracy_over_noise.png'].axes[0].containers)
    for get in ('get_color', 'get_linestyle', 'get_marker'):
        assert getattr(one, get)() != getattr(two, get)()


def test_precision_is_never_more_than_some_threshold_reaches(figures, table):
    axes = figures['precision_recall_sym_0.2.png'].axes[0]
    curve_line, selection, _ = axes.lines
    assert selection.get_xydata().tolist() == [[60.0, 90.0]]
    assert axes.get_xlabel().endswith('(%)') and axes.get_ylabel().endswith('(%)')
    (row,) = (r for r in table.rows if r.setting == RunSetting('DeFT', 'Digits', 'sym', 0.2))
    grid, drawn = curve_line.get_xydata().T
    expected = []
    for run in row.runs:
        precision, recall = run.curve.precision_recall()
        expected.append([precision[np.argmax(recall >= r - 1e-9)] for r in grid])
    np.testing.assert_allclose(drawn, np.mean(expected, axis=0))


def test_histograms_show_all_samples_by_truth(figures):
    (axes,) = figures['clean_prob_sym_0.4.png'].axes
    clean, wrong = axes.patches
    assert (clean.get_label(), wrong.get_label()) == ('right label', 'wrong label')
    assert clean.get_data().values.sum() == pytest.approx(75)
    assert wrong.get_data().values.sum() == pytest.approx(25)
    assert axes.get_xlabel() and axes.get_ylabel() == 'samples (%)'
