"""In which order people look at the samples of a selection.

Shapes: N samples, n of them shown.
"""

from __future__ import annotations

import numpy as np

from deft_mm.selection import SampleTable


def review_order(table: SampleTable, limit: int | None = None) -> np.ndarray:
    """Put first what most needs a person.

    That is what is rejected, the most doubtful label first, and those without a score after them;
    then what is kept, in the same order; last what people have decided already.

    Args:
        table (SampleTable): The selection, of N samples.
        limit (int, optional): How many to show at most. Defaults to None, all.

    Returns:
        np.ndarray: (n,) int64 sample indices.
    """
    score = np.nan_to_num(table.score, nan=np.inf)
    order = np.lexsort((score, table.kept, table.decided))
    return order[:limit]
