"""Which samples of a selection go out, and what is said of them in any format.

A person's decision goes before the detector's in all of it: the label is the corrected one, and
what people exclude goes nowhere.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from deft_mm.csv_cells import is_text
from deft_mm.selection.sample_details import SampleDetails, suggested_label
from deft_mm.selection.sample_table import EXCLUDED, SampleTable
from deft_mm.shorten import printable

# Bytes of a name of a file, of which file systems take 255.
_MOST_BYTES = 200


def chosen_rows(table: SampleTable, keep: str) -> np.ndarray:
    """Choose samples of a selection.

    Args:
        table (SampleTable): The selection, of N samples.
        keep (str): 'kept', 'rejected', or 'all', which are these two.

    Returns:
        np.ndarray: (n,) int64, samples in ascending order, without those that people exclude.
    """
    masks = dict(all=table.corrected_label != EXCLUDED, kept=table.kept, rejected=table.rejected)
    return np.flatnonzero(masks[keep])


def require_class_names(table: SampleTable) -> None:
    """Refuse names of classes that are no text, which no format takes.

    Args:
        table (SampleTable): The selection.

    Raises:
        ValueError: If a name is not UTF-8, or has a NUL character.
    """
    for name in table.class_names:
        if not is_text(name) or '\0' in name:
            raise ValueError(
                f"The class '{printable(name)}' of the selection has no name that is text: rename "
                'it, and write the selection anew.'
            )


def require_files(table: SampleTable, rows: np.ndarray, option: str) -> None:
    """Refuse samples that are no files.

    Args:
        table (SampleTable): The selection.
        rows (np.ndarray): (n,) samples that go out.
        option (str): What needs files, for the message.

    Raises:
        ValueError: If an image is none.
    """
    without = [idx for idx in rows.tolist() if not table.img_path[idx]]
    if without:
        raise ValueError(
            f'{option} lists files, and {len(without)} samples of the selection have none (first: '
            f'sample {without[0]}).'
        )


def require_images(table: SampleTable, rows: np.ndarray, option: str) -> None:
    """Refuse samples whose files are not there.

    Args:
        table (SampleTable): The selection.
        rows (np.ndarray): (n,) samples that go out.
        option (str): What needs files, for the message.

    Raises:
        ValueError: If an image is no file.
        FileNotFoundError: If a file is not there (any more).
    """
    require_files(table, rows, option)
    for path in paths_of(table, rows):
        if not os.path.isfile(path):
            raise FileNotFoundError(
                f"{option}: image '{printable(path)}' is not there: were the images moved since "
                'they were selected from?'
            )


def require_text(table: SampleTable, rows: np.ndarray, option: str) -> None:
    """Refuse names of files that another program could not read.

    Args:
        table (SampleTable): The selection.
        rows (np.ndarray): (n,) samples that go out.
        option (str): What needs text, for the message.

    Raises:
        ValueError: If a name is not UTF-8.
    """
    wrong = [idx for idx in rows.tolist() if not is_text(table.img_path[idx])]
    if wrong:
        raise ValueError(
            f'{option} takes names in UTF-8, which those of {len(wrong)} files are not (first: '
            f"sample {wrong[0]}, '{printable(table.img_path[wrong[0]])}'): rename them, and write "
            'the selection anew.'
        )


def paths_of(table: SampleTable, rows: np.ndarray) -> list[str]:
    """The absolute paths of samples.

    Args:
        table (SampleTable): The selection.
        rows (np.ndarray): (n,) samples.

    Returns:
        list[str]: n paths.
    """
    return [os.path.abspath(table.img_path[idx]) for idx in rows.tolist()]


def suggested_labels(table: SampleTable) -> tuple[np.ndarray, np.ndarray]:
    """What to propose to whoever looks at a sample, and how sure that is.

    Args:
        table (SampleTable): The selection, of N samples.

    Returns:
        tuple[np.ndarray, np.ndarray]: (N,) int64 labels: what a person has said; else, of a kept
        sample the given label, of a rejected one the predicted one if that is another, or -1. And
        (N,) float32 probabilities, NaN where there is none.
    """
    guess, _ = suggested_label(table, SampleDetails())
    labels = np.where(table.kept, table.label, np.where(table.rejected, guess, -1))
    probs = np.where(table.kept, table.clean_prob, table.pred_prob)
    probs[labels < 0] = np.nan
    decided = table.corrected_label >= 0
    return np.where(decided, table.label, labels), np.where(decided, np.float32(1), probs)


def described(table: SampleTable, rows: np.ndarray) -> Iterator[dict]:
    """What is said of samples, as plain types: None where there is nothing.

    Args:
        table (SampleTable): The selection.
        rows (np.ndarray): (n,) samples.

    Yields:
        dict: ``sample_idx``; ``label``, the right one as far as is known, ``given_label``,
        ``corrected_label`` and ``pred_label``, all of them names of classes; ``pred_prob``,
        ``clean_prob`` and ``score``, numbers; ``kept`` and ``decided``, whether a person has said
        what it is.
    """
    names, decided = table.class_names, table.decided
    for idx in rows.tolist():
        yield dict(
            sample_idx=idx,
            label=names[table.label[idx]],
            given_label=names[table.given_label[idx]],
            corrected_label=_name(names, table.corrected_label[idx]),
            pred_label=_name(names, table.pred_label[idx]),
            pred_prob=number(table.pred_prob[idx]),
            clean_prob=number(table.clean_prob[idx]),
            score=number(table.score[idx]),
            kept=bool(table.kept[idx]),
            decided=bool(decided[idx]),
        )


def _name(names: Sequence[str], label: int) -> str | None:
    return names[label] if label >= 0 else None


def number(value: np.floating) -> float | None:
    """A number for JSON, which has none for NaN.

    Args:
        value (np.floating): A value of a column; of float32 the shortest decimal that it is.

    Returns:
        float, optional: The value, None for NaN and what is infinite.
    """
    return float(str(value)) if np.isfinite(value) else None


def new_name(table: SampleTable, idx: int) -> str:
    """A name for the file of a sample that no other one has, and that no program stumbles over.

    Args:
        table (SampleTable): The selection.
        idx (int): A sample.

    Returns:
        str: Its index, and what is harmless in its own name; the suffix is as it was.
    """
    path = Path(table.img_path[idx].replace('\\', '/'))
    stem, suffix = re.sub(r'[^\w.-]', '_', path.stem), re.sub(r'[^\w.]', '_', path.suffix)
    while len((stem + suffix).encode()) > _MOST_BYTES:
        stem, suffix = (stem[:-1], suffix) if stem else ('', suffix[:-1])
    return f'{idx:08d}_{stem}{suffix}'
