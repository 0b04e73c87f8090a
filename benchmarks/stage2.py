"""Stage 2 at 60% noise: the kept samples only, against all samples through forward and backward.

python benchmarks/stage2.py                     # ViT-B/16, 80 images of which 32 are kept, batch 16
python benchmarks/stage2.py --images 400 --batch 64 --devices cuda
python benchmarks/stage2.py --small             # a small model; only checks agreement

Both train CLIP's image tower (residual blocks) with a linear head for one epoch. The plain way
takes every sample through the forward and the backward pass, with explicit softmax attention, and
averages the loss over the kept ones of a batch. Ours takes the batches of a ``CleanSubset``. They
agree on the loss and the gradients of a batch; an epoch of ours has fewer, fuller steps.

Then the switch between the stages, of 50,000 made-up samples: fingerprint, labels, selection file
and the rebuilt data set, against the scoring of these samples with a model of next to no cost.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
import torch.nn.functional as F
from comparison import (
    Peaks,
    check_agreement,
    describe,
    parameter_bytes,
    parse_args,
    peak_memory,
    report,
    time_in_turn,
)
from detector import PAPER, SMALL, build_detector, class_names
from made_up_images import MadeUpImages
from mmengine.dataset import default_collate
from mmengine.registry import DefaultScope
from mmpretrain.registry import MODELS
from plain_clip import plain_block
from torch import Tensor, nn
from torch.utils.data import DataLoader

from deft_mm.datasets import (
    CleanSubset,
    NoisyLabelDataset,
    sample_table_of,
)
from deft_mm.engine import StageOptimWrapperConstructor
from deft_mm.engine.scoring_pass import score_samples
from deft_mm.selection import SampleTable, write_selection

TOLERANCE = 1e-4
KEPT = 0.4
SWITCH_SAMPLES = 50_000


class Stage2:
    """One epoch of one classifier in both ways.

    Args:
        n_images (int): Size of the data set, kept or not.
        batch (int): Images of a step.
        small (bool): Whether to take a small CLIP.
        device (str): Where it runs.
    """

    def __init__(self, n_images: int, batch: int, small: bool, device: str) -> None:
        torch.manual_seed(0)
        self.model, self.batch, self.device = build_classifier(small).to(device), batch, device
        self.dataset = MadeUpImages(n_images, 100, size=32 if small else 224)
        kept = np.arange(n_images) * KEPT % 1 < KEPT - 1e-9  # spread evenly
        self.kept = torch.from_numpy(kept).to(device)
        self.subset = CleanSubset(self.dataset, kept)
        settings = dict(type='SGD', lr=5e-4, momentum=0.9, weight_decay=5e-4)
        self.our_optimizer = self._our_optimizer(settings)
        del settings['type']
        self.plain_optimizer = torch.optim.SGD(self.trained.values(), **settings)

    @property
    def trained(self) -> dict[str, nn.Parameter]:
        """dict: The trained parameters by name."""
        return {name: p for name, p in self.model.named_parameters() if p.requires_grad}

    def ours(self) -> None:
        """An epoch over the kept samples, as the runner trains it."""
        for batch in self._batches(self.subset):
            self.model.train_step(batch, self.our_optimizer)

    def plain(self) -> None:
        """An epoch over all samples."""
        for batch in self._batches(self.dataset):
            self.plain_optimizer.zero_grad()
            self._plain_loss(batch).backward()
            self.plain_optimizer.step()

    def our_gradients(self) -> dict[str, Tensor]:
        """Loss and gradients of the kept samples of the first batch."""
        n_kept = int(self.kept[: self.batch].sum())
        batch = next(self._batches(self.subset, n_kept))
        batch = self.model.data_preprocessor(batch, True)
        return self._gradients(self.model(**batch, mode='loss')['loss'])

    def plain_gradients(self) -> dict[str, Tensor]:
        """The same of the whole first batch."""
        return self._gradients(self._plain_loss(next(self._batches(self.dataset))))

    def _gradients(self, loss: Tensor) -> dict[str, Tensor]:
        grads = torch.autograd.grad(loss, list(self.trained.values()))
        parts = {}
        for name, grad in zip(self.trained, grads, strict=True):
            path, _, rest = name.partition('resblocks.')
            part = f'block {rest.split(".")[0]}' if rest else path.split('.')[0]
            parts.setdefault(part, []).append(grad.flatten())
        return {part: torch.cat(grads) for part, grads in parts.items()} | dict(loss=loss.detach())

    def _plain_loss(self, batch: dict) -> Tensor:
        inputs = self.model.data_preprocessor(batch, True)
        samples = inputs['data_samples']
        labels = torch.cat([sample.gt_label for sample in samples])
        kept = self.kept[[sample.sample_idx for sample in samples]]
        token_BD = plain_token(self.model.backbone, inputs['inputs'])
        loss_B = F.cross_entropy(self.model.head.fc(token_BD), labels, reduction='none')
        return (loss_B * kept).sum() / kept.sum()

    def _our_optimizer(self, settings: dict):
        constructor = StageOptimWrapperConstructor(dict(classifier=dict(optimizer=settings)))
        stages = nn.Module()
        stages.classifier = self.model
        return constructor(stages)['classifier']

    def _batches(self, dataset, batch: int | None = None):
        return iter(DataLoader(dataset, batch or self.batch, collate_fn=default_collate))


def build_classifier(small: bool) -> nn.Module:
    """Stage 2's model: the image tower, un-projected, and a linear head; random weights."""
    backbone = dict(
        type='CLIPVisionTransformer',
        clip=SMALL if small else PAPER,
        out_type='token',
        peft=dict(type='FullFineTune'),
    )
    head = dict(type='LinearClsHead', num_classes=100, in_channels=32 if small else 768)
    with DefaultScope.overwrite_default_scope('mmpretrain'):
        return MODELS.build(
            dict(
                type='ImageClassifier',
                backbone=backbone,
                head=head,
                data_preprocessor=dict(mean=[127.5] * 3, std=[64.0] * 3, num_classes=100),
            )
        ).train()


