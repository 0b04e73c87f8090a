"""The figures in the tables, held against sums done by hand."""

import csv
import io
import math
from pathlib import Path

import pytest

from deft_mm.comparison import ComparisonResults, ComparisonTable, RunResult, RunSetting
from deft_mm.comparison.tables import Statistic, hours_text

CE, DEFT = 'CE', 'DeFT'


def setting(method=CE, noise='sym', ratio=0.4, variant='', data='Digits') -> RunSetting:
    return RunSetting(method, data, noise, ratio, variant)


def run(setting: RunSetting, seed: int, status: str = 'done', hours=0.5, **metrics) -> RunResult:
    return RunResult(Path(f'{setting.method}{seed}'), setting, seed, status, metrics, hours)


def table(*runs, expected=(), **settings) -> ComparisonTable:
    return ComparisonTable(ComparisonResults(list(runs), list(expected)), **settings)


def lines(markdown: str) -> list[list[str]]:
    """The cells of the first table."""
    first = markdown.split('\n\n')[0].splitlines()
    return [[cell.strip() for cell in line.strip('|').split('|')] for line in first]


def test_mean_and_sample_deviation():
    statistic = Statistic.of([80.0, 82.0, 87.0])
    assert statistic.mean == 83.0
    assert statistic.std == pytest.approx(math.sqrt(13))  # (9 + 1 + 16) / 2
    assert statistic.text(2) == '83.00 ± 3.61'
    assert Statistic.of([80.0]).text(1) == '80.0'
    assert Statistic.of([]).text(1) == '–'


def test_rounding_comes_last():
    # Means of rounded values would be 84.5 and 84.4.
    assert Statistic.of([84.44, 84.45]).text(1) == '84.4 ± 0.0'
    assert Statistic.of([99.96, 99.96]).text(1) == '100.0 ± 0.0'


def test_table_has_a_row_a_method_and_noise():
    runs = [run(setting(), s, f1=v, best=v + 5, last=v) for s, v in enumerate((80.0, 82.0, 87.0))]
    runs.append(run(setting(DEFT, 'idn'), 0, f1=70.125, precision=60.0, best=1.0, last=1.0))
    head, _, *body = lines(table(*runs).markdown())
    assert head == (
        ['data', 'noise', 'method', 'P', 'F1', 'best acc.', 'last acc.', 'hours', 'runs']
    )
    assert body == [
        ['Digits', 'idn 0.4', 'DeFT', '60.00', '70.12', '1.00', '1.00', '0.50', '1'],
        [
            *('Digits', 'sym 0.4', 'CE', '–', '83.00 ± 3.61', '88.00 ± 3.61', '83.00 ± 3.61'),
            *('0.50', '3'),
        ],
    ]


def test_rows_are_in_the_order_of_the_plan():
    order = [setting(m, n, r) for n, r in (('sym', 0.6), ('asym', 0.4)) for m in (DEFT, CE)]
    others = [setting('A', 'sym', 0.6), setting(CE, 'sym', 0.2)]
    runs = [run(s, 0, last=1.0) for s in [*others, *reversed(order)]]
    rows = table(*runs, expected=[(s, 0) for s in order]).rows
    found = [(r.setting.noise_text, r.setting.method) for r in rows]
    assert found == [
        ('sym 0.6', DEFT),
        ('sym 0.6', CE),
        ('sym 0.6', 'A'),
        ('asym 0.4', DEFT),
        ('asym 0.4', CE),
        ('sym 0.2', CE),
    ]


def test_what_is_missing_is_said():
    expected = [(setting(), seed) for seed in range(3)] + [(setting(DEFT), 0)]
    found = table(
        run(setting(), 0, last=50.0), run(setting(), 1, 'failed', last=99.0), expected=expected
    )
    text = found.markdown()
    _, _, ce, deft = lines(text)
    assert ce[-3:] == ['50.00', '0.50', '1 of 3']
    assert deft[-3:] == ['–', '–', '0 of 1']
    assert '- CE, sym 0.4: 1 of 3 runs (seed 1 failed)' in text
    assert '- DeFT, sym 0.4: 0 of 1 runs' in text


def test_metric_that_some_runs_lack_is_marked():
    body = lines(table(run(setting(), 0, f1=1.0, last=1.0), run(setting(), 1, last=1.0)).markdown())
    assert body[2][3] == '1.00 (n = 1)'


