"""What people have decided of samples: ``corrections.csv``, and a selection with it.

In the file, lines ``# key: JSON`` come first, as in a selection file: ``format``,
``format_version``, ``fingerprint`` and ``classes``. Then a table, a row a decision.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from os import PathLike

import numpy as np

from deft_mm.csv_cells import from_cell
from deft_mm.fileio import check_header
from deft_mm.selection.decision import Decision, decided_samples, require_given_class
from deft_mm.selection.exchange.label_studio import is_label_studio, read_label_studio
from deft_mm.selection.fingerprint import Fingerprint
from deft_mm.selection.sample_table import EXCLUDED, RESULTS, SampleTable
from deft_mm.selection.selection_file import read_header_lines
from deft_mm.shorten import shorten
from deft_mm.user_file import lines_of

FORMAT, FORMAT_VERSION = 'deft_mm-corrections', 1
COLUMNS = (
    'sample_idx',
    'img_path',
    'given_class',
    'corrected_class',
    'action',
    'reviewer',
    'time',
)
ACTIONS = ('relabel', 'keep', 'exclude')
_UNDECIDED = RESULTS['corrected_label'][1]


@dataclass(frozen=True)
class Review:
    """A selection with what people have decided.

    Args:
        table (SampleTable): The selection, with ``corrected_label``.
        conflicts (dict[int, list[Decision]]): Decisions of reviewers who don't agree, by sample.
    """

    table: SampleTable
    conflicts: dict[int, list[Decision]] = field(default_factory=dict)


def read_corrections(path: str | PathLike, table: SampleTable) -> list[Decision]:
    """Read and check a file of corrections. Nothing in it is ever executed or unpickled.

    Rows may come in any order, and further columns are ignored. An export of Label Studio is read
    as well, see :func:`~deft_mm.selection.exchange.label_studio.read_label_studio`.

    Args:
        path (str | PathLike): The file.
        table (SampleTable): The selection that it was made of, or samples that are a part of that,
            see :func:`~deft_mm.selection.decision.decided_samples`.

    Returns:
        list[Decision]: Its decisions, in the order of the file.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no file of corrections, or of another data set, or a row is not one of
            this selection; the message names the line.
    """
    if is_label_studio(path):
        return read_label_studio(path, table)
    try:
        lines = lines_of(path)
        header, names, first = read_header_lines(lines)
        check_header(header, FORMAT, FORMAT_VERSION, ('fingerprint', 'classes'))
        fingerprint = Fingerprint.from_dict(header['fingerprint'])
        missing = [name for name in COLUMNS if name not in names]
        if missing:
            raise ValueError(f'column {missing} is missing, found the columns {shorten(names)}')
    except FileNotFoundError as error:
        raise FileNotFoundError(f"There is no file of corrections '{path}'.") from error
    except (ValueError, csv.Error) as error:
        raise ValueError(f"'{path}' is no usable file of corrections: {error}.") from error
    source = f"'{path}'"
    decode = from_cell if header.get('escaped') else str
    reader, rows, indices = csv.reader(islice(lines_of(path), first, None), strict=True), [], []
    try:
        for cells in filter(None, reader):
            row = dict(zip(names, map(decode, cells), strict=False))
            rows.append((reader.line_num, row))
            indices.append(_index(row, fingerprint.num_samples))
    except (ValueError, csv.Error) as error:
        raise ValueError(f'{source}, line {first + reader.line_num}: {error}.') from error
    paths = [row.get('img_path', '') for _, row in rows]
    samples = decided_samples(table, fingerprint, indices, paths, source)
    decisions = []
    for (line, row), sample in zip(rows, samples.tolist(), strict=True):
        if sample >= 0:
            try:
                decisions.append(_decision(row, sample, table))
            except ValueError as error:
                raise ValueError(f'{source}, line {first + line}: {error}.') from error
    return decisions


def _index(row: Mapping[str, str], number: int) -> int:
    index = row.get('sample_idx', '').strip()
    if not index.isascii() or not index.isdecimal() or int(index) >= number:
        raise ValueError(f'sample_idx is {index!r}, and there are {number} samples')
    return int(index)


def _decision(row: Mapping[str, str], sample: int, table: SampleTable) -> Decision:
    action, name = row.get('action', '').strip(), row.get('corrected_class', '')
    given = require_given_class(row.get('given_class'), sample, table)
    if action not in ACTIONS:
        raise ValueError(f'action is {action!r}, not one of {", ".join(ACTIONS)}')
    if action == 'relabel' and name not in table.class_names:
        known = shorten(table.class_names)
        raise ValueError(f'corrected_class is {name!r}, which is none of the classes {known}')
    if action == 'keep' and name not in ('', given):
        raise ValueError(
            f"action is 'keep', and corrected_class {name!r} is not the given {given!r}"
        )
    label = {
        'relabel': lambda: table.class_names.index(name),
        'keep': lambda: int(table.given_label[sample]),
        'exclude': lambda: EXCLUDED,
    }[action]()
    return Decision(sample, label, row.get('reviewer', ''), row.get('time', ''))


def apply_corrections(table: SampleTable, paths: Sequence[str | PathLike]) -> Review:
    """Put what people have decided into a selection.

    Of one reviewer, the latest decision on a sample counts. Where reviewers don't agree, the sample
    is excluded if one of them excludes it, and otherwise left as it was: nobody has the last word.
    Decisions that the selection has already are those of a reviewer of before, which new ones
    replace.

    Args:
        table (SampleTable): The selection, of N samples.
        paths (Sequence[str | PathLike]): Files of corrections of this selection, see
            :func:`read_corrections`.

    Returns:
        Review: A new selection, and what reviewers don't agree on.

    Raises:
        FileNotFoundError: See :func:`read_corrections`.
        ValueError: See there.
    """
    latest: dict[int, dict[str, Decision]] = {}
    for path in paths:
        for decision in read_corrections(path, table):
            of_sample = latest.setdefault(decision.sample_idx, {})
            before = of_sample.get(decision.reviewer)
            if before is None or before.time <= decision.time:
                of_sample[decision.reviewer] = decision
    corrected, conflicts = table.corrected_label.copy(), {}
    for idx, by_reviewer in sorted(latest.items()):
        labels = {decision.label for decision in by_reviewer.values()}
        if len(labels) > 1:
            conflicts[idx] = list(by_reviewer.values())
        if len(labels) == 1 or EXCLUDED in labels:
            corrected[idx] = EXCLUDED if EXCLUDED in labels else labels.pop()
    return Review(table.with_columns(corrected_label=corrected), conflicts)


def count_decisions(table: SampleTable) -> dict[str, int]:
    """Count what people have decided.

    Args:
        table (SampleTable): A selection.

    Returns:
        dict[str, int]: Samples 'relabelled', 'confirmed', 'excluded' and 'undecided'.
    """
    corrected, given = table.corrected_label, table.given_label
    masks = dict(
        relabelled=(corrected >= 0) & (corrected != given),
        confirmed=corrected == given,
        excluded=corrected == EXCLUDED,
        undecided=corrected == _UNDECIDED,
    )
    return {word: int(np.count_nonzero(mask)) for word, mask in masks.items()}
