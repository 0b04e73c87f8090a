"""Zero-shot accuracy on drawings kept out of training."""

from __future__ import annotations

import numpy as np
import torch
from open_clip.model import CLIP
from open_clip.tokenizer import SimpleTokenizer

from .captions import PROMPT
from .concepts import CONCEPTS, concept_indices
from .drawing import Pool, colour
from .training import encode_captions

EVALUATION_BATCH = 256


@torch.no_grad()
def encode_images(model: CLIP, images: torch.Tensor) -> torch.Tensor:
    """Unit vectors (n, embed_dim) of normalised images, float32 of shape (n, 3, 32, 32)."""
    parts = images.split(EVALUATION_BATCH)
    return torch.cat([model.encode_image(part, normalize=True) for part in parts])


@torch.no_grad()
def zero_shot_predictions(
    model: CLIP, tokenizer: SimpleTokenizer, features: torch.Tensor, names: list[str]
) -> np.ndarray:
    """Which name fits each image best.

    Args:
        model: the CLIP, in evaluation mode.
        tokenizer: of its text tower.
        features: of `encode_images`.
        names: class names, put into "a photo of a {}.".

    Returns:
        int64 of shape (n,), positions in `names`.
    """
    texts = encode_captions(model, tokenizer([PROMPT.format(name) for name in names]))
    return (features @ texts.T).argmax(dim=1).numpy()


def held_out_accuracy(
    model: CLIP, tokenizer: SimpleTokenizer, pool: Pool, seed: int = 0
) -> dict[str, float]:
    """Accuracy on a pool drawn with `held_out=True`.

    Args:
        model: the CLIP; its training mode is left as it was.
        tokenizer: of its text tower.
        pool: the held-out drawings.
        seed: of their colours.

    Returns:
        `all`: share of drawings named right among all concepts; and for each kind, the share
        of its drawings named right among the names of that kind.
    """
    was_training = model.training
    model.eval()
    images = colour(pool.images, np.random.default_rng((seed, 5)))
    features = encode_images(model, images)
    groups = {'all': list(range(len(CONCEPTS)))}
    groups |= {kind: concept_indices(kind) for kind in ('digit', 'letter', 'shape')}
    accuracy = {}
    for group, indices in groups.items():
        chosen = np.flatnonzero(np.isin(pool.labels, indices))
        names = [CONCEPTS[index].name for index in indices]
        found = zero_shot_predictions(model, tokenizer, features[chosen], names)
        truth = pool.labels[chosen]
        accuracy[group] = float((np.array(indices)[found] == truth).mean()) if len(truth) else 0.0
    model.train(was_training)
    return accuracy
