"""Tables of a comparison: means and standard deviations over seeds, in Markdown, CSV and LaTeX."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from statistics import mean, stdev

from deft_mm.comparison.results import ComparisonResults, RunResult
from deft_mm.comparison.run_setting import RunSetting
from deft_mm.evaluation import DETECTION_METRICS

_TITLES = dict(precision='P', recall='R', f1='F1', auroc='AUROC')
_MISSING = '–'
_SETTING = [field.name for field in fields(RunSetting)]


@dataclass(frozen=True)
class Statistic:
    """Mean and sample standard deviation.

    Args:
        mean (float): NaN where there is no value.
        std (float): NaN for fewer than two values.
        n (int): Number of values.
    """

    mean: float
    std: float
    n: int

    @classmethod
    def of(cls, values: Sequence[float]) -> Statistic:
        """Take them of some values.

        Args:
            values (Sequence[float]): Any number.

        Returns:
            Statistic: Their statistic.
        """
        return cls(
            mean=mean(values) if values else math.nan,
            std=stdev(values) if len(values) > 1 else math.nan,
            n=len(values),
        )

    def text(self, decimals: int) -> str:
        """Write it.

        Args:
            decimals (int): Digits after the point.

        Returns:
            str: For example '84.3 ± 0.5'.
        """
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
        """Statistic of a metric over the runs that have it.

        Args:
            metric (str): Its name, or 'hours'.

        Returns:
            Statistic: In the metric's own unit.
        """
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
        self.rows = _rows(results)
        found = {name for row in self.rows for run in row.runs for name in run.metrics}
        sets = sorted(name.removesuffix(' last') for name in found if name.endswith(' last'))
        names = [f'{name} ' for name in sets] + ([''] if 'last' in found else [])
        self.last = [f'{name}last' for name in names]
        self.metrics = [name for name in DETECTION_METRICS if name in found]
        accuracies = [f'{name}{which}' for name in names for which in ('best', 'last')]
        self.metrics += [name for name in accuracies if name in found]
        self.shows_variant = _shows_variant(self.rows)

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
        head, body = self._cells('**{}**')
        blocks = [_markdown_table(head, body)]
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
        head, body = self._cells('\\textbf{{{}}}')
        lines = [' & '.join(map(_latex, line)) + r' \\' for line in (head, *body)]
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
        head += [f'{metric} {what}' for metric in metrics for what in ('mean', 'std', 'n')]
        lines = []
        for row in self.rows:
            line = [*astuple(row.setting), len(row.runs), row.num_expected]
            for metric in metrics:
                line += [None if math.isnan(v) else v for v in astuple(row.statistic(metric))]
            lines.append(line)
        return _csv(head, lines)

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
        return _csv(head, lines)

    def pivot(self, metric: str) -> tuple[list[str], list[list[str]]]:
        """Arrange a metric with a row for each method that has it and a column for each noise.

        Args:
            metric (str): Its name.

        Returns:
            tuple[list[str], list[list[str]]]: The head, and the rows.
        """
        labels = list(dict.fromkeys(self.label(row.setting) for row in self.rows))
        cells = {
            (row.setting.method, self.label(row.setting)): self._cell(row, metric)
            for row in self.rows
        }
        having = {row.setting.method for row in self.rows if row.statistic(metric).n}
        body = [
            [method, *(cells.get((method, label), _MISSING) for label in labels)]
            for method in _order(having, self.results)
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

    def _cell(self, row: Row, metric: str) -> str:
        """A statistic, and how many runs it is of where that is not all that there are to be."""
        statistic = row.statistic(metric)
        text = statistic.text(self.decimals)
        few = 0 < statistic.n < row.num_expected
        return f'{text} ({statistic.n} of {row.num_expected})' if few else text

    def _cells(self, strong: str) -> tuple[list[str], list[list[str]]]:
        """The head and the rows of the main table, the best means set off by a format."""
        names = ['data', 'noise', *(['variant'] if self.shows_variant else []), 'method']
        head = [*names, *map(_title, self.metrics), 'hours', 'runs']
        best = self._best()
        body = []
        for row in self.rows:
            values = dict(vars(row.setting), noise=row.setting.noise_text)
            line = [values[name] or _MISSING for name in names]
            for metric in self.metrics:
                statistic = row.statistic(metric)
                text = statistic.text(self.decimals)
                if 0 < statistic.n < len(row.runs):  # some runs don't have it
                    text += f' (n = {statistic.n})'
                is_best = round(statistic.mean, self.decimals) == best.get(_block(row, metric))
                line.append(strong.format(text) if self.bold and is_best else text)
            body.append([*line, hours_text(row.statistic('hours').mean), row.count])
        return head, body

    def _best(self) -> dict[tuple[str, str, str], float]:
        """The highest mean as it is shown, so that what looks equal is treated alike."""
        best: dict[tuple[str, str, str], float] = {}
        for row in self.rows:
            for metric in self.metrics:
                mean = round(row.statistic(metric).mean, self.decimals)
                key = _block(row, metric)
                if not math.isnan(mean):
                    best[key] = max(best.get(key, mean), mean)
        return best


def hours_text(hours: float) -> str:
    """Write hours with two digits that count, or more.

    Args:
        hours (float): NaN where they are not known.

    Returns:
        str: For example '0.0083', '2.5' or '31'.
    """
    if math.isnan(hours):
        return _MISSING
    if hours <= 0:
        return '0'
    return f'{hours:.{max(0, 1 - math.floor(math.log10(hours)))}f}'


def _rows(results: ComparisonResults) -> list[Row]:
    """Collect the runs of each setting; sorted by data, noise, variant and method.

    In the plan's order where there is one; what it does not name comes after.
    """
    settings = [setting for setting, _ in results.expected] + [run.setting for run in results.runs]
    rows = []
    for setting in dict.fromkeys(settings):
        runs = [run for run in results.runs if run.setting == setting]
        seeds = {seed for s, seed in results.expected if s == setting}
        seeds |= {run.seed for run in runs}
        done = sorted((run for run in runs if run.status == 'done'), key=_seed)
        rows.append(Row(setting, done, len(seeds)))
    methods = _order([s.method for s in settings], results)
    planned = list(dict.fromkeys(_noise_of(s) for s, _ in results.expected))

    def key(row: Row) -> tuple:
        kind, ratio, variant = noise = _noise_of(row.setting)
        place = planned.index(noise) if noise in planned else len(planned)
        by_name = (kind, -1.0 if ratio is None else ratio, variant)
        return row.setting.data, place, by_name, methods.index(row.setting.method)

    return sorted(rows, key=key)


def _block(row: Row, metric: str) -> tuple[str, str, str]:
    """What a mean is compared within."""
    return row.setting.data, row.setting.noise_text, metric


def _noise_of(setting: RunSetting) -> tuple[str, float | None, str]:
    return setting.noise, setting.ratio, setting.variant


def _order(methods: Iterable[str], results: ComparisonResults) -> list[str]:
    """Methods in the plan's order, the others after them by name."""
    planned = list(dict.fromkeys(setting.method for setting, _ in results.expected))
    return planned + sorted(set(methods) - set(planned))


