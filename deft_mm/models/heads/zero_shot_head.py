"""Zero-shot CLIP as a head: class weights from a fixed prompt template.

Shapes: B samples, C classes, E embedding width, K templates, T tokens.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmpretrain.registry import MODELS
from torch import Tensor

from deft_mm.models.text import (
    PackedPrompts,
    encode_prompts,
    lay_out_prompts,
    tokenize_classes,
    without_autocast,
)

from .text_head import TextHead


@MODELS.register_module()
class ZeroShotHead(TextHead):
    """CLIP's zero-shot classifier: no parameter of it is trained.

    Behind a CLIP backbone it is the label-match baseline ("clean if the prediction equals the given
    label"), with the initial CLIP, or, trained with a PEFT method in the backbone, with an adapted
    one. From `Learning Transferable Visual Models From Natural Language Supervision
    <https://arxiv.org/abs/2103.00020>`_, Sec. 3.1.

    Args:
        clip (dict | str): The CLIP model, as for :func:`deft_mm.models.clip.load_text_tower`.
        num_classes (int): Number of classes, at least 2.
        class_names (Sequence[str], optional): Class names in the order of the labels; None if the
            data set's metainfo gives them (:meth:`set_class_names`). Defaults to None.
        template (str | Sequence[str]): The prompt, with ``{}`` for the class name. Of several the
            features are averaged. Defaults to 'a photo of a {}.' (in DeFT's paper it has no full
            stop).
        temperature (float, optional): Divides the cosine similarities; None for CLIP's own,
            ``exp(-logit_scale)`` (0.01 in OpenAI's models). It changes scores, not the predicted
            class. Defaults to None.
        loss (dict): The classification loss. Defaults to ``dict(type='CrossEntropyLoss')``.
        topk (int | tuple[int]): The k of the accuracies of ``cal_acc``. Defaults to ``(1,)``.
        cal_acc (bool): Whether to log the accuracy of training batches. Defaults to False.
        init_cfg (dict, optional): Initialisation config. Defaults to None.

    Raises:
        ValueError: If a template has not exactly one ``{}``, if the temperature is not positive, or
            if class names don't fit in number or length.

    Example:

        .. code:: python

            clip = dict(model='ViT-B-16', pretrained='openai')
            model = dict(
                type='ImageClassifier',
                backbone=dict(type='CLIPVisionTransformer', clip=clip),
                head=dict(type='ZeroShotHead', clip=clip, num_classes=100, template='a {}.'))
    """

    def __init__(
        self,
        clip: dict | str,
        num_classes: int,
        class_names: Sequence[str] | None = None,
        template: str | Sequence[str] = 'a photo of a {}.',
        temperature: float | None = None,
        loss: dict | None = None,
        topk: int | tuple[int, ...] = (1,),
        cal_acc: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        templates = (template,) if isinstance(template, str) else tuple(template)
        if not templates or any(t.count('{}') != 1 or t.count('{') != 1 for t in templates):
            raise ValueError(
                f'ZeroShotHead.template is {template!r}: write {{}} once in every template, where '
                'the class name goes.'
            )
        if temperature is not None and not temperature > 0:
            raise ValueError(
                f'ZeroShotHead.temperature is {temperature}: set it above 0, or to None for that '
                'of CLIP.'
            )
        super().__init__(
            clip=clip,
            num_classes=num_classes,
            loss=loss,
            topk=topk,
            cal_acc=cal_acc,
            init_cfg=init_cfg,
        )
        self.templates = templates
        self.temperature = temperature
        shape = (len(self.templates), num_classes, self.text.context_length - 2)
        self._begin_names(shape, class_names)

    def tokenize(self, names: Sequence[str]) -> Tensor:
        """Token ids of every template with every name, (K, C, context length - 2), padded -1."""
        room = f'a context of {self.text.context_length} tokens with the start and end token'
        width = self.class_token_ids.size(2)
        return torch.stack(
            [tokenize_classes(self.text.tokenizer, names, width, room, t) for t in self.templates]
        )

    def text_features(self) -> Tensor:
        """Unit-length features of the classes, computed once; float32 of shape (C, E)."""
        return self._features.get(self._encode, self._text_tensors())

    class_features = text_features

    def _encode(self) -> Tensor:
        tokens = self._class_tokens()
        feats = []
        no_ctx = self.text.positional_embedding.new_empty(1, 0, self.text.width)
        with without_autocast(self.class_token_ids):
            for start in range(0, len(tokens), self.num_classes):
                of_template = tokens[start : start + self.num_classes]
                prompts = lay_out_prompts(of_template, 0, 'end', self.text.tokenizer)
                packed = PackedPrompts.pack(self.text, prompts, memory_gb=1.0)
                feats.append(encode_prompts(self.text, packed, no_ctx)[0])
        return F.normalize(torch.stack(feats).mean(dim=0), dim=-1)

    def forward(self, feats: tuple[Tensor]) -> Tensor:
        """Similarity to every class: logits, float32 of shape (B, C)."""
        if self.temperature is not None:
            return self.cosine_similarity(feats) / self.temperature
        return self.scaled_similarity(feats)
