"""What the training recipes of the detector differ in."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Recipe:
    """One way to train the detector.

    Args:
        warmup_epochs (int): For how many epochs the classification loss takes every sample.
        warmup_loss (dict, optional): The classification loss of these epochs; None for the one used
            afterwards. Defaults to None.
        pseudo_label_epoch (int, optional): The epoch (from 0) from which rejected samples have the
            predicted class as their positive label in negative learning; None for the end of the
            warm-up, which is also the latest. Defaults to None.
        require_agreement (bool): Whether a sample is clean only if the class of the highest
            probability "is this class" is the given label, too. Defaults to False.
        agree_with_prediction (bool): Whether that class is the predicted one in its place, of the
            highest positive logit. Defaults to False.
        pseudo_labels (bool): Whether rejected samples get a pseudo label at all; otherwise the
            positive term of negative learning leaves them out. Defaults to True.
        train_classifier (bool): Whether the classification loss trains the positive context and the
            backbone. Otherwise both stay as they are, and the negative context alone learns.
            Defaults to True.
    """

    warmup_epochs: int
    warmup_loss: dict | None = None
    pseudo_label_epoch: int | None = None
    require_agreement: bool = False
    agree_with_prediction: bool = False
    pseudo_labels: bool = True
    train_classifier: bool = True


RECIPES = {
    # Noise that was added to a clean data set.
    'synthetic': Recipe(warmup_epochs=1),
    # CIFAR-100N, Clothing1M, WebVision, as DeFT's reference code trains on them.
    'real_world': Recipe(
        warmup_epochs=5,
        warmup_loss=dict(type='SCELoss', alpha=1.0, beta=1.0),
        pseudo_label_epoch=1,
        require_agreement=True,
    ),
    # The same as the paper's text has it: one warm-up epoch on all data sets, and the given label
    # consistent with the predicted one.
    'real_world_text': Recipe(warmup_epochs=1, require_agreement=True, agree_with_prediction=True),
    # A CLIP that knows the classes badly. Wrong labels and the detector's own mistakes would undo
    # what it knows, so it stays as it is, and the thresholds alone are learned.
    'cautious': Recipe(warmup_epochs=3, train_classifier=False),
}


def get_recipe(name: str, **changes: bool | None) -> Recipe:
    """A recipe by its name, a key of ``RECIPES``, with other values in fields that aren't None.

    Raises:
        ValueError: If no recipe has this name.
    """
    if name not in RECIPES:
        raise ValueError(f'recipe is {name!r}: set one of {", ".join(RECIPES)}.')
    changes = {field: value for field, value in changes.items() if value is not None}
    return replace(RECIPES[name], **changes)