def plain_token(backbone: nn.Module, images: Tensor) -> Tensor:
    """The class token behind the last layer norm (B, D), with explicit softmax attention."""
    x_BTD = backbone.conv1(images).flatten(2).transpose(1, 2)
    class_B1D = backbone.class_embedding.expand(len(x_BTD), 1, -1)
    x_BTD = torch.cat([class_B1D, x_BTD], dim=1) + backbone.positional_embedding
    x_BTD = backbone.ln_pre(x_BTD)
    for block in backbone.transformer.resblocks:
        x_BTD = plain_block(block, x_BTD)
    return backbone.ln_post(x_BTD)[:, 0]


class Switch:
    """Scoring of many samples, and everything else that happens between the stages.

    Args:
        n_samples (int): Size of the data set.
    """

    def __init__(self, n_samples: int) -> None:
        names = class_names(10)
        self.model = build_detector(names, small=True)
        noise = dict(type='SymmetricNoise', ratio=0.6, seed=0)
        self.dataset = NoisyLabelDataset(MadeUpImages(n_samples, 10, size=32), noise)
        self.table = sample_table_of(self.dataset)

    def score(self) -> SampleTable:
        """The scoring pass."""
        pipeline = self.dataset.dataset.pipeline
        return score_samples(self.model, self.dataset, self.table, pipeline, batch_size=256)

    def switch(self, scores: SampleTable) -> None:
        """What is left to do when there are scores: what a run lists beforehand included."""
        kept = scores.clean_prob >= np.median(scores.clean_prob)
        table = sample_table_of(self.dataset).with_results({**scores.results(), 'kept': kept})
        with TemporaryDirectory() as folder:
            write_selection(Path(folder) / 'selection.csv', table)
        CleanSubset(self.dataset, table)


def compare_switch(repeats: int) -> None:
    run = Switch(SWITCH_SAMPLES)
    times = time_in_turn(run.score, partial(run.switch, run.score()), repeats, warmup=0)
    report(f'switch, {SWITCH_SAMPLES} samples, cpu, scoring (plain) against the rest (ours)', times)


def main(argv: Sequence[str] | None = None) -> None:
    args = parse_args(__doc__.splitlines()[0], argv, images=80, batch=16)
    for device in args.devices:
        print(describe(device))
        n_images, batch = (10, 5) if args.small else (args.images, args.batch)
        run = Stage2(n_images, batch, args.small, device)
        what = f'stage 2, {n_images} images of which {len(run.subset)} are kept, {device}'
        check_agreement(what, run.our_gradients(), run.plain_gradients(), TOLERANCE)
        if args.small:
            continue
        times = time_in_turn(run.plain, run.ours, args.repeats, device)
        weights = parameter_bytes(run.model)
        found = [peak_memory(f, device) for f in (run.plain, run.ours)]
        peaks = Peaks(*(None if peak is None else weights + peak for peak in found))
        report(f'{what}, one epoch, batch {batch}', times, peaks)
    if not args.small:
        compare_switch(args.repeats)


if __name__ == '__main__':
    main()
