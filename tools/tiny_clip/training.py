"""Contrastive pre-training of the tiny CLIP on drawings and captions."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from open_clip.model import CLIP
from open_clip.tokenizer import SimpleTokenizer

from .captions import write_captions
from .concepts import CONCEPTS
from .drawing import Pool, colour

WARM_UP_STEPS = 50
MAX_LOGIT_SCALE = math.log(100.0)
GLIBC_TRIM_THRESHOLD, GLIBC_MMAP_MAX = -1, -4


class Recipe(NamedTuple):
    """How to train.

    Attributes:
        steps: optimiser steps at most, the cool-down among them.
        cool_down: the last steps, over which the learning rate falls to zero in a line.
        batch: images a step.
        learning_rate: of all steps between warm-up and cool-down.
        weight_decay: of AdamW, on matrices only.
        captions_per_concept: captions written for each concept, once, before training.
        captions_per_step: captions of each concept in a batch that a step encodes.
        seed: of everything random.
    """

    steps: int
    cool_down: int
    batch: int = 256
    learning_rate: float = 1e-3
    weight_decay: float = 0.05
    captions_per_concept: int = 400
    captions_per_step: int = 2
    seed: int = 0


def keep_freed_memory() -> None:
    """Let glibc keep freed buffers, where there is a glibc.

    By default it returns every large buffer to the system and faults it in again at the next
    operation, which can take longer than the arithmetic of so small a model. This changes
    speed only, never a result.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(GLIBC_MMAP_MAX, 0)
    mallopt(GLIBC_TRIM_THRESHOLD, -1)


def encode_captions(model: CLIP, tokens: torch.Tensor) -> torch.Tensor:
    """Encode captions without computing the padding behind the longest of them.

    The text tower is causal, so what stands behind the end token cannot reach it and the
    result equals `model.encode_text(tokens, normalize=True)`, several times faster.

    Args:
        tokens: int64 of shape (n, 77), zeros behind the end token.

    Returns:
        Unit vectors of shape (n, embed_dim).
    """
    ends = tokens.argmax(dim=1)
    length = int(ends.max()) + 1
    x = model.token_embedding(tokens[:, :length]) + model.positional_embedding[:length]
    x = model.transformer(x, attn_mask=model.attn_mask[:length, :length])
    x = model.ln_final(x)[torch.arange(len(tokens)), ends]
    return F.normalize(x @ model.text_projection, dim=-1)


def multi_positive_loss(
    logits: torch.Tensor, image_labels: torch.Tensor, text_labels: torch.Tensor
) -> torch.Tensor:
    """InfoNCE in which every pair of the same concept is a positive.

    The target of a row (and of a column) is spread evenly over its positives.

    Args:
        logits: (images, texts), already scaled.
        image_labels: (images,); each must occur among the texts.
        text_labels: (texts,); each must occur among the images.
    """
    positive = (image_labels[:, None] == text_labels[None, :]).to(logits.dtype)
    to_text = -(positive * logits.log_softmax(dim=1)).sum(dim=1) / positive.sum(dim=1)
    to_image = -(positive * logits.log_softmax(dim=0)).sum(dim=0) / positive.sum(dim=0)
    return (to_text.mean() + to_image.mean()) / 2


def learning_rate(step: int, end: int, recipe: Recipe) -> float:
    """Linear warm-up, a constant, and a linear cool-down to zero after the last step.

    A constant rate fits training that ends by what is measured: unlike a cosine it does not
    need the number of steps beforehand (Hu et al., MiniCPM, 2024, section 4).

    Args:
        step: counts from 0.
        end: how many steps there will be, as far as is known.
        recipe: how to train.
    """
    warm_up = min(1.0, (step + 1) / WARM_UP_STEPS)
    cool_down = min(1.0, (end - step) / (recipe.cool_down + 1))
    return recipe.learning_rate * min(warm_up, cool_down)


def build_optimizer(model: CLIP, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW, with decay on matrices only: not on biases, norms, embeddings or the scale."""
    free = ('embedding', 'logit_scale')
    groups: dict[bool, list[torch.nn.Parameter]] = {True: [], False: []}
    for name, parameter in model.named_parameters():
        decays = parameter.ndim > 1 and not any(word in name for word in free)
        groups[decays].append(parameter)
    return torch.optim.AdamW(
        [
            {'params': groups[True], 'weight_decay': recipe.weight_decay},
            {'params': groups[False], 'weight_decay': 0.0},
        ],
        lr=recipe.learning_rate,
        betas=(0.9, 0.98),
    )


def batches(pool_size: int, recipe: Recipe) -> Iterator[np.ndarray]:
    """Endless batches of indices into the pool, each drawing once before any comes again."""
    rng = np.random.default_rng((recipe.seed, 3))
    queue = np.empty(0, dtype=np.int64)
    while True:
        while len(queue) < recipe.batch:
            queue = np.concatenate([queue, rng.permutation(pool_size)])
        yield queue[: recipe.batch]
        queue = queue[recipe.batch :]


def caption_tokens(tokenizer: SimpleTokenizer, recipe: Recipe) -> torch.Tensor:
    """Tokens of all captions: int64 of shape (concepts, captions_per_concept, 77)."""
    captions = write_captions(recipe.captions_per_concept, recipe.seed)
    flat = tokenizer([caption for group in captions for caption in group])
    return flat.reshape(len(CONCEPTS), recipe.captions_per_concept, -1)


def train(
    model: CLIP,
    tokenizer: SimpleTokenizer,
    pool: Pool,
    recipe: Recipe,
    after_step: Callable[[int, float], bool | None] = lambda step, loss: None,
) -> int:
    """Train a model in place.

    Args:
        model: a freshly built model.
        tokenizer: of the captions.
        pool: the drawings.
        recipe: how to train.
        after_step: called with the number of steps done and the loss of the last; where it
            returns true, the cool-down begins.

    Returns:
        The number of steps done.
    """
    tokens = caption_tokens(tokenizer, recipe)
    optimizer = build_optimizer(model, recipe)
    rng = np.random.default_rng((recipe.seed, 4))
    model.train()
    stream = batches(len(pool.images), recipe)
    end, step = recipe.steps, 0
    while step < end:
        indices = next(stream)
        for group in optimizer.param_groups:
            group['lr'] = learning_rate(step, end, recipe)
        labels = pool.labels[indices]
        text_labels = np.repeat(np.unique(labels), recipe.captions_per_step)
        chosen = rng.integers(recipe.captions_per_concept, size=len(text_labels))
        images = model.encode_image(colour(pool.images[indices], rng), normalize=True)
        texts = encode_captions(model, tokens[text_labels, chosen])
        logits = model.logit_scale.exp() * images @ texts.T
        loss = multi_positive_loss(logits, torch.from_numpy(labels), torch.from_numpy(text_labels))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            model.logit_scale.clamp_(0.0, MAX_LOGIT_SCALE)
        step += 1
        if after_step(step, loss.item()):
            end = min(end, step + recipe.cool_down)
    return end
