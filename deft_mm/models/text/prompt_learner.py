"""The learnable contexts of prompts: of the positive and the negative ones, or of one kind alone.

Shapes: C classes, N context vectors, D text width, P polarities.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .prompt_layout import ctx_before_name


class PromptLearner(nn.Module):
    """Learnable contexts: one of the positive and one of the negative prompts.

    The parameters are ``pos_ctx`` and ``neg_ctx``: of shape (N, D), shared by all classes, or
    class-specific, (C, N, D). Where there is one prompt a class, it is the positive one, and
    ``neg_ctx`` is None.

    Initial values: without words every entry is drawn from N(0, ``ctx_init_std``). With words
    (``ctx_init='a photo of a'``) the context vectors before the class name end in the embeddings of
    these words, and those left over at the start are random; with the class name in front, the
    words come first after it, and the rest is random. Without ``neg_ctx_init`` the negative context
    of a word-initialised positive one is its copy plus N(0, ``ctx_init_std``), so that the two
    start close to each other.

    Args:
        text (nn.Module): The text tower (:func:`deft_mm.models.clip.load_text_tower`): its width,
            word embeddings and tokenizer. It is not kept.
        num_classes (int): Number of classes.
        n_ctx (int): Number of context vectors. Defaults to 16.
        class_position (str): Where the class name stands: 'end', 'front' or 'middle'. Defaults to
            'end'.
        class_specific (bool): Whether every class has contexts of its own. Defaults to False.
        ctx_init (str, optional): Words that start the positive context; None for random. Defaults
            to None.
        neg_ctx_init (str, optional): Words that start the negative context; None as said above.
            Defaults to None.
        ctx_init_std (float): Standard deviation of the random parts. Defaults to 0.02.
        negative (bool): Whether there are negative prompts. Defaults to True.

    Raises:
        ValueError: If a setting is out of range, or if the words have more than ``n_ctx`` tokens.
    """

    def __init__(
        self,
        text: nn.Module,
        num_classes: int,
        n_ctx: int = 16,
        class_position: str = 'end',
        class_specific: bool = False,
        ctx_init: str | None = None,
        neg_ctx_init: str | None = None,
        ctx_init_std: float = 0.02,
        negative: bool = True,
    ) -> None:
        super().__init__()
        # The start token, a name of one token, its full stop and the end token must fit, too.
        if not 1 <= n_ctx <= text.context_length - 4:
            raise ValueError(
                f'n_ctx is {n_ctx}: with the context length of this CLIP, {text.context_length}, '
                f'set it between 1 and {text.context_length - 4}.'
            )
        if ctx_init_std < 0:
            raise ValueError(f'ctx_init_std is {ctx_init_std}: set it to 0 or more.')
        self.n_ctx = n_ctx
        self.class_position = class_position
        self.class_specific = class_specific
        self.ctx_before = ctx_before_name(class_position, n_ctx)
        shape = (num_classes, n_ctx, text.width) if class_specific else (n_ctx, text.width)

        pos_ctx = self._initial(text, shape, 'ctx_init', ctx_init, ctx_init_std)
        self.pos_ctx = nn.Parameter(pos_ctx)
        self.neg_ctx = None
        if not negative:
            return
        if neg_ctx_init is None and ctx_init is not None:
            neg_ctx = pos_ctx + torch.randn(shape) * ctx_init_std
        else:
            neg_ctx = self._initial(text, shape, 'neg_ctx_init', neg_ctx_init, ctx_init_std)
        self.neg_ctx = nn.Parameter(neg_ctx)

    def _initial(self, text, shape, key: str, words: str | None, std: float) -> Tensor:
        ctx = torch.randn(shape) * std
        if words is None:
            return ctx
        ids = text.tokenizer.encode(words.replace('_', ' ')) if isinstance(words, str) else []
        if not 1 <= len(ids) <= self.n_ctx:
            raise ValueError(
                f'{key} is {words!r}, {len(ids)} tokens: write words of 1 to {self.n_ctx} tokens '
                '(n_ctx), or raise n_ctx.'
            )
        weight = text.token_embedding.weight.detach()
        start = max(0, self.ctx_before - len(ids))
        ctx[..., start : start + len(ids), :] = weight[torch.tensor(ids, device=weight.device)].to(
            ctx
        )
        return ctx

    def forward(self) -> Tensor:
        """The contexts, positive first: (P, N, D), or (P, C, N, D) if class-specific."""
        return torch.stack(self.contexts)

    @property
    def contexts(self) -> list[nn.Parameter]:
        """list[nn.Parameter]: One or two, the positive one first."""
        return [self.pos_ctx] if self.neg_ctx is None else [self.pos_ctx, self.neg_ctx]

    def extra_repr(self) -> str:
        return f'n_ctx={self.n_ctx}, class_position={self.class_position!r}'
