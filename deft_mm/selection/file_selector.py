"""Reuse the selection of an earlier run."""

from __future__ import annotations

from os import PathLike

import numpy as np
from mmpretrain.registry import TASK_UTILS

from deft_mm.selection.fingerprint import Fingerprint
from deft_mm.selection.scores import SampleScores
from deft_mm.selection.selection_file import Selection, read_selection
from deft_mm.selection.selector import Selector


@TASK_UTILS.register_module()
class FileSelector(Selector):
    """Keep what a selection file keeps.

    The file is read, and checked against the data set, when the selection is made.

    Args:
        path (str | PathLike): A selection file.

    Example:

        .. code:: python

            selector = dict(type='FileSelector', path='work_dirs/deft_digits_sym40/selection.csv')
    """

    needs_scores = False

    def __init__(self, path: str | PathLike) -> None:
        self.path = path

    def select(self, scores: SampleScores | None, fingerprint: Fingerprint) -> np.ndarray:
        """Select by the file's ``kept`` column; see :meth:`Selector.select`."""
        return self.load(fingerprint).kept

    def load(self, fingerprint: Fingerprint) -> Selection:
        """Read the file.

        Args:
            fingerprint (Fingerprint): Of the data set to select from.

        Returns:
            Selection: Its content.

        Raises:
            FileNotFoundError: If there is no such file.
            ValueError: If it is no selection file, or one of another data set.
        """
        selection = read_selection(self.path)
        selection.fingerprint.require_same(fingerprint, f"Selection file '{self.path}'")
        return selection
