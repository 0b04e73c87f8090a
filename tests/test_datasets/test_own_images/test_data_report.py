import csv

import numpy as np

from deft_mm.datasets.own_images.data_report import (
    UNREADABLE,
    DataReport,
    Problem,
    contradictions,
    problems_to_csv,
)


class CountedLabels(np.ndarray):
    """Labels that count how many of them were read."""

    reads = 0

    def __getitem__(self, key):
        CountedLabels.reads += np.size(key)
        return super().__getitem__(key)


def test_copies_in_several_classes_are_each_read_a_few_times():
    number, names = 2000, ['a', 'b', 'c']
    labels = np.random.RandomState(0).randint(0, 3, number)
    paths = [f'{i}.png' for i in range(number)]
    CountedLabels.reads = 0
    found = contradictions(paths, labels.view(CountedLabels), names, ['the same'] * number)
    assert CountedLabels.reads < 10 * number
    assert [problem.path for problem in found] == paths
    for idx in (0, 1, 2, 3, number - 1):
        others = np.flatnonzero(labels != labels[idx])
        name = names[labels[others[0]]]
        detail = f'same bytes as {others[0]}.png of class {name} and {len(others) - 1} more'
        assert found[idx].detail == detail


def test_any_name_can_be_logged_and_opened_in_a_spreadsheet():
    problem = Problem(UNREADABLE, '/a/\udcff.png', '=1+1', 'line\nbreak')
    (line,) = DataReport('x', ['a', 'b'], [1, 1], [1, 1], [problem]).to_lines()[-1:]
    assert line == '  - unreadable image: /a/\\udcff.png (line\\nbreak)'
    _, row = csv.reader(problems_to_csv([problem]).decode('utf-8').splitlines(keepends=True))
    assert row == ['bytes:/a/%FF.png', "'=1+1", 'unreadable image', 'line\nbreak', '0']
