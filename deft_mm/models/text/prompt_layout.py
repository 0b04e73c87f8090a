"""Where in a prompt the context, the class name, the full stop and the end token stand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

# For each class-name position: how many of n context vectors stand before the name.
CLASS_POSITIONS = {
    'end': lambda n_ctx: n_ctx,
    'middle': lambda n_ctx: n_ctx // 2,
    'front': lambda n_ctx: 0,
}


def ctx_before_name(class_position: str, n_ctx: int) -> int:
    """How many of the context vectors stand before the class name.

    Raises:
        ValueError: If the position is none of 'end', 'middle' and 'front'.
    """
    if class_position not in CLASS_POSITIONS:
        raise ValueError(
            f'class_position is {class_position!r}: set one of '
            f'{", ".join(sorted(CLASS_POSITIONS))}.'
        )
    return CLASS_POSITIONS[class_position](n_ctx)


def lay_out_prompts(
    class_tokens: Sequence[Sequence[int]],
    n_ctx: int,
    class_position: str,
    tokenizer: Any,
    class_specific: bool = False,
) -> list[list[int]]:
    """Lay out one prompt a class.

    - ``end``: SOT, context, name, '.', EOT.
    - ``front``: SOT, name, context, '.', EOT.
    - ``middle``: SOT, half of the context, name, the other half, '.', EOT.

    Where the full stop is part of the name's last token (``').'``), that token stays with the name
    and no separate one follows.

    Args:
        class_tokens (Sequence[Sequence[int]]): Token ids of ``'<name>.'`` for each class.
        n_ctx (int): Number of context vectors.
        class_position (str): 'end', 'middle' or 'front'.
        tokenizer: A BPE tokenizer with ``encode``, ``sot_token_id`` and ``eot_token_id``.
        class_specific (bool): Whether every class has contexts of its own. Defaults to False.

    Returns:
        list[list[int]]: The tokens of each prompt: the id of a word, or ``-1 - i`` where context
        vector i stands; class-specific ones are counted through, class by class.
    """
    before = ctx_before_name(class_position, n_ctx)
    (full_stop,) = tokenizer.encode('.')
    prompts = []
    for c, tokens in enumerate(class_tokens):
        # The name ends before the full stop, unless the two became one token.
        n_name = len(tokens) - 1 if tokens[-1] == full_stop else len(tokens)
        first = c * n_ctx if class_specific else 0
        ctx = [-1 - i for i in range(first, first + n_ctx)]
        text = [*ctx[:before], *tokens[:n_name], *ctx[before:], *tokens[n_name:]]
        prompts.append([tokenizer.sot_token_id, *text, tokenizer.eot_token_id])
    return prompts
