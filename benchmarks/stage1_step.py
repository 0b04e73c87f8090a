"""A training step of stage 1, forward and backward: ours against the plain way.

python benchmarks/stage1_step.py                # ViT-B/16, batch 16 and 64, 100 and 1,000 classes
python benchmarks/stage1_step.py --small        # a small model; only checks agreement

On a CPU the two parts of a step are timed apart: the text tower, whose time is fixed per batch, and
the image tower with the losses on 16 images, whose time grows with the batch. On a GPU the step
is timed whole. The plain text tower goes through the classes in chunks where all at once would not
fit; the memory of the plain step is then extrapolated from fewer classes and images.
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
    fit_line,
    parameter_bytes,
    parse_args,
    peak_memory,
    report,
    time_in_turn,
)
from detector import build_detector, class_names, random_images
from mmpretrain.structures import DataSample
from plain_clip import PlainTextTower, plain_image_features, plain_losses
from torch import Tensor

TOLERANCE = 1e-4
CHUNK = 100
IMAGES = 16
# (classes, images) of the measurements on which the line of the plain step's memory lies.
FIT_SIZES = ((50, 8), (50, 16), (100, 8), (200, 8))


class Stage1Step:
    """One training step in both ways, and its parts.

    Args:
        n_classes (int): Number of classes.
        n_images (int): The largest batch.
        small (bool): Whether to take a small CLIP.
        device (str): Where it runs.
    """

    def __init__(self, n_classes: int, n_images: int, small: bool, device: str) -> None:
        names = class_names(n_classes)
        self.model = build_detector(names, small, device)
        head = self.model.head
        self.encode_ours = head.text_features
        self.encode_plain = PlainTextTower(head, names)
        self.trained = {
            name: parameter
            for name, parameter in self.model.named_parameters()
            if parameter.requires_grad
        }
        self.contexts = [head.prompts.pos_ctx, head.prompts.neg_ctx]
        self.visual = [p for p in self.model.backbone.parameters() if p.requires_grad]
        self.images = random_images(n_images, small, device)
        self.labels = torch.arange(n_images, device=device) % n_classes
        head.draw_complementary_labels = self._next_class
        self.n_classes = n_classes

    # -- the whole step -------------------------------------------------------

    def ours(self, n_images: int) -> dict[str, Tensor]:
        """Loss and gradients of a step."""
        return self._results(self._our_loss(n_images))

    def plain(self, n_images: int, n_classes: int | None = None) -> dict[str, Tensor]:
        """The same in the plain way, with the first classes."""
        text_CE = self.encode_plain(slice(n_classes))
        return self._results(self._plain_loss(n_images, text_CE))

    def _results(self, loss: Tensor) -> dict[str, Tensor]:
        grads = torch.autograd.grad(loss, list(self.trained.values()))
        return dict(zip(self.trained, grads, strict=True), loss=loss.detach())

    def _our_loss(self, n_images: int) -> Tensor:
        samples = [DataSample().set_gt_label(label) for label in self.labels[:n_images]]
        losses = self.model(self.images[:n_images], samples, mode='loss')
        return sum(value for key, value in losses.items() if 'loss' in key)

    def _plain_loss(self, n_images: int, text_CE: Sequence[Tensor]) -> Tensor:
        labels = self.labels[:n_images] % len(text_CE[0])
        return plain_losses(
            self.model.head.text.logit_scale,
            plain_image_features(self.model.backbone, self.images[:n_images]),
            text_CE,
            labels,
            self._next_class(labels, len(text_CE[0])),
        )

    def _next_class(self, labels: Tensor, n_classes: int | None = None) -> Tensor:
        return (labels + 1) % (n_classes or self.n_classes)

    # -- its parts ------------------------------------------------------------

    def our_text(self) -> None:
        feats = self.encode_ours()
        torch.autograd.grad(feats, self.contexts, torch.ones_like(feats))

    def plain_text(self) -> None:
        for start in range(0, self.n_classes, CHUNK):
            feats = self.encode_plain(slice(start, start + CHUNK))
            torch.autograd.grad(feats, self.contexts, [torch.ones_like(feat) for feat in feats])

    def our_image(self, n_images: int) -> None:
        text_PCE = self._any_text()
        self.model.head.text_features = lambda: text_PCE
        torch.autograd.grad(self._our_loss(n_images), [text_PCE, *self.visual])
        del self.model.head.text_features

    def plain_image(self, n_images: int) -> None:
        text_PCE = self._any_text()
        torch.autograd.grad(self._plain_loss(n_images, text_PCE), [text_PCE, *self.visual])

    def _any_text(self) -> Tensor:
        shape = 2, self.n_classes, self.model.head.text.embed_dim
        feats = torch.randn(shape, device=self.images.device)
        return torch.nn.functional.normalize(feats, dim=-1).requires_grad_()

    # -- memory ---------------------------------------------------------------

    def plain_memory_line(self, device: str):
        """From (classes, images) to the plain step's peak in bytes, without weights."""
        measured = [
            peak_memory(partial(self.plain, images, classes), device)
            for classes, images in FIT_SIZES
        ]
        return fit_line(FIT_SIZES, measured)

    def peaks(self, n_images: int, plain_line, device: str) -> Peaks:
        """Peak memory of a step: ours measured, the plain one from its line."""
        weights = parameter_bytes(self.model)
        ours = peak_memory(partial(self.ours, n_images), device)
        plain = plain_line(self.n_classes, n_images)
        return Peaks(weights + plain, weights + ours, extrapolated=True)


