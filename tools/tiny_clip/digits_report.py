"""Zero-shot accuracy on scikit-learn's digits: a report on a finished model.

This is the only part that touches those digits. Training does not import it, and nothing
about the model is chosen by its figure.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits

from .concepts import DIGIT_WORDS
from .drawing import IMAGE_SIZE, normalise
from .evaluation import encode_images, zero_shot_predictions
from .folder import load_folder


def digits_accuracy(folder: Path) -> float:
    """Share of all 1,797 digits named right by "a photo of a {zero .. nine}."."""
    model, tokenizer = load_folder(folder)
    digits = load_digits()
    grey = np.round(digits.images * (255.0 / 16.0))
    images = torch.from_numpy(grey.astype(np.float32) / 255.0)[:, None].expand(-1, 3, -1, -1)
    images = F.interpolate(images, size=(IMAGE_SIZE, IMAGE_SIZE), mode='bilinear')
    features = encode_images(model, normalise(images))
    found = zero_shot_predictions(model, tokenizer, features, list(DIGIT_WORDS))
    return float((found == digits.target).mean())
