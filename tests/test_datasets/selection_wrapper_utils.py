"""Digits, and selections of any data set."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from deft_mm.datasets import DigitsDataset, sample_table_of
from deft_mm.selection import SampleTable, write_selection
from tests.test_datasets.dataset_utils import PACK

NOISE = dict(type='SymmetricNoise', ratio=0.5, seed=1)
KEPT = np.arange(40) % 3 == 1


def digits(**options) -> DigitsDataset:
    return DigitsDataset(**{'indices': 40, 'pipeline': PACK, **options})


def selection_of(dataset, kept=KEPT, **columns) -> SampleTable:
    n = len(dataset)
    defaults = dict(
        clean_prob=np.where(kept, 0.9, 0.1), pred_label=np.zeros(n), pred_prob=np.ones(n)
    )
    return sample_table_of(dataset).with_columns(kept=kept, **{**defaults, **columns})


def write(path: Path, dataset, kept=KEPT, **columns) -> str:
    write_selection(path, selection_of(dataset, kept, **columns))
    return str(path)
