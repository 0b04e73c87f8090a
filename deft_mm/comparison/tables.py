"""Tables of a comparison: means and standard deviations over seeds, in Markdown, CSV and LaTeX."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, fields
from statistics import mean, stdev
from typing import NamedTuple

from deft_mm.comparison.results import ComparisonResults, RunResult
from deft_mm.comparison.run_setting import RunSetting
from deft_mm.csv_cells import to_csv
from deft_mm.evaluation import DETECTION_METRICS

_TITLES = dict(precision='P', recall='R', f1='F1', auroc='AUROC')
_MISSING = '–'
_SETTING = [field.name for field in fields(RunSetting)]


class Statistic(NamedTuple):
    """Mean, NaN of no value, sample standard deviation, NaN of fewer than two, and their number."""

    mean: float
    std: float
    n: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Statistic:
        """Take them of any number of values."""
        return cls(
            mean=mean(values) if values else math.nan,
            std=stdev(values) if len(values) > 1 else math.nan,
            n=len(values),
        )

    def text(self, decimals: int) -> str:
        """Write it with so many digits after the point, for example '84.3 ± 0.5'."""
        if self.n == 0:
            return _MISSING
        spread = f' ± {self.std:.{decimals}f}' if self.n > 1 else ''
        return f'{self.mean:.{decimals}f}{spread}'


@dataclass
class Row:
    """The runs of one setting.

    Args:
        setting (RunSetting): The setting.
        runs (list[RunResult]): Those that are done.
        num_expected (int): How many there are to be.
    """

    setting: RunSetting
    runs: list[RunResult]
    num_expected: int

    def statistic(self, metric: str) -> Statistic:
        """Statistic of a metric, or of 'hours', over the runs that have it."""
        if metric == 'hours':
            return Statistic.of([run.hours for run in self.runs if run.hours is not None])
        return Statistic.of([run.metrics[metric] for run in self.runs if metric in run.metrics])

    @property
    def count(self) -> str:
        """str: How many runs there are, '3', or '2 of 3'."""
        done = len(self.runs)
        return str(done) if done == self.num_expected else f'{done} of {self.num_expected}'


class ComparisonTable:
    """The rows of a comparison, and what is written of them.

    Rows and methods are in the plan's order where there is one, what it does not name comes after.

    Args:
        results (ComparisonResults): The runs.
        decimals (int): Digits after the point. Defaults to 2.
        bold (bool): Set off the best mean of each column among the rows of the same data and noise.
            Defaults to False.
    """

    def __init__(self, results: ComparisonResults, decimals: int = 2, bold: bool = False) -> None:
        self.results = results
        self.decimals = decimals
        self.bold = bold
        settings = [setting for setting, _ in results.expected]
        planned = list(dict.fromkeys(setting.method for setting in settings))
        found = {run.setting.method for run in results.runs}
        self.methods = planned + sorted(found - set(planned))
        settings += [run.setting for run in results.runs]
        self.rows = sorted(map(self._row, dict.fromkeys(settings)), key=self._place)
        metrics = {name for row in self.rows for run in row.runs for name in run.metrics}
        sets = sorted(name.removesuffix('last') for name in metrics if name.endswith(' last'))
        sets += [''] if 'last' in metrics else []
        self.last = [f'{name}last' for name in sets]
        accuracies = [f'{name}{which}' for name in sets for which in ('best', 'last')]
        self.metrics = [name for name in (*DETECTION_METRICS, *accuracies) if name in metrics]
        noises = {(r.setting.data, r.setting.noise_text) for r in self.rows}
        variants = {(r.setting.data, r.setting.noise_text, r.setting.variant) for r in self.rows}
        # Whether the noise does not tell the variant.
        self.shows_variant = len(variants) > len(noises)

    def label(self, setting: RunSetting) -> str:
        """What a column of a pivot table, or a figure, is called.

        Args:
            setting (RunSetting): A setting.

        Returns:
            str: Noise, the variant where the noise does not tell it, the data if there are several.
        """
        several = len({row.setting.data for row in self.rows}) > 1
        parts = [setting.data] if several else []
        parts.append(setting.noise_text)
        if self.shows_variant and setting.variant:
            parts.append(f'({setting.variant})')
        return ' '.join(parts)

    def markdown(self) -> str:
        """Write the table, a small one each for F1 and the last accuracies, and the notes."""
        blocks = [_markdown_table(*self._cells('**{}**'))]
        for metric in ('f1', *self.last):
            if metric in self.metrics and len({self.label(row.setting) for row in self.rows}) > 1:
                pivot = _markdown_table(*self.pivot(metric))
                blocks.append(f'{_title(metric)} in percent:\n\n{pivot}')
        blocks.append(
            'Mean ± standard deviation (of the sample) over the seeds, in percent. P, R, F1: '
            'precision, recall and F1 of the kept samples; last, best: test accuracy of the last '
            "and the best epoch; hours: a run's."
        )
        notes = [f'- {note}' for note in self.notes()]
        return '\n\n'.join(blocks + (['\n'.join(notes)] if notes else [])) + '\n'

    def latex(self) -> str:
        """Write the table as a LaTeX ``tabular``."""
        head, body = self._cells('\\textbf{{{}}}', escape=_latex)
        lines = [' & '.join(line) + r' \\' for line in (head, *body)]
        left = len(head) - len(self.metrics) - 2
        columns = 'l' * left + 'r' * (len(head) - left)
        return '\n'.join(
            [rf'\begin{{tabular}}{{{columns}}}', r'\hline', lines[0], r'\hline', *lines[1:]]
            + [r'\hline', r'\end{tabular}', '']
        )

    def csv(self) -> str:
        """Write the table with unrounded numbers, mean, standard deviation and n by themselves."""
        metrics = [*self.metrics, 'hours']
        head = [*_SETTING, 'num_runs', 'num_expected']
        head += [f'{metric} {what}' for metric in metrics for what in Statistic._fields]
        lines = []
        for row in self.rows:
            values = [value for metric in metrics for value in row.statistic(metric)]
            values = [None if math.isnan(value) else value for value in values]
            lines.append([*astuple(row.setting), len(row.runs), row.num_expected, *values])
        return to_csv([head, *lines])

    def runs_csv(self) -> str:
        """Write one line a run, whatever its status."""
        head = [*_SETTING, 'seed', 'status', *self.metrics, 'hours', 'folder']
        order = {row.setting: i for i, row in enumerate(self.rows)}
        runs = sorted(self.results.runs, key=lambda r: (order[r.setting], _seed(r), str(r.folder)))
        lines = []
        for run in runs:
            values = [run.metrics.get(name) for name in self.metrics]
            line = [*astuple(run.setting), run.seed, run.status, *values, run.hours, run.folder]
            lines.append(line)
        return to_csv([head, *lines])

    def pivot(self, metric: str) -> tuple[list[str], list[list[str]]]:
        """Arrange a metric with a row for each method that has it and a column for each noise.

        Args:
            metric (str): Its name.

        Returns:
            tuple[list[str], list[list[str]]]: The head, and the rows.
        """
        labels = list(dict.fromkeys(self.label(row.setting) for row in self.rows))
        cells, having = {}, set()
        for row in self.rows:
            statistic, method = row.statistic(metric), row.setting.method
            text = statistic.text(self.decimals)
            if 0 < statistic.n < row.num_expected:
                text += f' ({statistic.n} of {row.num_expected})'
            cells[method, self.label(row.setting)] = text
            having |= {method} if statistic.n else set()
        body = [
            [method, *(cells.get((method, label), _MISSING) for label in labels)]
            for method in self.methods
            if method in having
        ]
        return ['method', *labels], body

    def notes(self) -> list[str]:
        """What is missing, and what else a reader has to know."""
        notes = []
        for row in self.rows:
            if len(row.runs) < row.num_expected:
                states = [
                    f'seed {run.seed} {run.status}'
                    for run in self.results.runs
                    if run.setting == row.setting and run.status != 'done'
                ]
                more = f' ({", ".join(states)})' if states else ''
                name = f'{row.setting.method}, {self.label(row.setting)}'
                notes.append(f'{name}: {row.count} runs{more}')
        return notes + self.results.notes

    def _row(self, setting: RunSetting) -> Row:
        runs = [run for run in self.results.runs if run.setting == setting]
        seeds = {seed for expected, seed in self.results.expected if expected == setting}
        done = sorted((run for run in runs if run.status == 'done'), key=_seed)
        return Row(setting, done, len(seeds | {run.seed for run in runs}))

    def _place(self, row: Row) -> tuple:
        """What rows are sorted by: data, noise and variant, method."""
        planned = list(dict.fromkeys(_noise_of(s) for s, _ in self.results.expected))
        noise = _noise_of(row.setting)
        place = planned.index(noise) if noise in planned else len(planned)
        return row.setting.data, place, noise, self.methods.index(row.setting.method)

    def _cells(
        self, strong: str, escape: Callable[[str], str] = str
    ) -> tuple[list[str], list[list[str]]]:
        """The head and the rows of the main table, the best means set off by a format."""
        names = ['data', 'noise', *(['variant'] if self.shows_variant else []), 'method']
        head = [*names, *map(_title, self.metrics), 'hours', 'runs']
        body = []
        for row in self.rows:
            values = dict(vars(row.setting), noise=row.setting.noise_text)
            line = [escape(values[name] or _MISSING) for name in names]
            for metric in self.metrics:
                statistic = row.statistic(metric)
                text = statistic.text(self.decimals)
                if 0 < statistic.n < len(row.runs):  # some runs don't have it
                    text += f' (n = {statistic.n})'
                is_best = self.bold and self._is_best(row, metric)
                line.append(strong.format(escape(text)) if is_best else escape(text))
            body.append([*line, escape(hours_text(row.statistic('hours').mean)), row.count])
        return [escape(title) for title in head], body

    def _is_best(self, row: Row, metric: str) -> bool:
        """Judged by what is shown, so that what looks equal is treated alike."""
        means = [
            round(other.statistic(metric).mean, self.decimals)
            for other in self.rows
            if (other.setting.data, other.setting.noise_text)
            == (row.setting.data, row.setting.noise_text)
        ]
        shown = [value for value in means if not math.isnan(value)]
        return bool(shown) and round(row.statistic(metric).mean, self.decimals) == max(shown)


def hours_text(hours: float) -> str:
    """Write hours with two digits that count, or more: '0.0083', '2.5' or '31'; NaN is unknown."""
    if math.isnan(hours):
        return _MISSING
    if hours <= 0:
        return '0'
    return f'{hours:.{max(0, 1 - math.floor(math.log10(hours)))}f}'


def _noise_of(setting: RunSetting) -> tuple[str, float, str]:
    return setting.noise, -1.0 if setting.ratio is None else setting.ratio, setting.variant


def _seed(run: RunResult) -> int:
    return -1 if run.seed is None else run.seed


def _title(metric: str) -> str:
    return _TITLES.get(metric, f'{metric} acc.')


def _markdown_table(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    lines = [head, ['---'] * len(head), *body]
    escaped = ([cell.replace('|', r'\|') for cell in line] for line in lines)
    return '\n'.join(f'| {" | ".join(line)} |' for line in escaped)


def _latex(text: str) -> str:
    for character in '&%#_$':
        text = text.replace(character, f'\\{character}')
    return text.replace('±', r'$\pm$').replace(_MISSING, '--')
