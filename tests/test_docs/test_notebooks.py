"""The notebooks run as they are, cell after cell, and find the wrong labels that they made."""

import json
import os
import re
import subprocess
import sys

import pytest

from runner_utils import REPO

NOTEBOOKS = sorted((REPO / 'docs' / 'notebooks').glob('*.ipynb'))


def code_cells(path) -> list[dict]:
    cells = json.loads(path.read_text(encoding='utf-8'))['cells']
    return [cell for cell in cells if cell['cell_type'] == 'code']


def run(path, folder) -> str:
    """Run the code of a notebook in a process of its own; return what it prints."""
    script = folder / 'cells.py'
    script.write_text('\n\n'.join(''.join(cell['source']) for cell in code_cells(path)))
    done = subprocess.run(
        [sys.executable, script.name],
        cwd=folder,
        env={**os.environ, 'PYTHONPATH': str(REPO)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize('path', NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_are_not_committed(path):
    assert code_cells(path)
    for cell in code_cells(path):
        assert cell['outputs'] == [] and cell['execution_count'] is None


def test_cleaning_a_folder_puts_wrong_labels_first(tmp_path):
    out = run(REPO / 'docs/notebooks/clean_a_folder.ipynb', tmp_path)
    assert 'wrong labels  ' in out  # the tool's own summary
    assert int(re.search(r'among the first 50: (\d+)', out)[1]) >= 48
    left, wrong = map(int, re.search(r'that are kept: (\d+) of (\d+)', out).groups())
    assert wrong == 359 and left < 0.1 * wrong
    assert (tmp_path / 'work_dirs/clean/digits/ce.py').is_file()


def test_embeddings_put_wrong_labels_first(tmp_path):
    out = run(REPO / 'docs/notebooks/wrong_labels_of_embeddings.ipynb', tmp_path)
    assert int(re.search(r'among the first 50: (\d+)', out)[1]) >= 48
    assert int(re.search(r'that are rejected: (\d+)', out)[1]) > 0.9 * 359
    found = re.findall(r'^(\w+)Selector: (\d+) of (\d+) wrong', out, re.M)
    assert [name for name, *_ in found] == ['Audit', 'KNN', 'GMM']
    assert all(int(part) > 0.8 * int(whole) for _, part, whole in found)
    assert (tmp_path / 'selection.csv').is_file()
