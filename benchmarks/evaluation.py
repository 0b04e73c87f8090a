"""Evaluation: text features once, then the image tower, against the plain way.

python benchmarks/evaluation.py                 # ViT-B/16, 100 classes, batch 64
python benchmarks/evaluation.py --small         # a small model; only checks agreement

Ours is ``test_step``, with the DataSamples that it fills in. The plain way encodes both prompts of
every class, 77 tokens each, for every batch, with explicit softmax attention. On a CPU the text
towers are timed apart and the image towers on 16 images; a batch of 64 is the sum. Our text
features are computed once for an evaluation of 10,000 images, and counted as the share of a batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from comparison import (
    Peaks,
    Times,
    check_agreement,
    describe,
    parameter_bytes,
    parse_args,
    peak_memory,
    report,
    time_in_turn,
)
from detector import build_detector, class_names, random_images
from mmpretrain.structures import DataSample
from plain_detector import PlainDetector
from torch import Tensor

TOLERANCE = 1e-4
IMAGES = 16
EVALUATION = 10_000


class Evaluation:
    """Predictions of one detector in both ways.

    Args:
        n_classes (int): Number of classes.
        n_images (int): The largest batch.
        small (bool): Whether to take a small CLIP.
        device (str): Where it runs.
    """

    def __init__(self, n_classes: int, n_images: int, small: bool, device: str) -> None:
        names = class_names(n_classes)
        self.model = build_detector(names, small, device).eval()
        self.plain_detector = PlainDetector(self.model, names)
        self.images = random_images(n_images, small, device)
        self.labels = torch.arange(n_images) % n_classes

    @torch.no_grad()
    def ours(self, n_images: int) -> dict[str, Tensor]:
        """Predictions of a batch, with text features that are kept once there are any."""
        samples = [DataSample().set_gt_label(label) for label in self.labels[:n_images]]
        batch = dict(inputs=self.images[:n_images], data_samples=samples)
        predicted = self.model.test_step(batch)
        return dict(
            score=torch.stack([sample.pred_score for sample in predicted]),
            clean_prob=torch.cat([sample.clean_prob for sample in predicted]),
        )

    @torch.no_grad()
    def plain(self, n_images: int) -> dict[str, Tensor]:
        """The same in the plain way, text tower included."""
        return self._chosen(*self.plain_detector(self.images[:n_images]))

    @torch.no_grad()
    def plain_image(self, n_images: int, text_CE: Sequence[Tensor]) -> dict[str, Tensor]:
        return self._chosen(*self.plain_detector.scores(self.images[:n_images], text_CE))

    @torch.no_grad()
    def our_text(self) -> None:
        self.model.eval()  # forgets the text features
        self.model.head.text_features()

    @torch.no_grad()
    def plain_text(self) -> list[Tensor]:
        return self.plain_detector.text()

    def _chosen(self, score_BC: Tensor, p_yes_BC: Tensor) -> dict[str, Tensor]:
        labels = self.labels[: len(score_BC)].to(score_BC.device)
        return dict(score=score_BC, clean_prob=p_yes_BC.gather(1, labels[:, None])[:, 0])


def times_of_a_batch(run: Evaluation, n: int, device: str, repeats: int, what: str) -> Times:
    """Whole on a GPU, else the sum of text towers and image towers."""
    text = time_in_turn(run.plain_text, run.our_text, repeats, device)
    share = Times([0.0] * repeats, [seconds * n / EVALUATION for seconds in text.ours])
    if torch.device(device).type == 'cuda':
        return time_in_turn(partial(run.plain, n), partial(run.ours, n), repeats, device) + share
    text_CE = run.plain_text()
    plain = partial(run.plain_image, IMAGES, text_CE)
    image = time_in_turn(plain, partial(run.ours, IMAGES), repeats, device)
    report(f'{what}, text tower', text)
    report(f'{what}, image tower, {IMAGES} images', image)
    return Times(text.plain, [0.0] * repeats) + image * (n / IMAGES) + share


def main(argv: Sequence[str] | None = None) -> None:
    args = parse_args(__doc__.splitlines()[0], argv, classes=100, batch=64)
    for device in args.devices:
        print(describe(device))
        n_classes, n_images = (12, 4) if args.small else (args.classes, args.batch)
        run = Evaluation(n_classes, n_images, args.small, device)
        what = f'evaluation, {n_classes} classes, {device}'
        n_checked = min(n_images, IMAGES)
        check_agreement(what, run.ours(n_checked), run.plain(n_checked), TOLERANCE)
        if args.small:
            continue
        times = times_of_a_batch(run, n_images, device, args.repeats, what)
        found = [peak_memory(partial(f, n_images), device) for f in (run.plain, run.ours)]
        weights = parameter_bytes(run.model)
        peaks = Peaks(*(None if peak is None else weights + peak for peak in found))
        report(f'{what}, batch {n_images}', times, peaks)


if __name__ == '__main__':
    main()
