"""Wide columns a part at a time: a million features are never all in double precision."""

from __future__ import annotations

_ROWS = 65_536


def row_parts(num_rows: int) -> list[slice]:
    """Cut rows into parts that fit in memory in any precision.

    Args:
        num_rows (int): Number of rows.

    Returns:
        list[slice]: Parts of 65,536 rows; the last is what is left.
    """
    return [slice(start, start + _ROWS) for start in range(0, num_rows, _ROWS)]