def times_by_batch(step: Stage1Step, batches: Sequence[int], device: str, repeats: int):
    """Times of a step by batch size: whole on a GPU, else the sum of the parts."""
    if torch.device(device).type == 'cuda' and step.n_classes <= CHUNK:
        return {n: _whole_step(step, n, device, repeats) for n in batches}
    text = time_in_turn(step.plain_text, step.our_text, repeats, device)
    image = _image_part(step, IMAGES, device, repeats)
    report(f'stage 1, {step.n_classes} classes, {device}, text tower', text)
    report(f'stage 1, {step.n_classes} classes, {device}, image tower, {IMAGES} images', image)
    return {n: text + image * (n / IMAGES) for n in batches}


def _whole_step(step: Stage1Step, n: int, device: str, repeats: int) -> Times:
    return time_in_turn(partial(step.plain, n), partial(step.ours, n), repeats, device)


def _image_part(step: Stage1Step, n: int, device: str, repeats: int) -> Times:
    return time_in_turn(partial(step.plain_image, n), partial(step.our_image, n), repeats, device)


def check(small: bool, device: str) -> None:
    """Loss and every gradient of a whole step agree, at a size that the plain way can take."""
    n_classes, n_images = (12, 4) if small else (100, IMAGES)
    step = Stage1Step(n_classes, n_images, small, device)
    what = f'stage 1, {n_classes} classes, {n_images} images, {device}'
    ours, plain = step.ours(n_images), step.plain(n_images)
    check_agreement(what, _summary(ours), _summary(plain), TOLERANCE)


def _summary(results: dict[str, Tensor]) -> dict[str, Tensor]:
    """The gradients of all visual prompts in one tensor."""
    parts = {'visual_prompt_grad': [], 'pos_ctx_grad': [], 'neg_ctx_grad': [], 'loss': []}
    for name, value in results.items():
        key = name.split('.')[-1] + '_grad' if 'ctx' in name else 'visual_prompt_grad'
        parts['loss' if name == 'loss' else key].append(value)
    return {key: torch.stack(values) for key, values in parts.items()}


def main(argv: Sequence[str] | None = None) -> None:
    defaults = dict(classes=[100, 1000], batches=[16, 64])
    args = parse_args(__doc__.splitlines()[0], argv, **defaults)
    for device in args.devices:
        print(describe(device))
        check(args.small, device)
        if args.small:
            continue
        plain_line = None
        for n_classes in sorted(args.classes, reverse=True):
            step = Stage1Step(n_classes, max(args.batches), args.small, device)
            times = times_by_batch(step, args.batches, device, args.repeats)
            if plain_line is None:
                plain_line = step.plain_memory_line(device)
            for n, both in times.items():
                what = f'stage 1, {n_classes} classes, batch {n}, {device}'
                report(what, both, step.peaks(n, plain_line, device))


if __name__ == '__main__':
    main()
