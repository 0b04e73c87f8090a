"""How far a scoring pass is."""

from __future__ import annotations

import time

from mmengine.dist import get_world_size
from mmengine.logging import print_log
from torch import nn

# Seconds between two lines of the log.
_INTERVAL = 10.0


class ScoringProgress:
    """Log every ten seconds how many samples a detector has seen, and how long the rest takes.

    It counts what passes the detector's backbone, in this process.

    Args:
        detector (nn.Module): An ``ImageClassifier``.
        num_samples (int): Samples that it is going to see, in all processes.

    Example:

        .. code:: python

            with ScoringProgress(detector, len(dataset)):
                scores = score_samples(detector, dataset, pipeline)
    """

    def __init__(self, detector: nn.Module, num_samples: int) -> None:
        self.detector = detector
        self.num_samples = num_samples
        self.num_seen = 0

    def __enter__(self) -> ScoringProgress:
        self.start = self.last = time.perf_counter()
        self.handle = self.detector.backbone.register_forward_hook(self._count)
        return self

    def __exit__(self, *error) -> None:
        self.handle.remove()

    def _count(self, backbone: nn.Module, inputs: tuple, output: tuple) -> None:
        # Processes advance together.
        self.num_seen += len(inputs[0]) * get_world_size()
        now = time.perf_counter()
        if now - self.last < _INTERVAL or self.num_seen >= self.num_samples:
            return
        self.last = now
        share, passed = self.num_seen / self.num_samples, now - self.start
        print_log(
            f'Scored {self.num_seen} of {self.num_samples} samples ({share:.0%}) in {passed:.0f} '
            f's, {passed / share - passed:.0f} s left.',
            logger='current',
        )
