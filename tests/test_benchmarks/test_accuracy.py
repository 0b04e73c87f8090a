"""The script that holds an audit against labels whose truth is known."""

from __future__ import annotations

import runpy
from pathlib import Path

import numpy as np
import pytest

from tests.test_selection.selection_utils import clusters

SCRIPT = Path(__file__).resolve().parents[2] / 'benchmarks' / 'accuracy' / 'audit.py'


def row_of(capsys, *arguments) -> dict[str, str]:
    runpy.run_path(str(SCRIPT))['main'](list(map(str, arguments)))
    head, _, row = capsys.readouterr().out.strip().splitlines()[-3:]
    cells = [[cell.strip() for cell in line.strip('|').split('|')] for line in (head, row)]
    return dict(zip(*cells, strict=True))


def test_arrays_of_ones_own(tmp_path, capsys):
    pytest.importorskip('cleanlab')
    feature, labels, probs = clusters(1000, 4, wrong=0.3)
    clean = np.arange(1000) % 4
    path = tmp_path / 'mine.npz'
    np.savez(path, feature=feature, labels=labels, probs=probs, clean=clean)
    row = row_of(capsys, '--arrays', path)
    wrong = 100 * (labels != clean).mean()
    assert row['labels'] == 'mine' and row['wrong'] == f'{wrong:.1f}'
    assert row['all kept'] == f'{200 * (100 - wrong) / (200 - wrong):.1f}'
    assert float(row['low']) <= wrong <= float(row['high']) and row['within'] == '1 of 1'
    assert float(row['F1 picked']) + float(row['largest gap']) == pytest.approx(
        float(row['best']), abs=0.11
    )


def test_the_digits_by_the_built_in_clip(capsys):
    pytest.importorskip('cleanlab')
    row = row_of(capsys, '--noises', 'asym40', '--seeds', 1, 2)
    assert row['labels'] == 'asym40' and row['warned'] == '2 of 2'
    assert float(row['F1 picked']) > float(row['all kept'])


def test_decisions_in_the_order_of_the_detector_fix_more_than_in_any(capsys, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPT.parent))
    feature, labels, probs = clusters(1000, 4, wrong=0.3)
    clean = np.arange(1000) % 4
    test_feature, test_labels, _ = clusters(200, 4, seed=1)
    path = tmp_path / 'mine.npz'
    arrays = dict(test_feature=test_feature, test_labels=test_labels)
    np.savez(path, feature=feature, labels=labels, probs=probs, clean=clean, **arrays)
    main = runpy.run_path(str(SCRIPT.with_name('rounds.py')))['main']
    main(['--arrays', str(path), '--decisions', '50', '--rounds', '2'])
    head, _, *rows = capsys.readouterr().out.strip().splitlines()[-4:]
    names = [name.strip() for name in head.strip('|').split('|')]
    detector, any_order = (
        dict(zip(names, [cell.strip() for cell in row.strip('|').split('|')], strict=True))
        for row in rows
    )
    assert (detector['order'], any_order['order']) == ('detector', 'random')
    assert float(detector['fixed per 100, round 1']) > 90
    assert 15 < float(any_order['fixed per 100, round 1']) < 45
    wrong, left = 100 * (labels != clean).mean(), float(detector['left'])
    fixed = sum(float(detector[f'fixed per 100, round {i}']) for i in (1, 2)) / 2
    assert left == pytest.approx(wrong - fixed / 10, abs=0.06)
    assert float(detector['accuracy 2']) > 90
