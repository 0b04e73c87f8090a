"""The detector that benchmarks run: the paper's, or a small one; with random weights."""

from __future__ import annotations

from collections.abc import Sequence

import open_clip
import torch
from mmpretrain.datasets.categories import CIFAR100_CATEGORIES
from mmpretrain.registry import MODELS
from torch import nn

import deft_mm.models  # noqa: F401  (registers the detector's parts)

# OpenAI's weights, which the configs use, need QuickGELU.
PAPER = dict(model='ViT-B-16', quick_gelu=True)
SMALL = dict(
    model=dict(
        embed_dim=16,
        quick_gelu=True,
        vision_cfg=dict(image_size=32, patch_size=8, layers=2, width=32, head_width=16),
        text_cfg=dict(context_length=77, vocab_size=49408, layers=2, width=32, heads=2),
    )
)


def class_names(n: int) -> list[str]:
    """CIFAR-100's names up to 100 classes, ImageNet's up to 1,000, and made-up pairs above."""
    names = CIFAR100_CATEGORIES if n <= 100 else open_clip.IMAGENET_CLASSNAMES
    names = list(names)
    while len(names) < n:
        step = len(names) // 1000
        names += [
            f'{a} {b}'
            for a, b in zip(names[:1000], names[step : 1000 + step] + names[:step], strict=False)
        ]
    return names[:n]


def build_detector(
    names: Sequence[str], small: bool = False, device: str = 'cpu', **head
) -> nn.Module:
    """Stage 1's model with VPT-deep, in training mode.

    Args:
        names (Sequence[str]): Class names.
        small (bool): Whether to take a small CLIP. Defaults to False.
        device (str): Where it is put. Defaults to 'cpu'.
        **head: More settings of the ``DualPromptHead``.

    Returns:
        ImageClassifier: The detector. Its contexts are large enough to matter.
    """
    torch.manual_seed(0)
    clip = SMALL if small else PAPER
    cfg = dict(
        type='ImageClassifier',
        backbone=dict(type='CLIPVisionTransformer', clip=clip, peft=dict(type='VPT')),
        head=dict(
            type='DualPromptHead',
            clip=clip,
            num_classes=len(names),
            class_names=list(names),
            ctx_init_std=0.05,
            **head,
        ),
    )
    return MODELS.build(cfg).to(device).train()


def random_images(n: int, small: bool = False, device: str = 'cpu') -> torch.Tensor:
    """Normalised images (n, 3, H, W) in the resolution of the detector."""
    size = 32 if small else 224
    return torch.randn(n, 3, size, size, generator=torch.Generator().manual_seed(1)).to(device)
