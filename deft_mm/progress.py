"""How far a pass over the data is."""

from __future__ import annotations

import time

from mmengine.logging import print_log

# Seconds between two lines of the log.
_INTERVAL = 10.0


class Progress:
    """Log every ten seconds how much is done, and how long the rest takes.

    Example:

        .. code:: python

            progress = Progress('Scored', len(dataset), 'samples')
            for batch in loader:
                progress.advance(len(batch))

    Args:
        done (str): What has happened to the items, as the log line begins.
        total (int): How many there are.
        items (str): What they are.
    """

    def __init__(self, done: str, total: int, items: str) -> None:
        self.done = done
        self.total = total
        self.items = items
        self.count = 0
        self.start = self.last = time.perf_counter()

    def advance(self, count: int = 1) -> None:
        """Count items that are done.

        Args:
            count (int): How many, in all processes. Defaults to 1.
        """
        self.count += count
        now = time.perf_counter()
        if now - self.last < _INTERVAL or self.count >= self.total:
            return
        self.last = now
        share, passed = self.count / self.total, now - self.start
        print_log(
            f'{self.done} {self.count} of {self.total} {self.items} ({share:.0%}) in '
            f'{passed:.0f} s, {passed / share - passed:.0f} s left.',
            logger='current',
        )
