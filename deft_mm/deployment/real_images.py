"""A batch of real images, on which an exported file is checked."""

from __future__ import annotations

import numpy as np
import torch
from mmpretrain.registry import MODELS
from torch import Tensor

from deft_mm.datasets import evaluation_view
from deft_mm.detection import FileModel, evaluation_transforms, find_data, read_data
from deft_mm.shorten import shorten

# So many images are compared.
NUMBER = 8


def real_batch(found: FileModel, own: bool) -> Tensor:
    """Prepare some images, spread evenly, as the network sees them.

    Args:
        found (FileModel): The model, and files.
        own (bool): Whether the images are those of the config's validation instead of the files.

    Returns:
        Tensor: Up to 8 images, float32 of shape (B, 3, H, W).

    Raises:
        ValueError: If there are none, or they come in several sizes.
    """
    dataset, transforms, preprocessor = found.dataset, found.transforms, found.preprocessor
    if own:
        try:
            data = find_data(found.cfg, None, 'val')
            dataset, _ = read_data(data)
        except (OSError, ValueError, KeyError) as error:  # KeyError: a data set without a type
            raise ValueError(
                f'What is exported is checked on images, and those of the validation of '
                f'{found.cfg.filename} cannot be had ({error}): name some with --images.'
            ) from error
        transforms, preprocessor = evaluation_transforms(found.cfg, data, dataset)
    view = evaluation_view(dataset, transforms)
    index = np.unique(np.linspace(0, len(view) - 1, NUMBER).round().astype(int))
    prepare = MODELS.build(dict(dict(type='ClsDataPreprocessor'), **preprocessor)).eval()
    images = [prepare(dict(inputs=[view[int(i)]['inputs']]), False)['inputs'] for i in index]
    sizes = sorted({f'{image.shape[3]}x{image.shape[2]}' for image in images})
    if len(sizes) > 1:
        raise ValueError(
            f'The evaluation transforms of {found.cfg.filename} give images of several sizes '
            f'({shorten(sizes)}), and an exported graph takes one: add a Resize to '
            'val_dataloader.dataset.pipeline.'
        )
    return torch.cat(images)
