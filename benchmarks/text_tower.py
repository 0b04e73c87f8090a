"""Text tower, forward and backward: packed prompts against all prompts of 77 tokens.

python benchmarks/text_tower.py                 # ViT-B/16, 10, 100, 200 and 1,000 classes
python benchmarks/text_tower.py --classes 10000 --memory-gb 2     # ours alone: in chunks
python benchmarks/text_tower.py --small         # a small model; only checks agreement

Both encode the positive and the negative prompts of all classes, and compute the gradients of both
contexts. The plain tower goes through the classes in chunks of 100, where all of them at once would
not fit; its memory is then extrapolated from 50, 100 and 200 classes.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Sequence

import torch
from comparison import (
    GIB,
    Peaks,
    check_agreement,
    describe,
    fit_line,
    parameter_bytes,
    parse_args,
    peak_memory,
    report,
    seconds,
    time_in_turn,
)
from detector import build_detector, class_names
from plain_clip import PlainTextTower
from torch import Tensor

TOLERANCE = 1e-5
# As many classes as the plain tower takes at once, and those of its memory's line.
CHUNK = 100
FIT_CLASSES = (50, 100, 200)


class TextStep:
    """One forward and backward pass of the text tower in both ways.

    Args:
        n_classes (int): Number of classes.
        small (bool): Whether to take a small CLIP.
        device (str): Where it runs.
        memory_gb (float): The head's ``text_memory_gb``.
    """

    def __init__(self, n_classes: int, small: bool, device: str, memory_gb: float = 8.0) -> None:
        names = class_names(n_classes)
        self.head = build_detector(names, small, device, text_memory_gb=memory_gb).head
        self.plain_tower = PlainTextTower(self.head, names)
        self.contexts = [self.head.prompts.pos_ctx, self.head.prompts.neg_ctx]
        generator = torch.Generator().manual_seed(2)
        shape = 2, n_classes, self.head.text.embed_dim
        self.upstream = torch.randn(shape, generator=generator).to(device)

    def ours(self) -> dict[str, Tensor]:
        """Features and gradients of packed prompts."""
        feats = self.head.text_features()
        return self._results(feats, torch.autograd.grad(feats, self.contexts, self.upstream))

    def plain(self, chunk: int = CHUNK) -> dict[str, Tensor]:
        """The same of full prompts, in chunks of classes."""
        feats, grads = [], [torch.zeros_like(ctx) for ctx in self.contexts]
        for start in range(0, self.upstream.size(1), chunk):
            classes = slice(start, start + chunk)
            part = self.plain_tower(classes)
            found = torch.autograd.grad(part, self.contexts, list(self.upstream[:, classes]))
            grads = [grad + new for grad, new in zip(grads, found, strict=True)]
            feats.append(torch.stack(part).detach())
        return self._results(torch.cat(feats, dim=1), grads)

    def plain_at_once(self, n_classes: int) -> None:
        """Forward and backward of the first classes, all at once."""
        feats = self.plain_tower(slice(n_classes))
        torch.autograd.grad(feats, self.contexts, list(self.upstream[:, :n_classes]))

    def peaks(self, fit_classes: Sequence[int], device: str) -> Peaks:
        """Peak memory of both, that of the plain way on the line through smaller numbers."""
        weights = parameter_bytes(self.head.text)
        n_classes = self.upstream.size(1)
        fit_classes = [n for n in fit_classes if n <= n_classes] or [n_classes]
        measured = [peak_memory(lambda n=n: self.plain_at_once(n), device) for n in fit_classes]
        ours = peak_memory(self.ours, device)
        if n_classes in fit_classes:
            return Peaks(weights + measured[fit_classes.index(n_classes)], weights + ours)
        line = fit_line([(n,) for n in fit_classes], measured)
        return Peaks(weights + line(n_classes), weights + ours, extrapolated=True)

    def _results(self, feats: Tensor, grads: Sequence[Tensor]) -> dict[str, Tensor]:
        return dict(features=feats.detach(), pos_ctx_grad=grads[0], neg_ctx_grad=grads[1])


def compare(n_classes: int, device: str, args) -> None:
    step = TextStep(n_classes, args.small, device, args.memory_gb)
    what = f'text tower, {n_classes} classes, {device}'
    check_agreement(what, step.ours(), step.plain(), TOLERANCE)
    if args.small:
        return
    times = time_in_turn(step.plain, step.ours, args.repeats, device, warmup=0)
    report(what, times, step.peaks(FIT_CLASSES, device))


def ours_alone(n_classes: int, device: str, args) -> None:
    """What is too large for the plain way: how long it takes, and that memory is bounded."""
    step = TextStep(n_classes, args.small, device, args.memory_gb)
    before = process_peak()
    duration = seconds(step.ours, device)
    if torch.device(device).type == 'cuda':
        memory = f'peak memory {peak_memory(step.ours, device) / GIB:.2f} GiB above the weights'
    else:
        # The profiler's own notes of so many allocations would take more than what they are of.
        memory = f'the process grows from {before:.2f} to {process_peak():.2f} GiB'
    chunks = len(step.head._packed.chunks)
    print(
        f'text tower, {n_classes} classes, {device}, ours in {chunks} chunks '
        f'(text_memory_gb={args.memory_gb:g}): {duration:.3g} s, {memory}'
    )


def process_peak() -> float:
    """The most memory that this process has had, in GiB."""
    kib = 1 if sys.platform == 'darwin' else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * kib / GIB


def main(argv: Sequence[str] | None = None) -> None:
    defaults = dict(classes=[10, 100, 200, 1000], memory_gb=8.0)
    args = parse_args(__doc__.splitlines()[0], argv, **defaults)
    for device in args.devices:
        print(describe(device))
        for n_classes in [12] if args.small else args.classes:
            (compare if n_classes <= 1000 else ours_alone)(n_classes, device, args)


if __name__ == '__main__':
    main()
