"""Figures of a comparison, as PNG files."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from deft_mm.comparison.tables import ComparisonTable, Row
from deft_mm.evaluation import DetectionCurve

# Eight that colour-blind people tell apart (M. Okabe, K. Ito, 2008). Line and marker differ as
# well, for more methods than colours and for print without any.
_COLOURS = ('#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000', '#8a7a00')
_MARKERS = ('o', 's', '^', 'D', 'v', 'P', 'X', '*', '<')
_LINES = ('-', '--', '-.', ':')
_CLEAN, _WRONG = '#0072b2', '#e69f00'
_DPI = 150
_BINS = 20
_RECALL_GRID = np.linspace(0, 100, 501)


def draw_figures(table: ComparisonTable) -> dict[str, bytes]:
    """Draw what the runs have the figures for.

    Args:
        table (ComparisonTable): The rows.

    Returns:
        dict[str, bytes]: PNG files by name: F1 and accuracies over the noise rate, and for every
        data set and noise precision-recall curves and histograms of the clean probability.
    """
    files = {}
    for metric in ('f1', *table.last):
        rows = [r for r in table.rows if r.setting.ratio is not None and r.statistic(metric).n]
        if rows:
            title = 'F1 of the kept samples' if metric == 'f1' else f'test accuracy, {metric} epoch'
            name = metric.replace('last', 'accuracy')
            files[f'{_slug(name)}_over_noise.png'] = _over_noise(rows, metric, title)
    methods = _distinct(row.setting.method for row in table.rows)
    styles = {method: _style(i) for i, method in enumerate(methods)}
    for label in _distinct(table.label(row.setting) for row in table.rows):
        rows = [row for row in table.rows if table.label(row.setting) == label]
        curves = [(row, [run.curve for run in row.runs if run.curve]) for row in rows]
        curves = [(row, found) for row, found in curves if found]
        if curves:
            files[f'precision_recall_{_slug(label)}.png'] = _precision_recall(curves, label, styles)
            files[f'clean_prob_{_slug(label)}.png'] = _histograms(curves, label)
    return files


def _distinct(values: Iterable) -> list:
    return list(dict.fromkeys(values))


def _style(i: int) -> dict[str, Any]:
    return dict(
        color=_COLOURS[i % len(_COLOURS)],
        marker=_MARKERS[i % len(_MARKERS)],
        linestyle=_LINES[i % len(_LINES)],
    )


def _over_noise(rows: Sequence[Row], metric: str, title: str) -> bytes:
    """One panel for each kind of noise, one row of panels for each data set."""
    data = _distinct(row.setting.data for row in rows)
    noises = _distinct(row.setting.noise for row in rows)
    ratios = {n: sorted({r.setting.ratio for r in rows if r.setting.noise == n}) for n in noises}
    lines = _distinct(_line_of(row, rows) for row in rows)
    widths = [max(1.2, len(ratios[noise])) for noise in noises]
    figure = _figure(2.4 + 1.5 * sum(widths), 0.8 + 3.2 * len(data))
    panels = figure.subplots(
        len(data), len(noises), sharey='row', squeeze=False, width_ratios=widths
    )
    for (i, name), (j, noise) in product(enumerate(data), enumerate(noises)):
        axes = panels[i, j]
        inside = [row for row in rows if (row.setting.data, row.setting.noise) == (name, noise)]
        for k, line in enumerate(lines):
            points = [row for row in inside if _line_of(row, rows) == line]
            # Side by side, so that error bars don't hide one another.
            shift = 0.5 * (k - (len(lines) - 1) / 2)
            _draw_line(axes, points, metric, shift, label=line, **_style(k))
        axes.set_title(f'{name}, {noise}' if len(data) > 1 else noise, fontsize=10)
        axes.set_xticks([100 * ratio for ratio in ratios[noise]])
        axes.margins(x=0.15)
        if i == len(data) - 1:
            axes.set_xlabel('nominal noise (%)')
        if j == 0:
            axes.set_ylabel(f'{title} (%)')
    return _png(figure)


def _line_of(row: Row, rows: Sequence[Row]) -> str:
    """The name of the line that a row is a point of: the variant's, too, where it has several."""
    key = replace(row.setting, variant='')
    if sum(replace(other.setting, variant='') == key for other in rows) == 1:
        return row.setting.method
    return f'{row.setting.method} ({row.setting.variant or "plain"})'


