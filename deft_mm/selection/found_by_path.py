"""Finding the images of one list in another by their paths, wherever the files lie now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

# So many paths tell where a list begins.
_VOTERS = 1000


def below_common_folder(paths: Sequence[str]) -> list[str]:
    """Cut off the folders that all paths have in common.

    Args:
        paths (Sequence[str]): Paths, with slashes.

    Returns:
        list[str]: What is left of each.
    """
    folders = {path.rpartition('/')[0] for path in paths}
    split = [folder.split('/') for folder in folders]
    depth = 0
    for names in zip(*split):  # noqa: B905 (up to the shortest)
        if len(set(names)) > 1:
            break
        depth += 1
    shortened = {'/'.join(names): '/'.join([*names[depth:], '']) for names in split}
    return [
        shortened[folder] + name for folder, _, name in (path.rpartition('/') for path in paths)
    ]


def rows_by_path(paths: Sequence[str], known: Sequence[str]) -> np.ndarray | None:
    """Find images of a list among known ones, in the same folder or in one that was moved.

    What the paths of the list have in front of the known names must be the same of all of them:
    the folder that the images lay in.

    Args:
        paths (Sequence[str]): n paths of a list, which need not all be known.
        known (Sequence[str]): N paths.

    Returns:
        np.ndarray, optional: (n,) int64, rows in ``known``, -1 for a path that is not there. None
        where images can't be told by paths, or if the list is one of another folder.
    """
    paths, known = ([path.replace('\\', '/') for path in some] for some in (paths, known))
    names = below_common_folder(known)
    row_of = {name: row for row, name in enumerate(names)}
    if '' in row_of or len(row_of) < len(names) or not names:
        return None
    votes: Counter[str] = Counter()
    for path in paths[:: max(1, len(paths) // _VOTERS)]:
        votes.update(folder for folder, name in _divided(path) if name in row_of)
    here = known[0][: len(known[0]) - len(names[0])]
    # Images of this very folder, none of which is known: they were taken out of the list.
    if not votes and here and all(path.startswith(here) for path in paths):
        votes[here] = 1
    if not votes:
        return None
    folder = max(votes, key=lambda folder: (votes[folder], -len(folder)))
    rows = [
        row_of.get(path[len(folder) :], -1) if path.startswith(folder) else -1 for path in paths
    ]
    return np.array(rows, dtype=np.int64)


def _divided(path: str) -> list[tuple[str, str]]:
    """All ways of dividing a path into a folder, with its slash, and a name."""
    cuts = [0, *(at + 1 for at, char in enumerate(path) if char == '/')]
    return [(path[:cut], path[cut:]) for cut in cuts]