def _shows_variant(rows: Sequence[Row]) -> bool:
    """Whether the noise does not tell the variant."""
    variants: dict[tuple[str, str], set[str]] = {}
    for row in rows:
        key = (row.setting.data, row.setting.noise_text)
        variants.setdefault(key, set()).add(row.setting.variant)
    return any(len(found) > 1 for found in variants.values())


def _seed(run: RunResult) -> int:
    return -1 if run.seed is None else run.seed


def _title(metric: str) -> str:
    return _TITLES.get(metric, f'{metric} acc.')


def _markdown_table(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    lines = [head, ['---'] * len(head), *body]
    escaped = ([cell.replace('|', r'\|') for cell in line] for line in lines)
    return '\n'.join(f'| {" | ".join(line)} |' for line in escaped)


def _latex(text: str) -> str:
    if text.startswith('\\textbf{'):
        return '\\textbf{' + _latex(text[len('\\textbf{') : -1]) + '}'
    for character in '&%#_$':
        text = text.replace(character, f'\\{character}')
    return text.replace('±', r'$\pm$').replace(_MISSING, '--')


def _csv(head: Sequence, lines: Sequence[Sequence]) -> str:
    file = io.StringIO()
    csv.writer(file, lineterminator='\n').writerows([head, *lines])
    return file.getvalue()
