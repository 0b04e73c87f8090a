"""What was found in a user's images: for the log, and as a table of every problem."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from deft_mm.class_words import words_read
from deft_mm.csv_cells import to_csv
from deft_mm.fileio import write_atomically
from deft_mm.shorten import printable

# Kinds of problems. The images of these are left out of the data set ...
UNREADABLE = 'unreadable image'
NOT_AN_IMAGE = 'not an image file'
NO_CLASS = 'in no class folder'
HIDDEN = 'hidden'
UNREADABLE_FOLDER = 'unreadable folder'
SEEN_FOLDER = 'folder that was listed before'
# ... and those of these are kept.
CONTRADICTING = 'contradicting duplicate'
FLAT = 'image of one colour'
UNUSUAL = 'unusual image'
SMALL_CLASS = 'small class'

LEFT_OUT = (UNREADABLE, NOT_AN_IMAGE, NO_CLASS, HIDDEN, UNREADABLE_FOLDER, SEEN_FOLDER)
COLUMNS = ('path', 'class', 'problem', 'detail', 'used')
# Classes in the table of the log.
_CLASSES = 100


@dataclass(frozen=True)
class Problem:
    """One row of the report.

    Args:
        kind (str): What is wrong, one of the constants of this module.
        path (str): The file or folder; '' if the problem is that of a class.
        class_name (str): The class; '' if there is none.
        detail (str): What was found. Defaults to ''.
    """

    kind: str
    path: str
    class_name: str
    detail: str = ''

    @property
    def used(self) -> bool:
        """bool: Whether it stays in the data set nevertheless."""
        return self.kind not in LEFT_OUT

    def __str__(self) -> str:
        where = self.path or f"class '{self.class_name}'"
        text = f'{self.kind}: {where}' + (f' ({self.detail})' if self.detail else '')
        return printable(text)


@dataclass
class DataReport:
    """What was found where the images of a data set were looked for.

    Args:
        source (str): The folder or list file.
        class_names (list[str]): C names.
        num_train (list[int]): C numbers of training images.
        num_val (list[int]): C numbers of validation images.
        problems (list[Problem]): All that is wrong.
        notes (list[str]): Whole sentences on what to think of. Defaults to none.
        labels (list[str]): C labels as they were found. Defaults to none, which shows no table of
            classes.
    """

    source: str
    class_names: list[str]
    num_train: list[int]
    num_val: list[int]
    problems: list[Problem]
    notes: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)

    def to_lines(self, max_problems: int = 5) -> list[str]:
        """Return the report as it is logged.

        Args:
            max_problems (int): How many problems of each kind are listed. Defaults to 5.

        Returns:
            list[str]: Lines, the counts first.
        """
        sizes = [sum(both) for both in zip(self.num_train, self.num_val, strict=True)]
        lines = [
            f'Data report of {printable(self.source)}',
            f'  classes        {len(sizes)}, of {min(sizes)} to {max(sizes)} images each',
            f'  images         {sum(self.num_train)} for training, '
            f'{sum(self.num_val)} for validation',
        ]
        lines.extend(f'  {line}' for line in self._class_lines(sizes))
        for what, used in (('left out', False), ('kept, but see', True)):
            counts = Counter(problem.kind for problem in self.problems if problem.used == used)
            text = ', '.join(f'{count} x {kind}' for kind, count in counts.items())
            lines.append(f'  {what:14} {text or "none"}')
        lines.extend(f'  {line}' for line in first_problems(self.problems, max_problems))
        lines.extend(f'  Note: {note}' for note in self.notes)
        return lines

    def _class_lines(self, sizes: list[int]) -> list[str]:
        """Return the table of classes: the label that was found, its name, what CLIP reads."""
        if not self.labels:
            return []
        columns = [('label', *self.labels)]
        if self.labels != self.class_names:
            columns.append(('name', *self.class_names))
        columns.append(('CLIP reads', *map(words_read, self.class_names)))
        columns.append(('images', *map(str, sizes)))
        shown = [[printable(cell) for cell in column[: _CLASSES + 1]] for column in columns]
        widths = [max(map(len, column)) for column in shown]
        rows = zip(*shown, strict=True)
        lines = ['  '.join(map(str.ljust, row, widths)).rstrip() for row in rows]
        hidden = len(sizes) - _CLASSES
        return [*lines, f'... and {hidden} more'] if hidden > 0 else lines


def contradictions(
    paths: Sequence[str],
    labels: np.ndarray,
    class_names: Sequence[str],
    digests: Sequence[str | None],
) -> list[Problem]:
    """Find files whose bytes are in another class, too.

    Args:
        paths (Sequence[str]): N files.
        labels (np.ndarray): (N,) int64.
        class_names (Sequence[str]): Names in the order of the labels.
        digests (Sequence[str, optional]): N checksums; None for a file that is no copy.

    Returns:
        list[Problem]: One a file; the detail names a copy in another class.
    """
    copies: dict[str, list[int]] = {}
    for idx, digest in enumerate(digests):
        if digest is not None:
            copies.setdefault(digest, []).append(idx)
    problems = []
    for members in copies.values():
        counts = Counter(labels[members].tolist())
        if len(counts) == 1:
            continue
        # The first copy is the example for all of other classes, and this one for those of its own.
        first = members[0]
        second = next(idx for idx in members if labels[idx] != labels[first])
        for idx in members:
            example = second if labels[idx] == labels[first] else first
            detail = f'same bytes as {paths[example]} of class {class_names[labels[example]]}'
            more = len(members) - counts[labels[idx]] - 1
            if more:
                detail += f' and {more} more'
            problems.append(Problem(CONTRADICTING, paths[idx], class_names[labels[idx]], detail))
    return problems


def first_problems(problems: Iterable[Problem], number: int) -> list[str]:
    """Return the first problems of each kind, one a line.

    Args:
        problems (Iterable[Problem]): Problems.
        number (int): How many of each kind.

    Returns:
        list[str]: Lines, the problems of one kind together.
    """
    kinds: dict[str, list[Problem]] = {}
    for problem in problems:
        kinds.setdefault(problem.kind, []).append(problem)
    lines = []
    for found in kinds.values():
        lines.extend(f'- {problem}' for problem in found[:number])
        if len(found) > number:
            lines.append(f'- ... and {len(found) - number} more')
    return lines


def problems_to_csv(problems: Iterable[Problem]) -> bytes:
    """Return a table with one row a problem.

    Args:
        problems (Iterable[Problem]): Problems.

    Returns:
        bytes: A CSV with the columns path, class, problem, detail and used (1 if the image stays in
        the data set), names as :func:`~deft_mm.csv_cells.to_cell` writes them.
    """
    rows = [(p.path, p.class_name, p.kind, p.detail, int(p.used)) for p in problems]
    return to_csv([COLUMNS, *rows]).encode()


class UnusableImagesError(ValueError):
    """Images of which no data set can be made.

    Args:
        text (str): What is wrong.
        problems (Iterable[Problem]): All that was found. Defaults to nothing.
    """

    def __init__(self, text: str, problems: Iterable[Problem] = ()) -> None:
        super().__init__(text)
        self.problems = list(problems)


@contextmanager
def problems_kept(path: str | Path) -> Iterator[None]:
    """Write the table of problems before the error that they come to, and name it there.

    Args:
        path (str | Path): The table.

    Raises:
        UnusableImagesError: In place of the one that was raised.
    """
    try:
        yield
    except UnusableImagesError as error:
        write_atomically(problems_to_csv(error.problems), path)
        raise UnusableImagesError(f'{error} All of it: {path}', error.problems) from error