def _draw_line(axes: Axes, rows: Sequence[Row], metric: str, shift: float, **style: Any) -> None:
    if not rows:
        return
    rows = sorted(rows, key=lambda row: row.setting.ratio)
    statistics = [row.statistic(metric) for row in rows]
    axes.errorbar(
        [100 * row.setting.ratio + shift for row in rows],
        [s.mean for s in statistics],
        yerr=[0.0 if s.n < 2 else s.std for s in statistics],
        capsize=2,
        markersize=5,
        linewidth=1.3,
        **style,
    )


def _precision_recall(curves: Sequence[tuple], label: str, styles: Mapping) -> bytes:
    """Mean curves over the seeds, and where the selections are on the plane."""
    figure = _figure(6.4, 4.6)
    axes = figure.subplots()
    for row, found in curves:
        method = row.setting.method
        style = dict(styles[method])
        marker = style.pop('marker')
        mean = np.mean([_precision_at(curve, _RECALL_GRID) for curve in found], axis=0)
        axes.plot(_RECALL_GRID, mean, label=method, linewidth=1.4, **style)
        recall, precision = row.statistic('recall'), row.statistic('precision')
        if recall.n:
            axes.plot(recall.mean, precision.mean, marker=marker, color=style['color'], zorder=3)
    base = np.mean([c.num_clean / c.num_samples for _, found in curves for c in found])
    axes.axhline(100 * base, color='#707070', linewidth=0.8, linestyle=(0, (1, 3)))
    axes.text(1, 100 * base, 'all samples kept', fontsize=7, va='bottom', color='#707070')
    axes.set(xlabel='recall of right labels (%)', ylabel='precision (%)', xlim=(0, 101))
    axes.set_title(f'{label}: precision and recall at every threshold; marks: the selection')
    axes.title.set_fontsize(9)
    return _png(figure)


def _precision_at(curve: DetectionCurve, recall: np.ndarray) -> np.ndarray:
    """Precision at the highest threshold that reaches each recall: no point between is claimed."""
    precisions, recalls = curve.precision_recall()
    index = np.searchsorted(recalls, recall - 1e-9, side='left')
    return precisions[np.minimum(index, len(precisions) - 1)]


def _histograms(curves: Sequence[tuple], label: str) -> bytes:
    """One panel a method; the bars are means over the seeds."""
    columns = min(3, len(curves))
    lines = -(-len(curves) // columns)
    figure = _figure(1 + 2.9 * columns, 1 + 2.2 * lines)
    panels = figure.subplots(lines, columns, sharex=True, squeeze=False).ravel()
    for axes in panels[len(curves) :]:
        axes.remove()
    for i, (axes, (row, found)) in enumerate(zip(panels, curves, strict=False)):
        counts = [curve.histogram(_BINS) for curve in found]
        for column, name, colour, hatch in (
            (1, 'right label', _CLEAN, None),
            (2, 'wrong label', _WRONG, '////'),
        ):
            share = [100 * c[column] / (c[1].sum() + c[2].sum()) for c in counts]
            axes.stairs(
                np.mean(share, axis=0),
                label=name,
                facecolor=to_rgba(colour, 0.45),
                edgecolor=colour,
                hatch=hatch,
                edges=counts[0][0],
                fill=True,
            )
        axes.set_title(row.setting.method, fontsize=9)
        axes.set_xlim(0, 1)
        if i >= len(curves) - columns:
            axes.set_xlabel('score of the given label')
            axes.tick_params(labelbottom=True)
        if i % columns == 0:
            axes.set_ylabel('samples (%)')
    figure.suptitle(f'{label}: clean probability by truth', fontsize=10)
    return _png(figure)


def _figure(width: float, height: float) -> Figure:
    return Figure(figsize=(width, height), dpi=_DPI, facecolor='white', layout='constrained')


def _png(figure: Figure) -> bytes:
    """Tidy the panels, and write the figure with one legend for all of them."""
    entries: dict[str, Any] = {}
    for axes in figure.axes:
        axes.grid(color='#e4e4e4', linewidth=0.6)
        axes.set_axisbelow(True)
        axes.spines[['top', 'right']].set_visible(False)
        axes.yaxis.set_major_locator(MaxNLocator(6))
        axes.tick_params(labelsize=8)
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, handle)
    figure.legend(
        entries.values(),
        entries.keys(),
        loc='outside lower center',
        ncols=min(5, len(entries)),
        fontsize=8,
        frameon=False,
    )
    file = io.BytesIO()
    figure.savefig(file, format='png')
    return file.getvalue()


def _slug(label: str) -> str:
    return ''.join(c if c.isalnum() or c in '.-' else '_' for c in label.lower()).strip('_')
