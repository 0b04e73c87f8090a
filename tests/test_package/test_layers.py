"""Folders of the package import downwards only, as docs/architecture.md has it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / 'deft_mm'
# The modules at the top, which all may import and which import one another only.
TOP = {path.stem for path in PACKAGE.glob('*.py')} - {'__init__'}
SELECTION = {'selection'}
DATASETS = SELECTION | {'datasets'}
ENGINE = DATASETS | {'models', 'evaluation', 'engine'}
MAY_IMPORT = {
    'selection': SELECTION,
    'datasets': DATASETS,
    'models': {'models'},
    'evaluation': SELECTION | {'evaluation'},
    'engine': ENGINE,
    'detection': ENGINE | {'detection'},
    'deployment': ENGINE | {'detection', 'deployment'},
    'visualization': ENGINE | {'visualization'},
    'review': ENGINE | {'visualization', 'review'},
    'comparison': ENGINE | {'comparison'},
    'top': set(),
}


def imported_by(path: Path) -> set[str]:
    """Folders and top modules of the package that a module imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, ast.ImportFrom):
            # A relative import is below the folder of the module, or further up.
            above = path.relative_to(PACKAGE.parent).parts[: -node.level] if node.level else ()
            module = '.'.join([*above, *filter(None, [node.module])])
            names = [module, *(f'{module}.{alias.name}' for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        found |= {name.split('.')[1] for name in names if name.startswith('deft_mm.')}
    known = TOP | {folder.name for folder in PACKAGE.iterdir() if folder.is_dir()}
    return found & known


@pytest.mark.parametrize('folder', MAY_IMPORT)
def test_folder_imports_downwards_only(folder):
    if folder == 'top':
        modules = [PACKAGE / f'{name}.py' for name in TOP]
    else:
        modules = sorted((PACKAGE / folder).rglob('*.py'))
    assert modules
    upwards = {
        f'{module.relative_to(PACKAGE)} imports {name}'
        for module in modules
        for name in imported_by(module) - MAY_IMPORT[folder] - TOP
    }
    assert not upwards


def test_every_folder_has_its_place():
    folders = {path.parent.name for path in PACKAGE.glob('*/__init__.py')}
    assert folders == MAY_IMPORT.keys() - {'top'}
