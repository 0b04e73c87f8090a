"""What is exported of a classifier: prepared images go in, probabilities come out.

Shapes: B samples, C classes, E embedding width, P polarities (1, or 2 of dual prompts).
"""

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from deft_mm.models.heads import DualPromptHead, TextHead, class_scores


class FrozenTextHead(nn.Module):
    """A head with text whose features are computed once and for all, without the text tower.

    Args:
        head (TextHead): The head, in evaluation mode.
    """

    def __init__(self, head: TextHead) -> None:
        super().__init__()
        with torch.no_grad():
            text = head.text_features().detach().clone()
            temperature = getattr(head, 'temperature', None)
            scale = head.text.logit_scale.detach().float().exp()
            if temperature is not None:
                scale = torch.full_like(scale, 1 / temperature)
        self.register_buffer('text_PCE', text.reshape(-1, *text.shape[-2:]))
        self.register_buffer('scale', scale)

    def forward(self, feats: tuple[Tensor, ...]) -> Tensor:
        """Scaled similarities to all texts, float32 of shape (P, B, C)."""
        image_BE = F.normalize(feats[-1], dim=-1)
        return self.scale * image_BE @ self.text_PCE.transpose(1, 2)


class ProbabilityModel(nn.Module):
    """An ``ImageClassifier`` that gives probabilities, as tensors.

    Of a head with text the features of the texts are frozen in.

    Args:
        model (nn.Module): The classifier, in evaluation mode. Its data preprocessor is left out.
        with_clean_probs (bool): Whether dual prompts give the clean probability of every class,
            too. Defaults to False.
    """

    def __init__(self, model: nn.Module, with_clean_probs: bool = False) -> None:
        super().__init__()
        # Copies, whose outputs don't ask for gradients where they are loaded.
        self.backbone = copy.deepcopy(model.backbone)
        self.neck = copy.deepcopy(model.neck) if model.with_neck else None
        is_text = isinstance(model.head, TextHead)
        self.head = FrozenTextHead(model.head) if is_text else copy.deepcopy(model.head)
        # A loss is no part of it, and what it asks of a run, tracing would read.
        if hasattr(self.head, 'loss_module'):
            self.head.loss_module = nn.Identity()
        self.outputs = output_names(model, with_clean_probs)
        self.eval().requires_grad_(False)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Prepared images (B, 3, H, W) to what ``outputs`` names, each float32 of shape (B, C)."""
        feats = self.backbone(images)
        if self.neck is not None:
            feats = self.neck(feats)
        if not isinstance(self.head, FrozenTextHead):
            return (F.softmax(class_scores(self.head, feats, ())['logits'], dim=1),)
        logits_PBC = self.head(feats)
        probs_BC = F.softmax(logits_PBC[0], dim=1)
        if len(self.outputs) == 1:
            return (probs_BC,)
        return probs_BC, DualPromptHead.yes_probability(*logits_PBC.unbind())


def output_names(model: nn.Module, with_clean_probs: bool) -> list[str]:
    """What a model gives: 'probs', and of dual prompts 'clean_probs' if they are wanted."""
    dual = with_clean_probs and isinstance(model.head, DualPromptHead)
    return ['probs', 'clean_probs'] if dual else ['probs']


@torch.no_grad()
def predict_batch(model: nn.Module, images: Tensor, outputs: list[str]) -> dict[str, Tensor]:
    """What a classifier itself says of prepared images, as the tools have it.

    Args:
        model (nn.Module): The classifier, in evaluation mode.
        images (Tensor): Of shape (B, 3, H, W), as its data preprocessor gives them.
        outputs (list[str]): 'probs', or 'probs' and 'clean_probs'.

    Returns:
        dict[str, Tensor]: The outputs, each float32 of shape (B, C).
    """
    names = ['yes_prob'] if 'clean_probs' in outputs else []
    scores = class_scores(model.head, model.extract_feat(images), names)
    found = dict(probs=F.softmax(scores['logits'], dim=1), clean_probs=scores.get('yes_prob'))
    return {name: found[name] for name in outputs}
