"""Pools of distorted drawings, and how a batch of them gets its colours."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F

from .concepts import CONCEPTS, Concept, concept_probabilities
from .fonts import CANVAS, draw_glyph
from .strokes import draw_digit, draw_shape

IMAGE_SIZE = 32
# The constants of OpenAI's CLIP, which deft_mm's pre-processing uses for every CLIP.
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)

PEN_SHARE = 0.6
LOW_SIZES = (8, 10, 12, 16, 20)
CHUNK = 1000


class Pool(NamedTuple):
    """Grey drawings: `images` uint8 (n, 32, 32), `labels` int64 (n,) into `CONCEPTS`."""

    images: np.ndarray
    labels: np.ndarray


def draw(concept: Concept, rng: np.random.Generator, held_out: bool) -> np.ndarray:
    """One clean drawing of a concept: uint8 of shape (CANVAS, CANVAS), white on black."""
    if concept.kind == 'shape':
        return draw_shape(concept.symbol, rng)
    if concept.kind == 'digit' and rng.random() < PEN_SHARE:
        return draw_digit(concept.symbol, rng)
    return draw_glyph(concept.symbol, rng, held_out)


def _uniform(rng: np.random.Generator, low: float, high: float, *shape: int) -> torch.Tensor:
    return torch.from_numpy(rng.uniform(low, high, shape).astype(np.float32))


def warp(images: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Turn, slant, scale, shift and bend each image; float (n, 1, CANVAS, CANVAS) both ways."""
    count = len(images)
    turn = _uniform(rng, -0.25, 0.25, count)
    slant = _uniform(rng, -0.3, 0.3, count)
    size = _uniform(rng, 0.75, 1.25, count)
    stretch = _uniform(rng, 0.85, 1.2, count)
    shift = _uniform(rng, -0.12, 0.12, count, 2)
    # `affine_grid` maps output places to input places: larger numbers draw smaller.
    across = torch.stack([turn.cos() * size * stretch, slant - turn.sin() * size], dim=1)
    down = torch.stack([turn.sin() * size, turn.cos() * size], dim=1)
    matrix = torch.cat([torch.stack([across, down], dim=1), shift[:, :, None]], dim=2)
    grid = F.affine_grid(matrix, [count, 1, CANVAS, CANVAS], align_corners=False)
    knots = torch.from_numpy(rng.normal(0.0, 1.0, (count, 2, 5, 5)).astype(np.float32))
    knots = knots * _uniform(rng, 0.0, 0.07, count, 1, 1, 1)
    bend = F.interpolate(knots, size=CANVAS, mode='bicubic', align_corners=True)
    return F.grid_sample(images, grid + bend.permute(0, 2, 3, 1), align_corners=False)


def degrade(images: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """Blur some images, and take some through a low resolution; float (n, 1, 32, 32)."""
    count = len(images)
    blurred = F.avg_pool2d(images, 3, stride=1, padding=1)
    pick = torch.from_numpy(rng.random(count) < 0.3)[:, None, None, None]
    images = torch.where(pick, blurred, images)
    sizes = rng.choice((*LOW_SIZES, IMAGE_SIZE), size=count, p=(0.25, 0.1, 0.1, 0.1, 0.05, 0.4))
    for size in LOW_SIZES:
        chosen = torch.from_numpy(np.flatnonzero(sizes == size))
        if len(chosen):
            small = F.interpolate(images[chosen], size=(size, size), mode='area')
            images[chosen] = F.interpolate(small, size=(IMAGE_SIZE, IMAGE_SIZE), mode='bilinear')
    gain = _uniform(rng, 0.7, 1.3, count, 1, 1, 1)
    return (images * gain).clamp(0.0, 1.0)


def draw_pool(count: int, seed: int, held_out: bool = False) -> Pool:
    """Draw a pool of images from a seed.

    Args:
        count: how many images.
        seed: the same seed and count give the same pool.
        held_out: use the fonts kept out of training, and random numbers of their own.
    """
    if count < 1:
        raise ValueError(f'A pool needs at least one drawing, not {count}; raise its size.')
    probabilities = np.array(concept_probabilities())
    images, labels = [], []
    for start in range(0, count, CHUNK):
        rng = np.random.default_rng((seed, int(held_out), start))
        size = min(CHUNK, count - start)
        chosen = rng.choice(len(CONCEPTS), size=size, p=probabilities / probabilities.sum())
        clean = np.stack([draw(CONCEPTS[index], rng, held_out) for index in chosen])
        canvases = torch.from_numpy(clean).float().div(255.0)[:, None]
        drawings = degrade(F.avg_pool2d(warp(canvases, rng), CANVAS // IMAGE_SIZE), rng)
        images.append(drawings[:, 0].mul(255.0).round().to(torch.uint8).numpy())
        labels.append(chosen)
    return Pool(np.concatenate(images), np.concatenate(labels).astype(np.int64))


def normalise(images: torch.Tensor) -> torch.Tensor:
    """Take the CLIP mean and deviation off RGB images in 0..1, shape (n, 3, 32, 32)."""
    mean = torch.tensor(MEAN)[None, :, None, None]
    std = torch.tensor(STD)[None, :, None, None]
    return (images - mean) / std


def colour(images: np.ndarray, rng: np.random.Generator) -> torch.Tensor:
    """Give grey drawings ink, paper and noise, and normalise them.

    Half are white on black, a fifth black on white, the rest in random colours that differ
    enough to be seen.

    Args:
        images: uint8 of shape (n, 32, 32).
        rng: where the colours come from.

    Returns:
        float32 of shape (n, 3, 32, 32).
    """
    count = len(images)
    style = rng.random(count)
    ink = rng.uniform(0.55, 1.0, (count, 3))
    paper = rng.uniform(0.0, 0.35, (count, 3))
    swap = style >= 0.85
    ink[swap], paper[swap] = paper[swap].copy(), ink[swap].copy()
    ink[style < 0.5], paper[style < 0.5] = 1.0, 0.0
    inverted = (style >= 0.5) & (style < 0.7)
    ink[inverted], paper[inverted] = 0.0, 1.0
    masks = torch.from_numpy(images).float().div(255.0)[:, None]
    ink_rgb = torch.from_numpy(ink.astype(np.float32))[:, :, None, None]
    paper_rgb = torch.from_numpy(paper.astype(np.float32))[:, :, None, None]
    noise = torch.from_numpy(rng.standard_normal((count, 1, *images.shape[1:]), dtype=np.float32))
    noise = noise * _uniform(rng, 0.0, 0.06, count, 1, 1, 1)
    return normalise((paper_rgb + masks * (ink_rgb - paper_rgb) + noise).clamp(0.0, 1.0))