def test_small_tables_have_a_column_a_noise():
    runs = [
        run(setting(method, 'sym', ratio), seed, f1=ratio * 100 + seed, last=seed)
        for method, ratio in ((CE, 0.2), (CE, 0.4), (DEFT, 0.4))
        for seed in (0, 2)
    ]
    expected = [(setting(DEFT, 'sym', 0.4), seed) for seed in range(3)]
    runs.append(run(setting('no selection', 'sym', 0.2), 0, last=1.0))
    found = table(*runs, expected=expected, decimals=1)
    head, body = found.pivot('f1')
    assert head == ['method', 'sym 0.4', 'sym 0.2']
    assert body == [
        ['DeFT', '41.0 ± 1.4 (2 of 3)', '–'],
        ['CE', '41.0 ± 1.4', '21.0 ± 1.4'],
    ]
    assert 'F1 in percent:' in found.markdown() and 'last acc. in percent:' in found.markdown()


def test_variant_is_shown_where_the_noise_does_not_tell_it():
    by_noise = [run(setting(variant='sym40'), 0, last=1.0)]
    assert not table(*by_noise).shows_variant
    head, _, *body = lines(table(*by_noise, run(setting(variant='lr01'), 0, last=2.0)).markdown())
    assert head[:4] == ['data', 'noise', 'variant', 'method']
    assert [line[2] for line in body] == ['lr01', 'sym40']


def test_best_is_bold_within_a_noise_and_what_looks_equal_is_treated_alike():
    runs = [
        run(setting(CE), 0, last=80.004),
        run(setting(DEFT), 0, last=80.0),
        run(setting('A'), 0, last=79.0),
        run(setting('A', 'idn'), 0, last=10.0),
    ]
    body = lines(table(*runs, bold=True).markdown())[2:]
    assert [line[3] for line in body] == ['**10.00**', '79.00', '**80.00**', '**80.00**']
    assert '**' not in table(*runs).markdown()


def test_latex_has_the_same_cells_escaped():
    name = 'small_loss & co'
    runs = [run(setting(name), seed, last=50.0 + seed) for seed in (0, 1)]
    text = table(*runs, bold=True).latex()
    assert r'\begin{tabular}{lllrrr}' in text
    assert r'small\_loss \& co & \textbf{50.50 $\pm$ 0.71}' in text
    assert text.count(r'\\') == 2


def test_names_are_no_formulas_and_negative_numbers_stay_numbers():
    runs = [run(setting('=1+1', variant='@x'), 0, f1=-0.5), run(setting('-b'), 0, f1=1.0)]
    for text in (table(*runs).csv(), table(*runs).runs_csv()):
        rows = list(csv.DictReader(io.StringIO(text)))
        assert {row['method'] for row in rows} == {"'=1+1", "'-b"}
        assert {row['variant'] for row in rows} == {"'@x", ''}
        assert '-0.5' in {row.get('f1 mean', row.get('f1')) for row in rows}


def test_csv_is_unrounded():
    runs = [run(setting(), seed, last=value) for seed, value in enumerate((1 / 3, 2 / 3))]
    (row,) = csv.DictReader(io.StringIO(table(*runs).csv()))
    assert float(row['last mean']) == 0.5
    assert float(row['last std']) == pytest.approx(math.sqrt(1 / 18), rel=1e-12)
    assert (row['last n'], row['num_runs'], row['ratio']) == ('2', '2', '0.4')
    failed = run(setting(), 2, 'failed')
    single = list(csv.DictReader(io.StringIO(table(*runs, failed).runs_csv())))
    assert [(line['seed'], line['status']) for line in single] == [
        ('0', 'done'),
        ('1', 'done'),
        ('2', 'failed'),
    ]
    assert float(single[0]['last']) == 1 / 3 and single[2]['last'] == ''


def test_test_sets_have_columns_of_their_own():
    metrics = {'web last': 1.0, 'web best': 2.0, 'val last': 3.0, 'val best': 4.0}
    head, _, line = lines(table(run(setting(), 0, **metrics)).markdown())
    names = ['val best acc.', 'val last acc.', 'web best acc.', 'web last acc.']
    assert head[3:7] == names and line[3:7] == ['4.00', '3.00', '2.00', '1.00']


def test_hours_have_two_digits_that_count():
    assert [hours_text(h) for h in (0.0, 0.00831, 0.5, 2.46, 31.2, math.nan)] == [
        *('0', '0.0083', '0.50', '2.5', '31', '–')
    ]
