"""What heads have in common whose prompts begin with learned contexts.

Shapes: B samples, C classes, E embedding width, P polarities (positive, and of dual prompts
negative).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from deft_mm.models.text import (
    PackedPrompts,
    PromptLearner,
    encode_prompts,
    lay_out_prompts,
    tokenize_classes,
    without_autocast,
)

from .text_head import TextHead


class LearnedTextHead(TextHead):
    """Base of the heads that learn the contexts of their prompts.

    A subclass calls :meth:`_begin_prompts` when it is built. The contexts are in ``prompts``, a
    :class:`~deft_mm.models.text.PromptLearner`.
    """

    def _begin_prompts(
        self, class_names: Sequence[str] | None, text_memory_gb: float | None, **contexts: Any
    ) -> None:
        """Make the contexts, and write the prompts of names that are known already.

        Args:
            class_names (Sequence[str], optional): Class names in the order of the labels.
            text_memory_gb (float, optional): Bound on what the text tower keeps for the backward
                pass, see :class:`~deft_mm.models.heads.DualPromptHead`; None for no bound.
            **contexts: Arguments of :class:`~deft_mm.models.text.PromptLearner`.

        Raises:
            ValueError: If a setting is out of range.
        """
        if text_memory_gb is not None and not text_memory_gb > 0:
            raise ValueError(
                f'{type(self).__name__}.text_memory_gb is {text_memory_gb!r}: set it above 0, or '
                'to None for no bound.'
            )
        self.text_memory_gb = text_memory_gb
        self.prompts = PromptLearner(self.text, self.num_classes, **contexts)
        room = self.text.context_length - self.prompts.n_ctx - 2
        self._begin_names((self.num_classes, room), class_names)

    def tokenize(self, names: Sequence[str]) -> Tensor:
        """Token ids of ``'<name>.'`` for every class, shape (C, context length - n_ctx - 2)."""
        room = (
            f'a context of {self.text.context_length} tokens with n_ctx={self.prompts.n_ctx} and '
            'the start and end token'
        )
        width = self.class_token_ids.size(1)
        return tokenize_classes(self.text.tokenizer, names, width, room)

    def text_features(self) -> Tensor:
        """Unit-length features of all prompts.

        While training, and wherever gradients are recorded, they are computed anew; in evaluation
        once, until a parameter changes. (A write through ``param.data``, as of EMA, is noticed at
        the next ``train()`` or ``eval()``, which MMEngine's loops call after their hooks.)

        Returns:
            Tensor: float32 of shape (P, C, E), the positive ones first.
        """
        if self._packed is None:
            self._packed = self._pack()
        if self.training or torch.is_grad_enabled():
            return self._encode()
        return self._features.get(
            self._encode_in_full_precision, self.prompts.contexts + self._text_tensors()
        )

    def class_features(self) -> Tensor:
        """Features of the positive prompts, float32 of shape (C, E)."""
        return self.text_features()[0]

    def _pack(self) -> PackedPrompts:
        prompts = lay_out_prompts(
            self._class_tokens(),
            self.prompts.n_ctx,
            self.prompts.class_position,
            self.text.tokenizer,
            self.prompts.class_specific,
        )
        return PackedPrompts.pack(
            self.text,
            prompts,
            n_polarities=len(self.prompts.contexts),
            memory_gb=self.text_memory_gb,
        )

    def _encode(self) -> Tensor:
        return encode_prompts(self.text, self._packed, self.prompts())

    def _encode_in_full_precision(self) -> Tensor:
        # Once per evaluation, so that features that are kept don't depend on who asked first, and
        # in which precision.
        with without_autocast(self.prompts.pos_ctx):
            return self._encode()
