"""The files that a comparison ends with."""

from __future__ import annotations

from pathlib import Path

from deft_mm.comparison.figures import draw_figures
from deft_mm.comparison.tables import ComparisonTable
from deft_mm.fileio import write_atomically


def write_report(table: ComparisonTable, folder: str | Path) -> list[Path]:
    """Write the tables and figures of a comparison.

    Args:
        table (ComparisonTable): The table.
        folder (str | Path): Where to; files of the same names are replaced.

    Returns:
        list[Path]: The files: ``table.md``, ``table.csv``, ``table.tex``, ``runs.csv`` with a line
        a run, and the figures.
    """
    files = {
        'table.md': table.markdown().encode(),
        'table.csv': table.csv().encode(),
        'table.tex': table.latex().encode(),
        'runs.csv': table.runs_csv().encode(),
        **draw_figures(table),
    }
    for name, content in files.items():
        write_atomically(content, Path(folder, name))
    return [Path(folder, name) for name in files]
