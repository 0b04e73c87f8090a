"""The scoring pass: what it adds to a bare loop over the image tower, and against the plain way.

python benchmarks/scoring.py                    # ViT-B/16, 100 classes, 64 images, batch 64
python benchmarks/scoring.py --images 4096 --dtype bfloat16 --devices cuda
python benchmarks/scoring.py --small            # a small model; only checks agreement

The bare loop reads the same batches from the same loader and does nothing but ``encode_image``
(pre-processing and the detector's image tower). Text features are computed once per pass and timed
apart. The overhead is the median of paired runs. The plain way encodes both prompts of every class,
77 tokens each, for every batch, with explicit softmax attention.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

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
from detector import build_detector, class_names
from made_up_images import MadeUpImages
from plain_detector import PlainDetector
from torch import Tensor
from torch.utils.data import DataLoader

from deft_mm.datasets import evaluation_view, sample_table_of, scoring_collate
from deft_mm.engine.scoring_pass import score_samples

TOLERANCE = 1e-4


class Scoring:
    """One data set and one detector, scored in each way.

    Args:
        n_classes (int): Number of classes.
        n_images (int): Size of the data set.
        batch (int): Images at once.
        small (bool): Whether to take a small CLIP.
        device (str): Where it runs.
    """

    def __init__(self, n_classes: int, n_images: int, batch: int, small: bool, device: str) -> None:
        names = class_names(n_classes)
        self.model = build_detector(names, small, device)
        # Of uint8 pixels, as it is in training.
        self.model.data_preprocessor.to_rgb = True
        self.plain_detector = PlainDetector(self.model, names)
        self.dataset = MadeUpImages(n_images, n_classes, size=32 if small else 224)
        self.batch, self.device = batch, device

    def ours(self) -> dict[str, Tensor]:
        """The scoring pass as the runner does it."""
        table, pipeline = sample_table_of(self.dataset), self.dataset.pipeline
        scores = score_samples(self.model, self.dataset, table, pipeline, batch_size=self.batch)
        return dict(
            clean_prob=torch.from_numpy(scores.clean_prob),
            pred_prob=torch.from_numpy(scores.pred_prob),
        )

    @torch.no_grad()
    def bare(self) -> None:
        """The image tower on the same batches."""
        self.model.eval()
        for images, _ in self._batches():
            self.model.backbone(images)

    @torch.no_grad()
    def plain(self) -> dict[str, Tensor]:
        """The scores of all samples in the plain way."""
        clean_prob, pred_prob = [], []
        for images, samples in self._batches():
            score_BC, p_yes_BC = self.plain_detector(images)
            labels = torch.cat([sample.gt_label for sample in samples]).to(images.device)
            clean_prob.append(p_yes_BC.gather(1, labels[:, None])[:, 0].cpu())
            pred_prob.append(score_BC.amax(dim=1).cpu())
        return dict(clean_prob=torch.cat(clean_prob), pred_prob=torch.cat(pred_prob))

    @torch.no_grad()
    def our_text(self) -> Tensor:
        self.model.eval()  # forgets the text features
        return self.model.head.text_features()

    @torch.no_grad()
    def plain_text(self) -> None:
        self.plain_detector.text()

    def overhead(self, repeats: int, dtype: str) -> Times:
        """Times of the pass (as ``plain``) and of the bare loop, text features at hand."""
        text_PCE = self.our_text()
        self.model.head.text_features = lambda: text_PCE
        mixed = dict(dtype=getattr(torch, dtype), enabled=dtype != 'float32')
        with torch.autocast(torch.device(self.device).type, **mixed):
            times = time_in_turn(self.ours, self.bare, repeats, self.device)
        del self.model.head.text_features
        return times

    def _batches(self):
        view = evaluation_view(self.dataset, self.dataset.pipeline)
        pin_memory = torch.device(self.device).type == 'cuda'
        for batch in DataLoader(
            view, self.batch, collate_fn=scoring_collate, pin_memory=pin_memory
        ):
            inputs = self.model.data_preprocessor(dict(inputs=batch['inputs']))['inputs']
            yield inputs, batch['data_samples']


def main(argv: Sequence[str] | None = None) -> None:
    defaults = dict(repeats=5, classes=100, images=64, batch=64, dtype='float32')
    args = parse_args(__doc__.splitlines()[0], argv, **defaults)
    for device in args.devices:
        print(describe(device))
        sizes = (12, 10, 4) if args.small else (args.classes, args.images, args.batch)
        run = Scoring(*sizes, args.small, device)
        what = f'scoring, {sizes[0]} classes, batch {sizes[2]}, {device}'
        check_agreement(what, run.ours(), run.plain(), TOLERANCE)
        if args.small:
            continue
        times = run.overhead(args.repeats, args.dtype)
        shares = [100 * (ratio - 1) for ratio in times.ratios]
        spread = f'{min(shares):+.1f}% to {max(shares):+.1f}% of {len(shares)}'
        print(
            f'{what}, {args.dtype}: {median(shares):+.1f}% ({spread}) above a bare loop over the '
            'image tower, text features apart',
            flush=True,
        )
        report(f'{what}, text tower', time_in_turn(run.plain_text, run.our_text, 1, device))
        times = time_in_turn(run.plain, run.ours, 1, device, warmup=0)
        weights = parameter_bytes(run.model)
        found = [peak_memory(f, device) for f in (run.plain, run.ours)]
        peaks = Peaks(*(None if peak is None else weights + peak for peak in found))
        report(f'{what}, {len(run.dataset)} images, text tower included', times, peaks)


if __name__ == '__main__':
    main()
